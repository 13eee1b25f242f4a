"""One installation over one sandbox, on which every cell of the matrix is played: the same tickets, fault after fault.

Time is the sandbox's: waiting moves it on. After each cell nothing may be missing, nothing double, and what waits for a
person must say so; it is then released, as a person would, and must arrive too.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from connector.app import App
from connector.delivery import State
from connector.ledger.schema import delivery, link, ticket
from connector.plugins import Do
from connector.sandbox import Fault, Sandbox
from connector.sandbox.zendesk import writing
from tests.clocks import SharedClock
from tests.crash.harness import read_state
from tests.outages.desks import DESKS

SETTLE = 2.0
# Seconds of real time after which a client gives up on an answer.
PATIENCE = 0.5
ROUNDS = 8
SECRET = "MATRIX_SECRET"

SETTINGS = """\
site: matrix-01
ledger: sqlite:///ledger.db
wait: 600
pending: 60
sources:
  button: {{type: ehr_button, path: inbox/button}}
  mail: {{type: email, path: inbox/mail}}
sinks:
  desk: {{type: {kind}, url: "{url}", auth: {auth}, mapping: desk.yaml, settle_after: {settle}, timeout: {timeout},
          attachments: send, bulk: {bulk}, concurrency: 1}}
routes:
  - {{sink: desk}}
problems: {{mode: "off"}}
"""
AUTH = {
    "servicenow": '{username: sync, password: "env:MATRIX_SECRET"}',
    "zendesk": '{client_id: connector, client_secret: "env:MATRIX_SECRET"}',
}
MAPPINGS = {
    "servicenow": """\
table: incident
fields: {short_description: summary, description: description, caller_id: {from: requester, transform: person}}
comment: {from: comment.text}
""",
    "zendesk": """\
