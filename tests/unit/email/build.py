"""Mails made in code: each test shows the few lines that matter to it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from connector.plugins import Counted, Record, Rejected, Reply, SourceTools
from connector.sources.email import Email
from connector.sources.email.settings import EmailSettings
from connector.sources.email.ticket import reading
from connector.ticket import Ticket

HEAD = {
    "From": "Ann Lee <ann.lee@ward.example>",
    "To": "helpdesk@hospital.example",
    "Subject": "Label printer",
    "Date": "Sat, 21 Nov 2026 09:59:00 +0100",
    "Message-ID": "<one@ward.example>",
}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 3_000
OWN = "helpdesk@hospital.example"


def mail(body: str | bytes = "It does not print.\r\n", **fields: str | None) -> bytes:
    """A mail; `Content_Type=...` sets a field, None takes it away."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    head = {**HEAD, **named}
    lines = [f"{name}: {value}\r\n" for name, value in head.items() if value is not None]
    content = body.encode() if isinstance(body, str) else body
    return "".join(lines).encode("utf-8", "surrogateescape") + b"\r\n" + content


def part(content: str | bytes, kind: str = "text/plain; charset=utf-8", **fields: str) -> bytes:
    """A part of a multipart."""
    lines = [f"Content-Type: {kind}\r\n"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()]
    body = content.encode() if isinstance(content, str) else content
    return "".join(lines).encode("utf-8", "surrogateescape") + b"\r\n" + body


def file(content: bytes, kind: str = "image/png", name: str = "screen.png", **fields: str) -> bytes:
    """A part that is a file, in base64."""
    told = {"Content_Disposition": f'attachment; filename="{name}"', **fields}
    return part(base64.encodebytes(content), kind, Content_Transfer_Encoding="base64", **told)


def several(*parts: bytes, kind: str = "mixed", boundary: str = "b0", **fields: str | None) -> bytes:
    """A mail of several parts."""
    body = b"".join(b"--" + boundary.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    content_type = f'multipart/{kind}; boundary="{boundary}"'
    return mail(body + f"--{boundary}--\r\n".encode(), **{"Content_Type": content_type, **fields})


def nested(*parts: bytes, kind: str = "alternative", boundary: str = "b1") -> bytes:
    """A part of several parts."""
    return several(*parts, kind=kind, boundary=boundary, **dict.fromkeys(name.replace("-", "_") for name in HEAD))


def settings(**told: Any) -> EmailSettings:
    return EmailSettings(type="email", path="inbox", own_addresses=frozenset({OWN}), **told)


def read(data: bytes, at: float | None = None, **told: Any) -> Ticket | Reply | Counted | Rejected:
    return reading(Record("inbox/1.eml", data, at), "mail", settings(**told))


def ticket(data: bytes, at: float | None = None, **told: Any) -> Ticket:
    found = read(data, at, **told)
    assert isinstance(found, Ticket), found
    return found


def reply(data: bytes, **told: Any) -> Reply:
    found = read(data, **told)
    assert isinstance(found, Reply), found
    return found


def counted(data: bytes, **told: Any) -> str:
    """Why a mail is counted, if its talk is not known."""
    found = read(data, **told)
    if isinstance(found, Reply):
        assert found.otherwise
        return found.otherwise
    assert isinstance(found, Counted), found
    return found.reason


def source(path: Path | str, base: Path, clock: Any = None, **told: Any) -> Email:
    tools = SourceTools(base) if clock is None else SourceTools(base, clock)
    return Email("mail", EmailSettings(type="email", path=str(path), **told), tools)
