"""Killing the connector anywhere, against help desks that fail in every way, and counting what is there at the end.

One seed is one story: an inbox, help desks that drop, refuse, commit late and lose answers, and a few runs, each in a
fork of this warmed process that SIGKILLs itself at a random commit or request. Then the faults are healed, runs go on
until nothing waits, and every ticket, comment and file must be there exactly once.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import re
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import structlog
from sqlalchemy import NullPool, create_engine, event, select
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from connector import batching, config, yamlfile
from connector.app import App
from connector.ledger import database
from connector.ledger.schema import delivery
from connector.sandbox import Sandbox
from tests.postgres import Server

SETTLE = 2.0
# So many points (transactions, requests) a run of this inbox passes, one or many at once, and so many of them are the
# beginnings and ends of requests. A kill falls on any of them, or, every other time, on one of a request.
POINTS, POINTS_OF_MANY, REQUESTS = 220, 480, 60
QUIET_RUNS = 14
FILE = "sqlite:///ledger.db"

SETTINGS = """\
site: crash-0001
ledger: "{ledger}"
wait: 20
pending: 60
sources:
  button: {{type: ehr_button, path: inbox/button}}
  mail: {{type: email, path: inbox/mail}}
sinks:
  servicenow:
    {{type: servicenow, url: "{url}", auth: {{username: sync, password: "env:CRASH_SECRET"}}, mapping: sn.yaml,
     settle_after: {settle}, timeout: 5, attachments: send}}
  zendesk:
    {{type: zendesk, url: "{url}", auth: {{client_id: connector, client_secret: "env:CRASH_SECRET"}}, mapping: zd.yaml,
     settle_after: {settle}, timeout: 5, attachments: send}}
routes:
  - {{when: {{channel: email}}, sink: zendesk}}
  - {{sink: servicenow}}
"""
SERVICENOW = """\
table: incident
closed: hold
fields:
  short_description: summary
  description: description
  impact: {from: impact, values: {enterprise: "1", site: "1", unit: "2", user: "3"}}
  caller_id: {from: requester, transform: person}
comment: {from: comment.text}
"""
ZENDESK = """\
table: ticket
closed: follow_up
fields:
  subject: summary
  comment: {from: description, default: "(no text)"}
  requester: {from: requester, transform: person}
