"""What people hear, each in the channel that they used: a mail server, and a service for callbacks and bots."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

from tests.answers import PostOffice, Receiver, post_office, receiver

RECEIVED, OPENED, OVER = "received", "opened", "over"
# What those hear who did not ask, but are to know of every outage.
LEADS = "leads@northfield-hospital.example"
LEADS_OPENED, LEADS_NEWS, LEADS_OVER = "leads: opened", "leads: news", "leads: over"
_BY_EVENT = {"received": RECEIVED, "problem_opened": OPENED, "problem_resolved": OVER, "resolved": OVER}
# The first that is said in a message tells what it is about.
_BY_WORDS = (
    (re.compile(r"affects others too"), OPENED),
    (re.compile(r"[Tt]he outage.* is over|is resolved"), OVER),
    (re.compile(r"[Ww]e have your request"), RECEIVED),
)
_BY_SUBJECT = {"Outage, known": LEADS_OPENED, "Outage, news": LEADS_NEWS, "Outage, over": LEADS_OVER}
_TALK = re.compile(r"/v3/conversations/([^/]+)/activities")

Heard = Counter[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Message:
    """What one person was told about a report, or the leads about the outage of that title; `text` is all that they
    can read."""

    report: str
    kind: str
    text: str


@dataclass
class Ears:
    """Everybody's, on loopback."""

    office: PostOffice
    service: Receiver

    @property
    def settings(self) -> str:
        """What makes the connector tell people here."""
        return f"""\
answers:
  smtp: {{host: 127.0.0.1, port: {self.office.port}, tls: none, sender: it-help@northfield-hospital.example}}
  per_hour: 1000
  sources:
    mail: {{by: mail}}
    button: {{by: callback, url: "{self.service.url}", hmac: "env:EARS_SECRET"}}
    bot: {{by: bot_framework, url: "{self.service.url}", token: "env:EARS_SECRET"}}
audiences:
  - {{tell: [{LEADS}]}}
"""

    def trouble(self, seed: int, rate: float) -> None:
        """Refuse now and then, or take what comes and lose the answer."""
        chance = random.Random(seed)

        def say(command: str, argument: str, envelope: object) -> str | None:
            if command not in ("RCPT", "DATA") or chance.random() >= rate / 2:
                return None
            return "451 later" if command == "RCPT" or chance.random() < 0.5 else "taken"

        def answer(path: str, body: bytes) -> tuple[int, bytes]:
            if chance.random() >= rate:
                return 200, b'{"id": "1"}'
            if chance.random() < 0.5:
                return 0, b""
            self.service.posts = [post for post in self.service.posts if post[2] is not body]
            return 429, b""

        self.office.say, self.service.answer = say, answer

    def heal(self) -> None:
        """All is well again."""
        self.office.say, self.service.answer = PostOffice.say, Receiver.answer

    def heard(self) -> Heard:
        """How often each report was told of each thing. A callback that comes again under its key counts once."""
        return Counter((each.report, each.kind) for each in self.messages())

    def messages(self) -> Iterator[Message]:
        """All that people were told."""
        for mail in self.office.mails:
            report, kind = str(mail["In-Reply-To"] or "").strip("<>").partition("@")[0], _kind(mail.get_content())
            if LEADS in str(mail["To"]):
                what, _, report = mail["Subject"].strip().partition(": ")
                kind = _BY_SUBJECT.get(what, what)
            yield Message(report, kind, f"{mail['Subject']}\n{mail.get_content()}")
        known: set[str] = set()
        for path, headers, body in list(self.service.posts):
            document = json.loads(body)
            if "event" not in document:
                talk = _TALK.search(path)
                yield Message(unquote(talk[1]) if talk else path, _kind(document["text"]), document["text"])
            elif headers["idempotency-key"] not in known:
                known.add(headers["idempotency-key"])
                kind = _BY_EVENT.get(document["event"], "?")
                yield Message(document["ticket"].rpartition(":")[2], kind, json.dumps(document, ensure_ascii=False))


def _kind(text: str) -> str:
    return next((kind for words, kind in _BY_WORDS if words.search(text)), "?")


@contextmanager
def listening() -> Iterator[Ears]:
    """Both services, as long as the block lasts."""
    with post_office() as office, receiver() as service:
        yield Ears(office, service)
