"""Every mail of the corpus is read as it says, within five seconds, and none is dropped without a trace."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from connector.app import App
from connector.contract.source import keeps_the_rules
from connector.engine.collect import collect
from connector.ledger import leases
from connector.ledger.taken import Counts
from connector.plugins import Counted, Reading, Record, Rejected, Reply, SourceTools
from connector.sources.email import Email, EmailSettings
from connector.terminal.starter import start
from connector.ticket import Comment, Ticket
from tests.corpus.mail import CORPUS
from tests.corpus.mail.case import OWN, SETTINGS, Case

SECONDS = 5


@cache
def read(name: str) -> Reading:
    case = CORPUS[name]
    settings = EmailSettings.model_validate({"type": "email", "path": ".", **SETTINGS, **case.settings})
    record = Record(f"{name}.eml", case.data, 1_795_252_000.0, case.facts)
    with _alarm():
        found = Email("mail", settings, SourceTools()).read(record)
    keeps_the_rules(record, found, "mail")
    return found


@contextmanager
def _alarm() -> Iterator[None]:
    def over(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"not read after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _ticket(found: Reading) -> Ticket:
    made = found.ticket if isinstance(found, Reply) else found
    assert isinstance(made, Ticket)
    return made


def _comment(found: Reading) -> Comment:
    assert isinstance(found, Reply)
    return found.comment


def _files(found: Reading) -> tuple[Any, ...]:
    return _comment(found).attachments if isinstance(found, Reply) else _ticket(found).attachments


def _text(found: Reading) -> str:
    return _comment(found).text if isinstance(found, Reply) else _ticket(found).description


FACTS: Mapping[str, Callable[[Reading], Any]] = {
    "reading": lambda found: type(found).__name__.lower(),
    "reason": lambda found: found.reason if isinstance(found, Counted) else None,
    "code": lambda found: found.finding.code if isinstance(found, Rejected) else None,
    "otherwise": lambda found: found.otherwise if isinstance(found, Reply) else None,
    "internal": lambda found: _comment(found).automatic and not _comment(found).public,
    "answers": lambda found: list(found.thread) if isinstance(found, Reply) else None,
    "most_answers": lambda found: len(found.thread) if isinstance(found, Reply) else None,
    "text": lambda found: _comment(found).text,
    "summary": lambda found: _ticket(found).summary,
    "summary_bytes": lambda found: len(_ticket(found).summary),
    "description": lambda found: _ticket(found).description,
    "email": lambda found: _ticket(found).requester.email,
    "person": lambda found: _ticket(found).requester.name,
    "watchers": lambda found: [person.email for person in _ticket(found).watchers],
    "watching": lambda found: len(_ticket(found).watchers),
    "note": lambda found: _ticket(found).comments[0].text,
    "candidate": lambda found: _ticket(found).extra.get("original_author"),
    "automatic": lambda found: _ticket(found).extra.get("automatic", ""),
    "kept_date": lambda found: _ticket(found).extra.get("date"),
    "hint": lambda found: len(_ticket(found).extra.get("conversation", "")) == 44,
    "generated": lambda found: _ticket(found).external_id.endswith("@generated"),
    "thread0": lambda found: _ticket(found).thread[0],
    "sent": lambda found: str(_ticket(found).submitted_at)[:19].replace(" ", "T"),
    "urgency": lambda found: _ticket(found).urgency.value,
    "files": lambda found: [file.name for file in _files(found)],
    "file_count": lambda found: len(_files(found)),
    "last_file": lambda found: _files(found)[-1].name,
    "types": lambda found: [file.content_type for file in _files(found)],
    "inline": lambda found: [file.inline for file in _files(found)],
}
PARTS: Mapping[str, Callable[[Reading], str]] = {
    "has": _text,
    "says": _text,
    "noted": lambda found: "\n".join(_ticket(found).notes),
    "signature": lambda found: str(_ticket(found).extra.get("signature", "")),
}


@pytest.mark.parametrize("case", CORPUS.values(), ids=lambda case: case.name)
def test_a_mail_is_read_as_the_corpus_says(case: Case) -> None:
    found = read(case.name)
    for name, wanted in case.want.items():
        if name in ("same_as", "not_same_as"):
            same = _ticket(found).external_id == _ticket(read(wanted)).external_id
            assert same == (name == "same_as")
        elif name in PARTS:
            parts = [wanted] if isinstance(wanted, str) else wanted
            assert [part for part in parts if part not in PARTS[name](found)] == [], PARTS[name](found)
        else:
            assert FACTS[name](found) == wanted, name


def test_what_a_mail_beyond_the_limits_says_is_attached_whole() -> None:
    for name in ("twenty thousand parts", "too deep"):
        assert _files(read(name))[-1].content == CORPUS[name].data


def test_every_mail_of_the_corpus_leaves_its_row(tmp_path: Path) -> None:
    """The whole of it as one mailbox, through the ledger: each has its row, and what belongs together is together."""
    base = tmp_path / "site"
    start(base)
    settings = (base / "connector.yaml").read_text().replace("path: inbox/mail", "path: corpus")
    (base / "connector.yaml").write_text(settings.replace("it-help@northfield-hospital.example", OWN))
    (base / "corpus").mkdir()
    for number, case in enumerate(CORPUS.values()):
        if not case.settings and not case.facts and len(case.data) < 300_000:
            path = base / "corpus" / f"{number:03}.eml"
            path.write_bytes(case.data)
            os.utime(path, (1_795_252_000 + number, 1_795_252_000 + number))
    with App.open(base / "connector.yaml") as app:
        wiring, counts = app.wiring, Counts()
        held = leases.take(wiring.db, "collect:mail", wiring.who, wiring.clock.wall())
        assert held is not None
        collect(wiring, wiring.inlets["mail"], held, counts)
        rows = {row["place"].partition("#")[0]: row for row in app.outcomes() if row["source"] == "mail"}
    assert set(rows) == {path.name for path in (base / "corpus").iterdir()}
    assert counts.read == len(rows)
    outcome = {case.name: rows.get(f"{number:03}.eml") for number, case in enumerate(CORPUS.values())}
    for returned in ("bounce with the mail", "bounce with headers alone", "delayed"):
        assert outcome[returned]["outcome"] == "counted"  # nobody knows the talk
    assert outcome["nothing said"]["outcome"] == "rejected"
    assert outcome["first by another way"]["ticket"] == outcome["first"]["ticket"]
