"""Connections that keep one deadline for the whole call, and know whether the request left this machine.

The timeouts of requests count anew with every packet, so a body (or a header) that drips holds a call for ever. Here
every read of the socket gets only the time that the call has left, and nothing leaves after the deadline: a process
that was stopped between its decision and the send does not send an hour later.
"""

from __future__ import annotations

import functools
import http.client
import io
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from connector.clock import Clock

_SHORTEST = 0.001  # a socket timeout of 0 would mean "do not block"


class Flight:
    """One call on its way: when it must be over, and whether any byte of it left (None: never tried)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.monotonic()
        self.left: bool | None = None

    def begin(self, seconds: float) -> None:
        self._until = self._clock.monotonic() + seconds
        self.left = None

    def again(self) -> None:
        """The same call once more, within the same time."""
        self.left = None

    def remaining(self) -> float:
        return self._until - self._clock.monotonic()


class _Reading(io.RawIOBase):
    """The bytes of a socket, each awaited no longer than the call has left."""

    def __init__(self, sock: socket.socket, flight: Flight) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._flight = flight

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_time_left(self._flight))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _time_left(flight: Flight) -> float:
    remaining = flight.remaining()
    if remaining <= 0:
        raise TimeoutError("the call's time is over")
    return max(remaining, _SHORTEST)


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, flight: Flight, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reading(sock, flight))


class _Timed:
    """Mixed into urllib3's connections."""

    _flight: Flight
    _connecting = False
    debuglevel = 0  # http.client's own is for everybody, and prints credentials

    def connect(self) -> None:
        self._flight.left = False
        self._connecting = True  # what a proxy is told is not yet the request
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        if getattr(self, "sock", None) is None:
            self.connect()
        if not self._connecting:
            if self._flight.left is None:
                self._flight.left = False
            _time_left(self._flight)
            self._flight.left = True
        super().send(data)  # type: ignore[misc]


class _Plain(_Timed, HTTPConnection):
    pass


class _Secure(_Timed, HTTPSConnection):
    pass


def _pools(flight: Flight) -> dict[str, type[HTTPConnectionPool]]:
    answer = functools.partial(_Answer, flight=flight)
    kept: dict[str, Any] = {"_flight": flight, "response_class": staticmethod(answer)}
    plain = type("Plain", (_Plain,), kept)
    secure = type("Secure", (_Secure,), kept)
    return {
        "http": type("PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }


class TimedAdapter(HTTPAdapter):
    """The transport of one session: no retries of its own, and every connection keeps the flight's deadline."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._flight)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = _pools(self._flight)
        return manager
