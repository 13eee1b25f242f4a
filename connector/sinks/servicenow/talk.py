"""Talking to an instance: pysnow over our sessions."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from connector import wire
from connector.errors import Permanent
from connector.plugins import SinkTools
from connector.sinks.lines import Lines
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.dialect import DIALECT
from connector.sinks.servicenow.settings import Settings
from connector.wire import Effect, Seen, Session, translated

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pysnow 0.7.17 is the last one, and shows its age
    import pysnow

_RAW = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
_TABLE = re.compile(r"[A-Za-z0-9_]{1,80}")


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
        resource.parameters.add_custom(_RAW)
        return resource

    def rows(self, table: str, query: str, fields: Sequence[str], limit: int = 100) -> list[dict[str, Any]]:
        """What a query finds. Check every row again: a condition on a column that is not there is ignored."""
        with translated(self.name, Effect.READ):
            self.resource(f"/table/{_checked_table(table)}").get(query=query, limit=limit, fields=list(fields))
            return [row for row in self.session.part("result", list) if isinstance(row, dict)]

    def record(self, table: str, sys_id: str, fields: Sequence[str]) -> dict[str, Any] | None:
        """One record, or None where it is gone or hidden."""
        with translated(self.name, Effect.READ):
            resource = self.resource(f"/table/{_checked_table(table)}")
            resource.parameters.fields = list(dict.fromkeys(fields))
            try:
                resource.request("GET", path_append=f"/{checked_id(sys_id)}")
            except Permanent as error:
                if error.code == Seen.GONE:
                    return None
                raise
            record = self.session.part("result", dict)
            return record if columns.plain(record.get("sys_id")) == sys_id else None


def checked_id(sys_id: str) -> str:
    """The sys_id, if it is one. Raises Permanent."""
    if not columns.is_sys_id(sys_id):
        raise Permanent("this is not the sys_id of a record", "see connector explain", code="bad-id")
    return sys_id


def _checked_table(name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise Permanent("this is not the name of a table", "correct the mapping's table", code=str(Seen.NO_API))
    return name
