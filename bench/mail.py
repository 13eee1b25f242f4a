"""Mailboxes of any size, realistic in shape; how fast they are read, in how much memory, and after kill -9."""

from __future__ import annotations

import importlib
import json
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

SETTINGS = """\
site: bench-0001
ledger: sqlite:///connector.db
sources:
  mail: {type: email, path: inbox, own_addresses: [helpdesk@hospital.example]}
sinks:
  servicenow:
    {type: servicenow, url: "http://127.0.0.1:9", auth: {username: x, password: "env:NONE"}, mapping: servicenow.yaml}
routes:
  - {sink: servicenow}
"""
FIELDS = 38
_PROSE = (
    "the printer on ward does not print labels since this morning when nurse opens medication list and chart of "
    "patient in room screen shows an error please help us we cannot work order lab result workstation login"
)
_WORDS = _PROSE.split()
_PARAGRAPH = (
    '<p class="MsoNormal" style="margin:0cm;font-size:11pt;font-family:Calibri,sans-serif"><span lang="EN-US" '
    'style="color:#1F497D">{}<o:p></o:p></span></p>\n'
)


# ── mails ──


def _said(chance: random.Random, size: int) -> str:
    lines: list[str] = []
    while sum(map(len, lines)) < size:
        lines.append(" ".join(chance.choices(_WORDS, k=12)))
    return "\n".join(lines)


def _head(number: int, kind: str, chance: random.Random) -> str:
    """38 fields, as Exchange and four relays leave them."""
    fields = [f"Return-Path: <user{number % 500}@northfield.example>", "Delivered-To: helpdesk@hospital.example"]
    relayed = "from mx.northfield.example (mx.northfield.example [10.0.0.7])\n\tby relay.hospital.example (Postfix)"
    fields += [
        f"Received: {relayed} with ESMTPS id {n}\n\tfor <desk@x>; Sat, 21 Nov 2026 09:59:00 +0000" for n in range(4)
    ]
    fields += [
        f"From: User {number % 500} <user{number % 500}@northfield.example>",
        "To: Help Desk <helpdesk@hospital.example>",
        f"Cc: Lead <lead{number % 40}@northfield.example>",
        f"Subject: Label printer on ward {number % 50} fails again {number}",
        "Date: Sat, 21 Nov 2026 10:00:00 +0100",
        f"Message-ID: <{number}.{chance.getrandbits(60):x}@northfield.example>",
        "MIME-Version: 1.0",
        f"Content-Type: {kind}; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "X-Mailer: Microsoft Outlook 16.0",
    ]
    fields += [f"X-MS-Field-{n}: {chance.getrandbits(120):x}" for n in range(FIELDS - len(fields))]
    return "\n".join(fields)


def text_mail(number: int, chance: random.Random) -> str:
    """About 4 KB, header included."""
    return f"{_head(number, 'text/plain', chance)}\n\n{_said(chance, 1_500)}\n-- \nUser {number % 500}\nWard 5\n"


def html_mail(number: int, chance: random.Random) -> str:
    """About 20 KB, as Outlook writes them, with a quoted mail at the end."""
    body = '<html><head><style>p.MsoNormal{margin:0}</style></head><body lang="EN-US"><div class="WordSection1">'
    while len(body) < 16_000:
        body += _PARAGRAPH.format(_said(chance, 150))
    body += "<table><tr><td>Workstation</td><td>WS-12</td></tr><tr><td>Room</td><td>12</td></tr></table>"
    body += '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Desk</p></div>'
    while len(body) < 18_500:
        body += _PARAGRAPH.format(_said(chance, 150))
    return f"{_head(number, 'text/html', chance)}\n\n{body}</div></body></html>\n"


def maildir(folder: Path, count: int, make: Callable[[int, random.Random], str]) -> None:
    """A Maildir of so many mails, ninety an hour."""
    chance = random.Random(5)
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        (folder / "new" / f"{1_700_000_000 + number * 40}.M{number}.host").write_text(make(number, chance), "utf-8")


# ── one reading, in a process of its own ──


