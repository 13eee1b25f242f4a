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
_BY_EVENT = {"received": RECEIVED, "problem_opened": OPENED, "problem_resolved": OVER, "resolved": OVER}
# The first that is said in a message tells what it is about.
_BY_WORDS = (
    (re.compile(r"affects others too"), OPENED),
    (re.compile(r"[Tt]he outage.* is over|is resolved"), OVER),
    (re.compile(r"[Ww]e have your request"), RECEIVED),
)
_TALK = re.compile(r"/v3/conversations/([^/]+)/activities")

Heard = Counter[tuple[str, str]]


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
        said: Heard = Counter(_of_mail(mail["In-Reply-To"] or "", mail.get_content()) for mail in self.office.mails)
        known: set[str] = set()
        for path, headers, body in list(self.service.posts):
            document = json.loads(body)
            if "event" not in document:
                said[_of_talk(path, document["text"])] += 1
            elif headers["idempotency-key"] not in known:
                known.add(headers["idempotency-key"])
                said[document["ticket"].rpartition(":")[2], _BY_EVENT.get(document["event"], "?")] += 1
        return said


def _of_mail(answers: str, text: str) -> tuple[str, str]:
    return answers.strip("<>").partition("@")[0], _kind(text)


def _of_talk(path: str, text: str) -> tuple[str, str]:
    talk = _TALK.search(path)
    return unquote(talk[1]) if talk else path, _kind(text)


def _kind(text: str) -> str:
    return next((kind for words, kind in _BY_WORDS if words.search(text)), "?")


@contextmanager
def listening() -> Iterator[Ears]:
    """Both services, as long as the block lasts."""
    with post_office() as office, receiver() as service:
        yield Ears(office, service)