comment: {from: comment.text}
"""


class BoxClock:
    """Time as the sandbox has it; sleeping moves the sandbox on instead of waiting."""

    def __init__(self, url: str, ahead: float) -> None:
        self._url = url
        self._ahead = ahead

    def wall(self) -> float:
        return time.time() + self._ahead

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self._ahead += seconds
        requests.post(f"{self._url}/sandbox/clock", json={"advance": seconds}, timeout=10).raise_for_status()


@dataclass(slots=True)
class Expected:
    """What has to be there at the end, by what identifies it in its text."""

    tickets: dict[str, str] = field(default_factory=dict)  # summary -> sink
    impacts: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Story:
    """One seed's inbox, runs and reckoning. `name` is a word in everything that belongs to it."""

    def __init__(
        self, box: Sandbox, folder: Path, name: str, seed: int = 0, ahead: float = 0.0, ledger: str = FILE
    ) -> None:
        self.box = box
        self.folder = folder
        self.ledger = ledger
        self.name = name
        self.chance = random.Random(seed)
        self.expected = Expected()
        self.ahead = ahead
        # Half of the stories are of queues that go many at once.
        self.many = bool(seed % 2)

    def install(self) -> None:
        """A fresh installation in which one of everything has arrived already.

        Without a record known to exist, no empty look-up proves anything, and a lost first create waits for a person
        (another test shows that).
        """
        (self.folder / "inbox" / "button").mkdir(parents=True)
        (self.folder / "inbox" / "mail").mkdir()
        settings = SETTINGS.format(url=self.box.url, settle=SETTLE, ledger=self.ledger)
        (self.folder / "connector.yaml").write_text(settings)
        (self.folder / "sn.yaml").write_text(SERVICENOW)
        (self.folder / "zd.yaml").write_text(ZENDESK)
        self.press_button(0, "user")
        self.send_mail(0, 1)
        if (code := self.run(kill_at=0)) != 0:
            raise AssertionError(f"the first, calm run ended with {code}")

    def fill(self) -> None:
        """A small inbox; small, too, where it goes many at once: what is many then is told to the engine."""
        for number in range(self.chance.randint(3, 5) if self.many else self.chance.randint(1, 2)):
            self.press_button(number, "user")
        for number in range(self.chance.randint(2, 4) if self.many else 1):
            self.send_mail(number, self.chance.randint(0, 1 if self.many else 2))

    # ── the inbox ──

    def press_button(self, number: int, impact: str) -> None:
        name, file = f"button {number} of {self.name}", f"screen-{number}-{self.name}.png"
        content = f"\x89PNG\r\n\x1a\n {name}".encode("latin-1")
        payload = {
            "request_id": f"{self.name}-{number}",
            "source": {"system": "Epic", "environment": "PRD"},
            "summary": name,
            "description": f"{name} does not work",
            "impact": impact,
            "requester": {"login": f"user{number}", "email": f"user{number}@crash.example", "name": f"User {number}"},
            "attachments": [{"filename": file, "content_type": "image/png", "content_base64": _base64(content)}],
        }
        self._write(self.folder / "inbox" / "button" / f"{self.name}-{number}.json", json.dumps(payload).encode())
        self.expected.tickets[name] = "servicenow"
        self.expected.impacts[name] = {"unit": "2", "user": "3"}[impact]
        if file not in self.expected.files:
            self.expected.files.append(file)

    def send_mail(self, number: int, answers: int) -> None:
        name, file = f"mail {number} of {self.name}", f"log-{number}-{self.name}.txt"
        self._mail(f"{number}a", name, f"<{number}a@{self.name}.example>", "", f"{name} is about a slow screen", file)
        self.expected.tickets[name] = "zendesk"
        self.expected.files.append(file)
        for answer in range(answers):
            text, extra = f"answer {answer} to {name}", f"more-{number}-{answer}-{self.name}.txt"
            ident = f"<{number}b{answer}@{self.name}.example>"
            self._mail(f"{number}b{answer}", f"Re: {name}", ident, f"<{number}a@{self.name}.example>", text, extra)
            self.expected.comments.append(text)
            self.expected.files.append(extra)

    def _mail(self, file: str, subject: str, ident: str, to: str, text: str, attached: str) -> None:
        answers = f"In-Reply-To: {to}\nReferences: {to}\n" if to else ""
        sender = f"From: Ann <ann{file[0]}@crash.example>\nTo: desk@crash.example\n"
        head = f"{sender}Subject: {subject}\nMessage-ID: {ident}\n{answers}"
        date = "Date: Fri, 20 Nov 2026 08:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        parts = f"--b\nContent-Type: text/plain\n\n{text}\n--b\nContent-Type: text/plain\n"
        disposition = f'Content-Disposition: attachment; filename="{attached}"\n\ncontent of {attached}\n--b--\n'
        self._write(
            self.folder / "inbox" / "mail" / f"{self.name}-{file}.eml", (head + date + parts + disposition).encode()
        )

    def _write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        long_ago = time.time() + self.ahead - 3600
        os.utime(path, (long_ago, long_ago))

    # ── the runs ──

    def live(self) -> None:
        """Runs that are killed while everything fails; sometimes a record changes, and time passes between."""
        self.box.faults.chaos(seed=self.chance.randrange(2**31), rate=self.chance.choice((0.1, 0.25, 0.4)))
        if self.chance.random() < 0.2:
            self.box.servicenow.honours_sys_id = False
        if self.many:
            self.box.zendesk.job_speed = self.chance.choice((0.0, 2.0))
        for turn in range(self.chance.randint(1, 3)):
            self.run(*self._somewhere())
            self.pass_time(self.chance.choice((0.0, 1.0, 90.0)))
            if turn == 0 and self.chance.random() < 0.5:
                self.press_button(0, "unit")

    def _somewhere(self) -> tuple[int, bool]:
        """Where a run is killed: at which point, and whether only those of requests count."""
        if self.chance.random() < 0.5:
            return self.chance.randint(1, REQUESTS), True
        return self.chance.randint(1, POINTS_OF_MANY if self.many else POINTS), False

    def heal(self) -> None:
        """No more faults and no more kills: runs until nothing waits any more."""
        self.box.faults.clear()
        for _ in range(QUIET_RUNS):
            self.pass_time(200.0)
            if self.run(kill_at=0) == 0 and not self.waits():
                return
        raise AssertionError(f"deliveries still wait after {QUIET_RUNS} quiet runs: {self.waits()}")

    def pass_time(self, seconds: float) -> None:
        self.ahead += seconds
        self.box.clock.advance(seconds)

    def run(self, kill_at: int, at_requests: bool = False) -> int:
        """One `sync` in a fork, killed at its `kill_at`-th transaction or request; returns its exit code, or -9."""
        code, slept = forked(self.folder, self.box.url, self.ahead, kill_at, at_requests, self.many)
        self.ahead += slept
        return code

    def waits(self) -> list[tuple[Any, ...]]:
        """What has not come to an end, straight from the ledger."""
        d = delivery.c
        query = select(d.sink, d.do, d.part, d.state, d.finding).where(d.state.not_in(["sent", "dropped"]))
        url = f"sqlite:///{self.folder}/ledger.db" if self.ledger == FILE else self.ledger
        with create_engine(url, poolclass=NullPool).connect() as ledger:
            return [tuple(row) for row in ledger.execute(query)]

    # ── the reckoning ──

    def check(self) -> None:
        """Everything exactly once. Raises AssertionError with what is missing or double."""
        there = Reckoning.of(self.box, self.name)
        want = Counter((sink, name) for name, sink in self.expected.tickets.items())
        _same("tickets", there.tickets, want)
        _same("comments", there.comments, Counter(self.expected.comments))
        _same("files", there.files, Counter(self.expected.files))
        for name, impact in self.expected.impacts.items():
            assert there.impacts[name] == impact, f"{name} has impact {there.impacts[name]}, not {impact}"


