"""The `email` source keeps the contract of every source, from files and from a Maildir."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from connector.contract.source import SourceContract
from connector.sources.email import Email


def _mail(number: int, body: str = "It does not print.", *more: str) -> bytes:
    head = (
        "From: Ann Lee <ann@ward.example>",
        "To: helpdesk@hospital.example",
        f"Subject: Label printer {number}",
        "Date: Sat, 21 Nov 2026 09:59:00 +0100",
        f"Message-ID: <{number}@ward.example>",
        *more,
    )
    return "\n".join((*head, "", body, "")).encode()


PICTURE = base64.encodebytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 90).decode()
PARTS = f"""--b
Content-Type: text/plain; charset=utf-8; format=flowed

Grüße aus \nder Station
--b
Content-Type: image/png; name="=?utf-8?q?B=C3=BCro?="
Content-Transfer-Encoding: base64

{PICTURE}
--b--
"""
REPLY = _mail(2, "Yes.\n\nOn 21 Nov 2026 at 09:59, Bo wrote:\n> now?", "In-Reply-To: <1@ward.example>")
MIXED = _mail(3, PARTS, "Content-Type: multipart/mixed; boundary=b")
PAGE = _mail(4, "<p>Hello<div class=gmail_quote>old</div>", "Content-Type: text/html; charset=x-unknown")
AWAY = _mail(5, "I am away.", "Auto-Submitted: auto-replied")


TOP = b"From a@b Sat Nov 21 09:59:00 2026\n"


class TestFiles(SourceContract):
    plugin = Email
    options: ClassVar[Mapping[str, Any]] = {"own_addresses": ["helpdesk@hospital.example"], "agents": ["it.example"]}
    samples: ClassVar[Mapping[str, bytes]] = {
        "one.eml": _mail(1),
        "reply.eml": REPLY,
        "deep/mixed.eml": MIXED,
        "page.eml": PAGE,
        "away.eml": AWAY,
        "empty.eml": b"",
        "broken.eml": b"\xff\xfe\0no mail",
        "old.mbox": b"From a@b Sat Nov 21 09:59:00 2026\n"
        + _mail(6)
        + b"\nFrom a@b Sat Nov 21 09:59:00 2026\n"
        + _mail(7),
    }
    crowd: ClassVar[Mapping[str, bytes]] = {
        "a.mbox": b"".join(TOP + _mail(n) + b"\n" for n in range(1_100)),
        **{f"{n}.eml": _mail(n) for n in range(2_000, 2_010)},
    }


class TestMaildir(SourceContract):
    plugin = Email
    options: ClassVar[Mapping[str, Any]] = {"format": "maildir"}
    samples: ClassVar[Mapping[str, bytes]] = {
        "new/1700000000.M1.host": _mail(1),
        "cur/1700000001.M2.host:2,S": REPLY,
        "cur/odd": MIXED,
    }
    crowd: ClassVar[Mapping[str, bytes]] = {
        f"{'new' if n % 2 else 'cur'}/{1_700_000_000 + n * 60}.M{n}.host": _mail(n) for n in range(520)
    }

    def fill(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        for name in ("new", "cur", "tmp"):
            (folder / "inbox" / name).mkdir(parents=True, exist_ok=True)
        super().fill(folder, contents)