def install(folder: Path, count: int, kind: str) -> None:
    """Settings and a mailbox; made elsewhere, so that making it is no part of anybody's memory."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "connector.yaml").write_text(SETTINGS)
    mapping = resources.files("connector.templates").joinpath("servicenow.yaml").read_text("utf-8")
    (folder / "servicenow.yaml").write_text(mapping)
    made = f"maildir(Path({str(folder / 'inbox')!r}), {count}, {kind})"
    code = f"from bench.mail import maildir, {kind}; from pathlib import Path; {made}"
    subprocess.run([sys.executable, "-c", code], check=True)


def read(folder: Path, killed_after: int = 0) -> dict[str, float]:
    """Collect all that is new, to committed rows; die by SIGKILL after so many mails, if asked."""
    from connector.app import App
    from connector.engine.collect import collect
    from connector.ledger import leases
    from connector.ledger.taken import Counts
    from connector.terminal.collector import look_seldom

    def progress(step: str, done: int, total: int | None) -> None:
        if killed_after and done >= killed_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with App.open(folder / "connector.yaml") as app:
        wiring = replace(app.wiring, progress=progress)
        held = leases.take(wiring.db, "collect:mail", wiring.who, wiring.clock.wall() + (60 if not killed_after else 0))
        assert held is not None
        look_seldom()
        counts, began = Counts(), time.process_time()
        collect(wiring, wiring.inlets["mail"], held, counts)
        spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"read": counts.read, "new": counts.new, "seconds": spent, "MB": peak}


def _apart(folder: Path, killed_after: int = 0) -> dict[str, float] | None:
    reading = f"read(Path({str(folder)!r}), {killed_after})"
    code = f"import json; from bench.mail import read; from pathlib import Path; print(json.dumps({reading}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if killed_after and done.returncode == -signal.SIGKILL:
        return None
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


# ── rows ──


def mail_row(folder: Path) -> dict[str, float]:
    """Mail through collect, to committed rows: text mails of 4 KB with 38 fields, and HTML mails of 20 KB."""
    install(folder / "text", 3_000, "text_mail")
    install(folder / "html", 600, "html_mail")
    text, html = read(folder / "text"), read(folder / "html")
    return {"text mails/s": text["new"] / text["seconds"], "HTML mails/s": html["new"] / html["seconds"]}


def memory_row(folder: Path) -> dict[str, float]:
    """A Maildir of 100,000 mails: peak memory beside that for 1,000, and kill -9 in the middle."""
    install(folder / "few", 1_000, "text_mail")
    install(folder / "many", 100_000, "text_mail")
    few = _apart(folder / "few")
    assert few is not None
    assert _apart(folder / "many", killed_after=40_000) is None
    many = _apart(folder / "many")
    assert many is not None
    with sqlite3.connect(folder / "many" / "connector.db") as ledger:
        (tickets,) = ledger.execute("SELECT count(*) FROM ticket").fetchone()
    return {
        "MB at 100,000": many["MB"],
        "MB more than at 1,000": many["MB"] - few["MB"],
        "lost or doubled after kill -9": abs(tickets - 100_000) + (many["read"] >= 100_000),
    }


def html_row(folder: Path) -> dict[str, float]:
    """HTML of 20 KB to text, by library; the walk over lxml also finds quotes, signatures and what is hidden."""
    chance = random.Random(5)
    pages = [html_mail(number, chance).partition("\n\n")[2] for number in range(60)]
    return {name: _rate(reader, pages) for name, reader in _readers().items()}


def _readers() -> dict[str, Callable[[str], object]]:
    from html.parser import HTMLParser

    inscriptis: Any = importlib.import_module("inscriptis")
    selectolax: Any = importlib.import_module("selectolax.lexbor")
    from connector.sources.email.html import html_text

    class Text(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.said: list[str] = []

        def handle_data(self, data: str) -> None:
            self.said.append(data)

    return {
        "our walk over lxml/s": html_text,
        "html.parser, text alone/s": lambda page: Text().feed(page),
        "selectolax, text alone/s": lambda page: selectolax.LexborHTMLParser(page).text(separator="\n"),
        "inscriptis/s": inscriptis.get_text,
    }


def _rate(reader: Callable[[str], object], pages: list[str]) -> float:
    reader(pages[0])
    began = time.process_time()
    for page in pages:
        reader(page)
    return len(pages) / (time.process_time() - began)


Goals = dict[str, str]
ROWS: dict[str, tuple[Callable[[Path], dict[str, float]], Goals]] = {
    "mail": (mail_row, {"text mails/s": ">= 300", "HTML mails/s": ">= 80"}),
    "mail-memory": (
        memory_row,
        {"MB at 100,000": "<= 150", "MB more than at 1,000": "<= 20", "lost or doubled after kill -9": "<= 0"},
    ),
    "mail-html": (
        html_row,
        {
            "our walk over lxml/s": ">= 200",
            "html.parser, text alone/s": ">= 0",
            "selectolax, text alone/s": ">= 0",
            "inscriptis/s": ">= 0",
        },
    ),
}