def _same(what: str, there: Counter[Any], want: Counter[Any]) -> None:
    missing, double = want - there, there - want
    assert not missing, f"{what}: missing {dict(missing)}, too many {dict(double)}"
    assert not double, f"{what}: too many {dict(double)}"


@dataclass(slots=True)
class Reckoning:
    """What the help desks hold."""

    tickets: Counter[tuple[str, str]]
    comments: Counter[str]
    files: Counter[str]
    impacts: dict[str, str]

    @classmethod
    def of(cls, box: Sandbox, name: str) -> Reckoning:
        """What has this name in its text, once everything that was sent has happened."""
        box.clock.settle()
        whole = read_state({"servicenow": box.servicenow.document(), "zendesk": box.zendesk.document()})
        mine = re.compile(rf"\b{re.escape(name)}\b")
        kept = [Counter({k: n for k, n in found.items() if mine.search(str(k))}) for found in whole[:3]]
        return cls(kept[0], kept[1], kept[2], whole[3])


def read_state(state: dict[str, Any]) -> tuple[Counter[Any], Counter[str], Counter[str], dict[str, str]]:
    """Tickets, comments and files of both help desks, by their text."""
    now, zen = state["servicenow"], state["zendesk"]
    tickets = Counter(("servicenow", row["short_description"]) for row in now["incident"])
    tickets.update(("zendesk", row["subject"]) for row in zen["tickets"])
    said = [comment for comments in zen["comments"].values() for comment in comments[1:]]
    comments = Counter(text for comment in said if (text := _first_line(comment["plain_body"])).startswith("answer"))
    comments.update(_first_line(row["value"]) for row in now["sys_journal_field"])
    files = Counter(row["file_name"] for row in now["sys_attachment"])
    files.update(file["file_name"] for comment in said for file in comment["attachments"])
    impacts = {row["short_description"]: row["impact"] for row in now["incident"]}
    return tickets, comments, files, impacts


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0].strip()


def forked(
    folder: Path, url: str, ahead: float, kill_at: int, at_requests: bool = False, many: bool = False
) -> tuple[int, float]:
    """One `sync` of an installation in a fork of this process, as `Story.run` has it: how it ended, and how far it
    moved time on, in seconds."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        if many:
            batching.FEW = 2
        _child(folder, url, ahead, kill_at, at_requests, writing)
    os.close(writing)
    with os.fdopen(reading) as told:
        slept = sum(float(line) for line in told)
    status = os.waitpid(pid, 0)[1]
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    if code not in (0, 1, 3, -signal.SIGKILL):
        raise AssertionError(f"a run ended with {code}")
    return code, slept


# ── the child ────────────────────────────────────────────────────────────────────────────────────────────────────


def _child(folder: Path, url: str, ahead: float, kill_at: int, at_requests: bool, told: int) -> None:
    """Never returns."""
    code = 70
    gc.disable()  # it lives for a tenth of a second
    try:
        clock = _Telling(url, ahead, told)
        if kill_at:
            kill_at_point(kill_at, at_requests)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        with App.open(folder / "connector.yaml", clock=clock) as app:
            report = app.sync()
            code = report.exit_code
            if code == 70 or code == 2:
                print(report.document(), file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


class _Telling(BoxClock):
    """Tells the parent how far time moved, even if this process is killed next."""

    def __init__(self, url: str, ahead: float, told: int) -> None:
        super().__init__(url, ahead)
        self._told = told

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        os.write(self._told, f"{seconds}\n".encode())


def kill_at_point(count: int, at_requests: bool = False) -> None:
    """SIGKILL this process at its `count`-th point: before or after a transaction, before or after a request."""
    left = iter(range(count - 1, -1, -1))

    def point(*_: Any) -> None:
        if next(left, 1) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if not at_requests:
        event.listen(Engine, "commit", point)
        event.listen(Pool, "checkin", point)
    send = requests.adapters.HTTPAdapter.send

    def watched(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        point()
        try:
            return send(self, request, *args, **kwargs)
        finally:
            point()

    requests.adapters.HTTPAdapter.send = watched  # type: ignore[method-assign]


def _base64(content: bytes) -> str:
    import base64

    return base64.b64encode(content).decode()


BATCH = 50


def memory() -> str | None:
    """A folder in memory where there is one: a killed process loses nothing there either, and fsync costs nothing."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@contextmanager
