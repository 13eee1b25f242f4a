"""Real receivers for what people are told: an SMTP server and an HTTP server, on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class PostOffice:
    """Takes mail. `say` may answer instead of a command: (command, argument, envelope) -> reply or None."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    say: Callable[[str, str, Envelope], str | None] = lambda command, argument, envelope: None

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802 - the name that aiosmtpd asks for
        if (reply := self.say("MAIL", address, envelope)) is not None:
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]):  # noqa: N802 - the name that aiosmtpd asks for
        if (reply := self.say("RCPT", address, envelope)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope):  # noqa: N802 - the name that aiosmtpd asks for
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        if (reply := self.say("DATA", "", envelope)) is not None:
            if reply.startswith("taken"):
                self._take(envelope, content)
                server.transport.abort()
                return "250 OK"
            return reply
        self._take(envelope, content)
        return "250 OK"

    def _take(self, envelope: Envelope, content: bytes) -> None:
        self.mails.append(email.message_from_bytes(content, policy=email.policy.default))  # type: ignore[arg-type]
        self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))


class _Controller(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # it was told 0: any that is free
        super()._trigger_server()


@contextmanager
def post_office(**options: Any) -> Iterator[PostOffice]:
    """An SMTP server (aiosmtpd); `options` are its own."""
    office = PostOffice()
    controller = _Controller(office, hostname="127.0.0.1", port=0, ready_timeout=5, **options)
    controller.start()
    try:
        office.port = controller.port
        yield office
    finally:
        controller.stop()


@dataclass
class Receiver:
    """Takes posts. `answer` gives status and body for one: 0 hangs up, a status below 0 cuts the body in the middle."""

    url: str = ""
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Callable[[str, bytes], tuple[int, bytes]] = lambda path, body: (200, b'{"id": "1"}')

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.posts]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """An HTTP server."""
    made = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are written apart

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.posts.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
            status, said = made.answer(self.path, body)
            if status == 0:  # hang up
                self.connection.close()
                self.close_connection = True
                return
            self.send_response(abs(status))
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said if status > 0 else said[: len(said) // 2])
            self.close_connection = status < 0

        def log_message(self, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/told"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
