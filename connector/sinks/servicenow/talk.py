"""Talking to an instance: pysnow over our sessions, a client for each thread, one credential for all."""

from __future__ import annotations

import functools
import os
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from connector import wire
from connector.errors import Permanent
from connector.plugins import SinkTools
from connector.sinks.accounts import opened
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.dialect import DIALECT
from connector.sinks.servicenow.settings import Settings
from connector.wire import Effect, Seen, Session, translated

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # pysnow 0.7.17 is the last one, and shows its age
    import pysnow

_RAW = {"sysparm_display_value": "false", "sysparm_exclude_reference_link": "true"}
_TABLE = re.compile(r"[A-Za-z0-9_]{1,80}")


class _Line(threading.local):
    """pysnow's client with a session of its own for every thread: pysnow shares state, and ServiceNow works off the
    requests of one session one after another."""

    client: Any = None
    process = 0


class Talk:
    """What a sink says to its instance. May be used from several threads."""

    def __init__(self, name: str, settings: Settings, tools: SinkTools) -> None:
        self.name = name
        self._settings = settings
        self._tools = tools
        self._line = _Line()
        self._opening = threading.Lock()
        self._credential: wire.Credential | None = None

    @property
    def session(self) -> Session:
        """The calling thread's session."""
        session: Session = self._client().session
        return session

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Around a write and the looks that belong to it: one deadline, and whatever goes wrong is Uncertain unless
        the wire knows better."""
        with translated(self.name, Effect.WRITE), self.session.single_call():
            yield

    def resource(self, path: str) -> Any:
        """A fresh resource: one that is used twice sends the first call's query with the second."""
        resource = self._client().resource(api_path=path, timeout=self._settings.timeout)
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

    def _client(self) -> Any:
        if self._line.process != os.getpid():  # a forked child must not speak on its parent's connections
            session = opened(self.name, self._settings, self._tools, self._shown(), DIALECT)
            self._line.client = pysnow.Client(host=wire.ROOT.partition("//")[2], use_ssl=True, session=session)
            session.headers["User-Agent"] = "connector"
            self._line.process = os.getpid()
        return self._line.client

    def _shown(self) -> wire.Credential:
        """The credential, made once and shared by all threads (a token is fetched once for all)."""
        with self._opening:
            if self._credential is None:
                self._credential = self._made_credential()
            return self._credential

    def _made_credential(self) -> wire.Credential:
        form = self._settings.auth.form(self._tools.base)
        if "api_key" in form:
            return wire.Header("x-sn-apikey", form["api_key"])
        if "client_id" not in form:
            return wire.Basic(form["username"], form["password"])
        grant = {**form, "grant_type": "password" if "username" in form else "client_credentials"}
        asking = functools.partial(opened, self.name, self._settings, self._tools, None)
        return wire.oauth(asking, "/oauth_token.do", grant, self._tools.clock)


def checked_id(sys_id: str) -> str:
    """The sys_id, if it is one. Raises Permanent."""
    if not columns.is_sys_id(sys_id):
        raise Permanent("this is not the sys_id of a record", "see connector explain", code="bad-id")
    return sys_id


def _checked_table(name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise Permanent("this is not the name of a table", "correct the mapping's table", code=str(Seen.NO_API))
    return name
