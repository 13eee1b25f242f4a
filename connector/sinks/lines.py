"""What every way of talking to a remote is made of: a client and a session for each thread, one credential for all."""

from __future__ import annotations

import functools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

from connector import wire
from connector.plugins import SinkSettings, SinkTools
from connector.sinks.accounts import opened
from connector.wire import Effect, Session, translated


class _Line(threading.local):
    """Both libraries share state between the calls of one client, and ServiceNow works off the requests of one session
    one after another."""

    process = 0
    session: Any = None
    client: Any = None


class Lines(ABC):
    """Lines to one remote account. May be used from several threads; each has its own session and client."""

    dialect: ClassVar[wire.Dialect] = wire.PLAIN

    def __init__(self, name: str, settings: SinkSettings, tools: SinkTools) -> None:
        self.name = name
        self._settings = settings
        self._tools = tools
        self._line = _Line()
        self._opening = threading.Lock()
        self._credential: wire.Credential | None = None

    @property
    def session(self) -> Session:
        """The calling thread's session."""
        session: Session = self._opened().session
        return session

    @property
    def client(self) -> Any:
        """The library's client on the calling thread's session."""
        return self._opened().client

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Around a write and the looks that belong to it: one deadline, and whatever goes wrong is Uncertain unless
        the wire knows better."""
        with translated(self.name, Effect.WRITE):
            session = self.session
            with session.single_call():
                yield session

    @abstractmethod
    def credential(self) -> wire.Credential:
        """The account's credential. Asked for once. Raises SettingsError."""

    @abstractmethod
    def client_on(self, session: Session) -> Any:
        """The library's client on a session of ours."""

    def oauth(self, path: str, grant: Mapping[str, str]) -> wire.Credential:
        """A credential whose token comes from `path` of the same remote."""
        asking = functools.partial(opened, self.name, self._settings, self._tools, None)
        return wire.oauth(asking, path, grant, self._tools.clock)

    def _opened(self) -> _Line:
        line = self._line
        if line.process != os.getpid():  # a forked child must not speak on its parent's connections
            line.session = opened(self.name, self._settings, self._tools, self._shared(), self.dialect)
            line.client = self.client_on(line.session)
            line.process = os.getpid()
        return line

    def _shared(self) -> wire.Credential:
        """Made once, so that a token is fetched once for all threads."""
        with self._opening:
            if self._credential is None:
                self._credential = self.credential()
            return self._credential