table: ticket
fields: {subject: summary, comment: {from: description}, requester: {from: requester, transform: person}}
comment: {from: comment.text}
""",
}


class Stage:
    """`size` tickets at one emulated help desk, sent singly or many at once."""

    def __init__(self, folder: Path, kind: str, bulk: bool, hardened: bool, size: int) -> None:
        self.kind = kind
        self.size = size
        self.folder = folder
        self.box = Sandbox(settle=SETTLE, hardened=hardened)
        self.clock = SharedClock(self.box)
        self.bulk = bulk
        self._cell = 0
        self._desk = DESKS[kind](self.box)
        self._solved: Counter[str] = Counter()
        self._versions = [0] * size
        self._made: list[str] = []

    # ── life ──

    def __enter__(self) -> Self:
        self.box.start()
        for name in ("button", "mail"):
            (self.folder / "inbox" / name).mkdir(parents=True)
        settings = SETTINGS.format(
            kind=self.kind, url=self.box.url, auth=AUTH[self.kind], settle=SETTLE, timeout=PATIENCE,
            bulk="auto" if self.bulk else "off",
        )  # fmt: skip
        (self.folder / "connector.yaml").write_text(settings)
        (self.folder / "desk.yaml").write_text(MAPPINGS[self.kind])
        self.app = App.open(self.folder / "connector.yaml", clock=self.clock)
        self._fill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.app.__exit__(kind, error, trace)
        self.box.stop()

    def _reopen(self) -> None:
        self.app.__exit__(None, None, None)
        self.app = App.open(self.folder / "connector.yaml", clock=self.clock)

    def _fill(self) -> None:
        """The tickets that later cells write to, one of them with a comment, a file and a parent: the controls."""
        self._press("pool", [self._form(f"pool-{n}", f"Pool {n} v0") for n in range(self.size)])
        for number in range(self.size):
            self._mail(f"pool-{number}", f"Talk {number}", f"about a slow screen {number}")
        self._sync()
        self._problem = self._parent("Parent")
        for do in (Do.UPDATE, Do.COMMENT, Do.ATTACH, Do.LINK, *(() if self.bulk else (Do.SOLVE,))):
            self.play(do, None)

    # ── a cell ──

    def play(self, do: Do, fault: Fault | None) -> list[str]:
        """Write to every ticket while one call fails; returns what a person was told. Raises AssertionError."""
        self._cell += 1
        if self.bulk and self.app.wiring.outlets["desk"].most(do) == 1:
            self._reopen()  # a call for many was refused: until the next run all go singly
        want = {
            Do.CREATE: self._create,
            Do.UPDATE: self._change,
            Do.COMMENT: self._comment,
            Do.ATTACH: self._attach,
            Do.LINK: self._link,
            Do.SOLVE: self._solve,
        }[do]()
        before = len(self.box.requests)
        if fault is not None:
            self.box.faults.add(fault)
        self._sync()
        self.box.faults.clear()
        told = self._release()
        self.box.clock.settle()
        for what, wanted in want.items():
            _same(what, self._there(what, wanted), Counter(wanted))
        if fault is not None:
            met = [entry for entry in self.box.requests[before:] if entry.fault == fault.kind]
            assert met, f"no request met {fault.name}"
        if do is Do.SOLVE:
            self._reopen_pool()
        return told

    def _sync(self) -> None:
        for _ in range(ROUNDS):
            self.app.sync(max_seconds=5000)
            self.clock.sleep(100.0)
            if not self._waiting((State.QUEUED, State.SENDING, State.UNSURE)):
                return
        raise AssertionError(f"deliveries still wait: {self._waiting((State.QUEUED, State.SENDING, State.UNSURE))}")

    def _release(self) -> list[str]:
        """What waits for a person says so; then the person acts, and it goes on."""
        held = self._waiting((State.BLOCKED,))
        told = [str(row.finding) for row in held]
        for row in held:
            finding = json.loads(row.finding or "{}")
            assert finding.get("what"), f"{row.name} waits and does not say why"
            assert "connector " in finding.get("remedy", ""), f"{row.name} does not say what can be done"
        if held:
            self.app.actions.release(sorted({row.name for row in held}))
            self._sync()
        assert not self._waiting((State.BLOCKED,))
        return told

    def _waiting(self, states: Sequence[State]) -> list[Any]:
        d, t = delivery.c, ticket.c
        name = (t.source + ":" + t.external_id).label("name")
        query = select(name, d.do, d.state, d.finding).join(ticket, t.id == d.ticket_id)
        with self.app.wiring.db.read() as connection:
            return list(connection.execute(query.where(d.state.in_([state.value for state in states]))))

    # ── what there is to do ──

    def _create(self) -> dict[str, list[str]]:
        names = [f"New {self._cell} {number}" for number in range(self.size)]
        self._press("new", [self._form(f"new-{self._cell}-{number}", name) for number, name in enumerate(names)])
        self._made += names
        return {"tickets": names}

    def _change(self) -> dict[str, list[str]]:
        self._versions = [self._cell] * self.size
        return self._press_pool({})

    def _attach(self) -> dict[str, list[str]]:
        names = [f"file-{self._cell}-{number}.txt" for number in range(self.size)]
        return {**self._press_pool(dict(enumerate(names))), "files": names}

    def _press_pool(self, files: dict[int, str]) -> dict[str, list[str]]:
        names = [f"Pool {number} v{version}" for number, version in enumerate(self._versions)]
        self._press("pool", [self._form(f"pool-{n}", name, files.get(n)) for n, name in enumerate(names)])
        return {"tickets": names}

    def _comment(self) -> dict[str, list[str]]:
        texts = [f"answer {self._cell} to talk {number}" for number in range(self.size)]
        for number, text in enumerate(texts):
            self._mail(f"a{self._cell}-{number}", f"Re: Talk {number}", text, f"<pool-{number}@matrix.example>")
        return {"comments": texts}

    def _link(self) -> dict[str, list[str]]:
        """Hang the tickets of the pool on a parent."""
        self._unlink()
        ids = self._queue(Do.LINK, {"problem": self._problem})
        return {"children": [f"{remote_id} of {self._problem}" for remote_id in ids]}

    def _solve(self) -> dict[str, list[str]]:
        """Solve the tickets of the pool."""
        self._solved = self._desk.solved()
        return {"solved": self._queue(Do.SOLVE, {"notes": f"Fixed in cell {self._cell}"})}

    def _queue(self, do: Do, what: dict[str, str]) -> list[str]:
        """Rows as the ledger would have them, for each ticket of the pool; returns the ids of its records."""
        now, said = self.clock.wall(), json.dumps(what)
        t, k = ticket.c, link.c
        of_pool = select(t.id, t.version, k.remote_id).join(link, k.ticket_id == t.id)
        with self.app.wiring.db.write() as connection:
            rows = list(connection.execute(of_pool.where(t.external_id.contains("pool-"), t.source == "button")))
            values: dict[str, Any] = {
                "sink": "desk",
                "do": do.value,
                "part": f"{do}:{self._cell}",
                "state": State.QUEUED.value,
            }
            values |= {
                "payload": said,
                "what": said,
                "attempts": 0,
                "due_at": now,
                "created_at": now,
            }
            each = [{**values, "ticket_id": row.id, "version": row.version} for row in rows]
            connection.execute(delivery.insert(), each)
        return [row.remote_id for row in rows]

    def _unlink(self) -> None:
        """An analyst takes all children from the parent, at the help desk."""
        with self.box.lock:
            instance, account = self.box.servicenow, self.box.zendesk
            for row in instance.rows("incident", problem_id=self._problem):
                instance.write("incident", row, {"problem_id": ""}, instance.doorman.accounts["admin"])
            for ticket_ in account.list_tickets():
                if str(ticket_["problem_id"]) == self._problem:
                    writing.update(account, self._agent(), ticket_, {"problem_id": None}, account.clock.now())

    def _reopen_pool(self) -> None:
        """An analyst takes up again what was solved, at the help desk."""
        instance, account = self.box.servicenow, self.box.zendesk
        with self.box.lock:
            for row in instance.rows("incident", state="6"):
                instance.write("incident", row, {"state": "2"}, instance.doorman.accounts["admin"])
            for ticket_ in account.list_tickets():
                if ticket_["status"] == "solved":
                    writing.update(account, self._agent(), ticket_, {"status": "open"}, account.clock.now())

    def _parent(self, title: str) -> str:
        """A problem, made by an analyst at the help desk."""
        if self.kind == "servicenow":
            with self.box.lock:
                instance = self.box.servicenow
                analyst = instance.doorman.accounts["admin"]
                return instance.insert("problem", {"short_description": title}, analyst)["sys_id"]
        with self.box.lock:
            account = self.box.zendesk
            said = {"subject": title, "type": "problem", "comment": {"body": title}}
            return str(writing.create(account, self._agent(), said, account.clock.now())[0]["id"])

    def _agent(self) -> dict[str, Any]:
        return next(user for user in self.box.zendesk.users.values() if user["role"] == "admin")

    # ── the inbox ──

    def _form(self, ident: str, summary: str, file: str | None = None) -> dict[str, Any]:
        form: dict[str, Any] = {
            "request_id": ident,
            "source": {"system": "Epic", "environment": "PRD"},
            "summary": summary,
            "description": f"{ident} does not work",
            "requester": {"login": ident, "email": f"{ident}@matrix.example", "name": f"User {ident}"},
        }
        if file:
            import base64

            content = base64.b64encode(f"content of {file}".encode()).decode()
            form["attachments"] = [{"filename": file, "content_type": "text/plain", "content_base64": content}]
        return form

    def _press(self, name: str, forms: Sequence[dict[str, Any]]) -> None:
        for number, form in enumerate(forms):
            self._write(f"button/{name}-{number}.json", json.dumps(form))

    def _mail(self, ident: str, subject: str, text: str, answers: str = "") -> None:
        thread = f"In-Reply-To: {answers}\nReferences: {answers}\n" if answers else ""
        head = f"From: Ann <ann@matrix.example>\nTo: desk@matrix.example\nSubject: {subject}\n{thread}"
        date = f"Message-ID: <{ident}@matrix.example>\nDate: Fri, 20 Nov 2026 08:00:00 +0000\n"
        self._write(f"mail/{ident}.eml", f"{head}{date}Content-Type: text/plain\n\n{text}\n")

    def _write(self, place: str, text: str) -> None:
        path = self.folder / "inbox" / place
        path.write_text(text)
        then = self.clock.wall() - 3600
        os.utime(path, (then, then))

    # ── the reckoning ──

    def _there(self, what: str, wanted: Sequence[str]) -> Counter[str]:
        """What the help desk holds, of this cell and of those before it that could have come back."""
        if what == "children":
            return self._children()
        if what == "solved":
            return self._desk.solved() - self._solved
        tickets, comments, files, _ = read_state(
            {"servicenow": self.box.servicenow.document(), "zendesk": self.box.zendesk.document()}
        )
        if what == "tickets":
            known = {*wanted, *self._made}
            return Counter({name: n for (_, name), n in tickets.items() if name in known and (n > 1 or name in wanted)})
        found = comments if what == "comments" else files
        return Counter({name: n for name, n in found.items() if n > 1 or name in wanted})

    def _children(self) -> Counter[str]:
        if self.kind == "servicenow":
            rows = self.box.servicenow.document()["incident"]
            return Counter(f"{row['sys_id']} of {row['problem_id']}" for row in rows if row["problem_id"])
        rows = self.box.zendesk.document()["tickets"]
        return Counter(f"{row['id']} of {row['problem_id']}" for row in rows if row["problem_id"])


def _same(what: str, there: Counter[str], want: Counter[str]) -> None:
    assert not want - there, f"{what}: missing {sorted(want - there)}"
    assert not there - want, f"{what}: double or strange {sorted(there - want)}"
