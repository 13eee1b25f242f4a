"""uvicorn with bounds: on connections, on the time that a head may take, and on what a shutdown waits for."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from connector.intake.answers import RETRY_AFTER, error

CONNECTIONS = 500
HEAD_BYTES = 32 * 1024
# In seconds: for the head of a request, between requests, and for what is under way at the end.
HEAD_SECONDS = 10.0
IDLE_SECONDS = 15
LAST_SECONDS = 25


class _Protocol(H11Protocol):
    """One connection. Its head has to come in time, and it is turned away where there are too many."""

    connections_at_most = CONNECTIONS
    head_seconds = HEAD_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False
        self._head: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.connections_at_most:
            self._turn_away(503, error("overloaded", "too many connections", "try again later"))
            return
        self._await_head()

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._head_came()
        elif self._head is None and (before is None or before.response_complete):
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        self._turn_away(400, error("not-http", "this is no HTTP request, or its head is too large"))

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_came(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _head_is_late(self) -> None:
        if self.conn.trailing_data[0]:
            self._turn_away(408, error("too-slow", "the head of the request did not come in time"))
        else:
            self.transport.close()

    def _turn_away(self, status: int, said: dict[str, str]) -> None:
        """Answer outside of any request, and close."""
        self._head_came()
        if self.transport.is_closing():
            return
        body = json.dumps({"error": said}).encode()
        headers = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        if status == 503:
            headers.append(("retry-after", str(RETRY_AFTER)))
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(self.conn.send(h11.Response(status_code=status, headers=headers)) or b"")
            self.transport.write(self.conn.send(h11.Data(data=body)) or b"")
        self.transport.close()


class Server(uvicorn.Server):
    """Serves `app` on a socket until `stop()` turns true; then it finishes what is under way.

    `ready` is called when requests are answered. Signals are whoever started it's business.
    """

    def __init__(
        self, app: Any, sock: socket.socket, stop: Callable[[], bool], ready: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                server_header=False,
                h11_max_incomplete_event_size=HEAD_BYTES,
                timeout_keep_alive=IDLE_SECONDS,
                timeout_graceful_shutdown=LAST_SECONDS,
            )
        )
        self._socket = sock
        self._stop = stop
        self._told = ready

    def serve_all(self) -> None:
        """Serve in this thread, until it is over."""
        self.run(sockets=[self._socket])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._told()

    async def on_tick(self, counter: int) -> bool:
        return self._stop() or await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes any that is free. Raises OSError."""
    family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
        0
    ]
    # The protocol number matters: asyncio sets TCP_NODELAY only on sockets that carry it.
    sock = socket.socket(family, kind, number)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(address)
        sock.listen(512)
    except OSError:
        sock.close()
        raise
    return sock
