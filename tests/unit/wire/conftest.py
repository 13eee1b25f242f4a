"""A server that says exactly what a test tells it, byte by byte, on a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from connector import wire
from connector.plugins import ONE_REQUEST, Allowance, Cost
from tests.conftest import FakeClock

Say = Callable[[socket.socket], None]


def answer(
    body: bytes = b'{"result": []}', status: str = "200 OK", *headers: str, kind: str = "application/json"
) -> Say:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *headers, "", ""]
    whole = "\r\n".join(lines).encode() + body
    return lambda connection: connection.sendall(whole)


class Script:
    """Answers each request with the next part of the script; what it was asked is kept."""

    def __init__(self) -> None:
        self.parts: list[Say] = []
        self.asked: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                self._talk(connection)

    def _talk(self, connection: socket.socket) -> None:
        try:
            while self.parts and (request := _request(connection)):
                self.asked.append(request)
                self.parts.pop(0)(connection)
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Paid:
    """A limiter that counts."""

    def __init__(self) -> None:
        self.taken = 0
        self.left = 0
        self.costs: list[Cost] = []
        self.held: list[tuple[float | None, str]] = []
        self.news: list[Sequence[Allowance]] = []

    def take(self, cost: Cost = ONE_REQUEST) -> None:
        self.taken += 1
        self.costs.append(cost)

    def hold(self, seconds: float | None, name: str = "") -> None:
        self.held.append((seconds, name))

    def heard(self, news: Sequence[Allowance]) -> None:
        self.news.append(news)

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        self.left += 1


@pytest.fixture
def script() -> Iterator[Script]:
    made = Script()
    yield made
    made.close()


@pytest.fixture
def limiter() -> Paid:
    return Paid()


@pytest.fixture
def session(script: Script, clock: FakeClock, limiter: Paid) -> Iterator[wire.Session]:
    with wire.session("desk", script.url, None, timeout=75, clock=clock, limiter=limiter) as made:
        yield made
