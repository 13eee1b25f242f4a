"""Talking to an instance: pysnow over our sessions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from connector import wire
from connector.errors import Permanent, RemoteError
from connector.plugins import SinkTools
from connector.sinks.lines import Lines
from connector.sinks.servicenow import batch
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.batch import Inner
from connector.sinks.servicenow.desk import RAW, Call, checked_id, checked_table
from connector.sinks.servicenow.dialect import DIALECT
from connector.sinks.servicenow.settings import Settings
from connector.wire import Effect, Seen, Session, translated

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pysnow 0.7.17 is the last one, and shows its age
    import pysnow

_IDS = 150  # in one query; the address stays below what servers take
_JSON = {"Content-Type": "application/json"}
# How an instance says of the Batch API itself that it is not there, or not for this account.
_NO_BATCH = frozenset({Seen.NO_API, Seen.FORBIDDEN, Seen.REFUSED})


class NoBatch(Permanent):
    """The Batch API is not for us; each call by itself may well be."""


class Talk(Lines):
    """What a sink says to its instance. May be used from several threads."""

    dialect: ClassVar[wire.Dialect] = DIALECT

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        super().__init__(name, settings, tools)
        self._auth = settings.auth
        self._timeout = settings.timeout
        self._base = tools.base

    def client_on(self, session: Session) -> Any:
        client = pysnow.Client(host=wire.ROOT.partition("//")[2], use_ssl=True, session=session)
        session.headers["User-Agent"] = "connector"
        return client

    def credential(self) -> wire.Credential:
        form = self._auth.form(self._base)
        if "api_key" in form:
            return wire.Header("x-sn-apikey", form["api_key"])
        if "client_id" not in form:
            return wire.Basic(form["username"], form["password"])
        kind = "password" if "username" in form else "client_credentials"
        return self.oauth("/oauth_token.do", {**form, "grant_type": kind})

    def resource(self, path: str) -> Any:
        """A fresh resource: one that is used twice sends the first call's query with the second."""
        resource = self.client.resource(api_path=path, timeout=self._timeout)
        resource.parameters.add_custom(RAW)
        return resource

    def send(self, call: Call) -> Any:
        """Make one call that writes; the `result` of its answer."""
        resource = self.resource(call.path)
        resource.parameters.fields = list(call.shown)
        resource.request(call.method, data=json.dumps(call.body))
        return self.session.last.document["result"]

    def send_many(self, calls: Mapping[str, Call]) -> dict[str, Any | RemoteError]:
        """Make the calls in one: for each id its `result`, or what would have been raised of it alone.

        What has no room in the batch is left, as is what the instance did not come to; a first one that is too large
        for any batch goes by itself. Raises RemoteError where the same holds of all; NoBatch, before anything was done.
        """
        body, room = batch.packed(calls)
        sent = list(calls)[: max(room, 1)]
        if not room:
            left = dict.fromkeys(calls, self._seen(Seen.UNSERVICED))
            return {**left, sent[0]: self._alone(calls[sent[0]])}
        try:
            self.session.post(batch.PATH, data=body, headers=_JSON)
        except Permanent as error:
            if error.code in _NO_BATCH:
                raise NoBatch(error.what, error.remedy, code=error.code, status=error.status) from None
            raise
        answers = batch.unpacked(self.session.last.document, sent)
        found: dict[str, Any | RemoteError] = {}
        obeyed = False
        for name in calls:
            found[name] = result = self._judged(answers.get(name, Seen.UNSERVICED), obeyed)
            obeyed = obeyed or (isinstance(result, RemoteError) and result.code == Seen.BUSY)
        return found

    def _alone(self, call: Call) -> Any | RemoteError:
        try:
            with translated(self.name, Effect.WRITE):
                return self.send(call)
        except RemoteError as error:
            return error

    def _judged(self, inner: Inner | Seen, obeyed: bool) -> Any | RemoteError:
        if isinstance(inner, Seen):
            return self._seen(inner)
        try:
            return self.session.judged(inner.status, inner.headers, inner.content, Effect.WRITE, obeyed)["result"]
        except RemoteError as error:
            return error
        except (TypeError, KeyError):
            return self._seen(Seen.GARBLED)

    def _seen(self, seen: Seen) -> RemoteError:
        return wire.verdict(seen, Effect.WRITE, self.name)

    def rows(self, table: str, query: str, fields: Sequence[str], limit: int = 100) -> list[dict[str, Any]]:
        """What a query finds. Check every row again: a condition on a column that is not there is ignored."""
        with translated(self.name, Effect.READ):
            self.resource(f"/table/{checked_table(table)}").get(query=query, limit=limit, fields=list(fields))
            return [row for row in self.session.part("result", list) if isinstance(row, dict)]

    def named(self, table: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records with these ids; what is gone or hidden is missing."""
        wanted = [checked_id(sys_id) for sys_id in dict.fromkeys(ids)]
        found: dict[str, dict[str, Any]] = {}
        for at in range(0, len(wanted), _IDS):
            some = wanted[at : at + _IDS]
            rows = self.rows(table, f"sys_idIN{','.join(some)}", tuple(dict.fromkeys(fields)), len(some))
            found.update((str(row.get("sys_id")), row) for row in rows if row.get("sys_id") in some)
        return found

    def record(self, table: str, sys_id: str, fields: Sequence[str]) -> dict[str, Any] | None:
        """One record, or None where it is gone or hidden."""
        with translated(self.name, Effect.READ):
            resource = self.resource(f"/table/{checked_table(table)}")
            resource.parameters.fields = list(dict.fromkeys(fields))
            try:
                resource.request("GET", path_append=f"/{checked_id(sys_id)}")
            except Permanent as error:
                if error.code == Seen.GONE:
                    return None
                raise
            record = self.session.part("result", dict)
            return record if columns.plain(record.get("sys_id")) == sys_id else None
