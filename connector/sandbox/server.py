"""uvicorn on a loopback socket, in a thread.

Its connections can be cut, and forked children of the process around it neither hold them open nor break them.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import weakref
from contextlib import suppress
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

_running: weakref.WeakSet[Server] = weakref.WeakSet()


class _Joined:
    """A transport that sends what is written in one turn of the loop in one packet: head and body go together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        if data and not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        if self._parts:
            self._transport.write(b"".join(self._parts))
            self._parts.clear()

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(H11Protocol):
    """Shows the transport to the application, as `scope["state"]["transport"]`, and keeps no access log."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        joined: Any = _Joined(transport, self.loop)
        super().connection_made(joined)
        self.app_state = {**self.app_state, "transport": joined}

    def timeout_keep_alive_handler(self) -> None:
        # A process that was forked meanwhile may hold the socket too; only a shutdown reaches the client for sure.
        if not self.transport.is_closing():
            hang_up(self.transport)


def hang_up(transport: Any) -> None:
    """Close a connection at once, without an answer, whoever else still holds its file descriptor."""
    transport.flush()
    sock = transport.get_extra_info("socket")
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    transport.abort()


class Server(uvicorn.Server):
    """A server that starts and stops without waiting for ticks."""

    def __init__(self, app: Any, port: int = 0) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                date_header=False,
                server_header=False,
                timeout_keep_alive=60,
            )
        )
        self.socket = _listen(port)
        self.port: int = self.socket.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leave = asyncio.Event()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        _running.add(self)

    def start(self) -> None:
        """Serve in a daemon thread; returns when requests are answered."""
        self._thread = threading.Thread(target=self._work, name="sandbox", daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        """Cut all connections and end the thread."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._leave.set)
        self._thread.join(10)
        self._thread = None
        _running.discard(self)

    def forget(self) -> None:
        """In a forked child: let go of the parent's sockets, so that the parent alone decides when they close."""
        self.socket.close()
        for connection in list(self.server_state.connections):
            sock = connection.transport.get_extra_info("socket")
            sock._sock.close()

    def _work(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._serve([self.socket])

    async def main_loop(self) -> None:
        self._ready.set()
        await self._leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self.socket.close()
        for connection in list(self.server_state.connections):
            hang_up(connection.transport)
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _listen(port: int) -> socket.socket:
    # The protocol number matters: asyncio sets TCP_NODELAY only on sockets that carry it.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    sock.listen(512)
    return sock


def _after_fork() -> None:
    for server in list(_running):
        server.forget()


os.register_at_fork(after_in_child=_after_fork)