def workplace(tmp_path: Path) -> Iterator[Path]:
    """A folder of a test's own, in memory where there is some; removed at the end."""
    made = Path(memory() or tmp_path) / f"connector-{os.getpid()}-{tmp_path.name}"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def stories(
    box: Sandbox, folder: Path, seeds: range, told: Callable[[int], None], server: Server | None = None
) -> None:
    """Live through every seed, with ledgers in files or on a server; an AssertionError names the seed.

    Every fifty seeds begin with a new installation.
    """
    with warmed(box, folder, server):
        for start in range(seeds.start, seeds.stop, BATCH):
            box.reset()
            first = Story(box, folder / f"from-{start}", f"calm{start}", ledger=server.ledger() if server else FILE)
            first.install()
            for seed in range(start, min(start + BATCH, seeds.stop)):
                _live_through(first, folder / str(seed), seed, server)
                told(seed)


def _live_through(first: Story, folder: Path, seed: int, server: Server | None) -> None:
    box = first.box
    box.servicenow.honours_sys_id, box.zendesk.job_speed = True, 0.0
    shutil.copytree(first.folder, folder)
    ledger = server.copy(first.ledger) if server else FILE
    settings = folder / "connector.yaml"
    settings.write_text(settings.read_text().replace(first.ledger, ledger))
    story = Story(box, folder, f"story{seed}", seed, first.ahead, ledger)
    try:
        story.fill()
        story.live()
        story.heal()
        story.check()
    except AssertionError as error:
        raise AssertionError(f"seed {seed} in {folder}: {error}") from error
    finally:
        box.faults.clear()
        first.ahead = story.ahead
    shutil.rmtree(folder)
    if server:
        server.drop(ledger)


@contextmanager
def warmed(box: Sandbox, folder: Path, server: Server | None) -> Iterator[None]:
    """Everything is imported, parsed and compiled once, so that a fork costs milliseconds."""
    engine, read = database._engine, yamlfile.read
    database._engine = _one_engine(engine)
    yamlfile.read = config.read = _parsed_once(read)
    try:
        story = Story(box, folder / "warm", "warm", ledger=server.ledger() if server else FILE)
        story.install()
        with App.open(story.folder / "connector.yaml") as app:
            app.sync()
        gc.collect()
        gc.freeze()  # so that a fork's collector does not touch, and so copy, every page of this process
        yield
    finally:
        gc.unfreeze()
        database._engine = engine
        yamlfile.read = config.read = read


def _one_engine(real: Callable[[Any, bool], Any]) -> Callable[[Any, bool], Any]:
    """SQLAlchemy keeps compiled statements with the engine: one engine serves all stories, each with its own ledger."""
    made: dict[str, Any] = {}

    def redirect(_dialect: Any, _record: Any, args: list[Any], named: dict[str, Any]) -> None:
        if args:
            args[0] = made["database"]
        else:
            named["dbname"] = made["database"]

    def engine(url: Any, create: bool) -> Any:
        made["database"] = str(url.database)
        if "engine" not in made:
            made["engine"] = real(url, create)
            event.listen(made["engine"], "do_connect", redirect)
        return made["engine"]

    return engine


def _parsed_once(real: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Settings and mappings are the same in every story, and a document is never changed."""
    kept: dict[tuple[str, bytes], Any] = {}

    def read(path: Path) -> Any:
        key = (path.name, path.read_bytes())
        if key not in kept:
            kept[key] = real(path)
        return kept[key]

    return read
