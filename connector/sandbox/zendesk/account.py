"""The emulated account: its settings and its records."""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from connector.sandbox.clock import Clock, iso
from connector.sandbox.messages import Call
from connector.sandbox.zendesk import seed
from connector.sandbox.zendesk.auth import Doorman
from connector.sandbox.zendesk.working import Job

Record = dict[str, Any]


@dataclass
class Settings:
    """What differs between real accounts; may be changed while the sandbox runs."""

    index_lag: float = 2.0  # seconds until search shows a record
    list_lag: float = 0.0  # seconds until `GET /tickets?external_id=` shows a ticket
    export_delay: float = 2.0  # the newest seconds that incremental exports withhold (60 on the real system)
    cascade_lag: float = 2.0  # seconds until the incidents of a solved problem are solved too
    threads: int | None = None  # calls worked on at a time; None: any number
    queue: int = 1000  # calls that may wait for a thread
    work: float = 0.0  # seconds of real time that a single write costs
    job_speed: float = 0.0  # tickets a second that each job works off; 0: jobs are done at once
    jobs_in_flight: int = 30
    rate_limit: int | None = None  # requests a minute over the whole account
    endpoint_limits: bool = False  # the limits of single endpoints, as documented for a small plan
    totals: dict[str, int] = field(default_factory=dict)  # what an endpoint allows instead, by the name of its limit
    spelling: Literal["2023", "2024", "both", "none"] = "2024"  # of the headers about limits
    auto_assign_on_solve: bool = False  # the agent who solves an unassigned ticket becomes its assignee
    requester_collisions: int = 0  # how many of the next new requesters meet another request that creates them too
    max_upload: int = 50 * 1024 * 1024  # bytes
    upload_seconds: float = 3600.0  # life of an upload token
    idempotency_seconds: float = 7200.0  # life of an idempotency key


@dataclass
class Upload:
    """Files that wait under a token for the comment that uses them."""

    token: str
    expires: float
    attachments: list[Record]


@dataclass
class Remembered:
    """The answer that an idempotency key stands for."""

    expires: float
    body: bytes
    answer: bytes
    location: str


class Account(Settings):
    """State of the emulated account. Its records may be read and written by tests that hold the sandbox's lock."""

    def __init__(self, clock: Clock, lock: threading.RLock, seed: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self._settings = settings
        self._seed = seed
        self.clock = clock
        self.lock = lock
        self._start()

    def _start(self) -> None:
        self.chance = random.Random(f"zendesk {self._seed}")  # noqa: S311 - a game, not a secret
        self.users: dict[int, Record] = seed.users()
        self.user_by_email = {user["email"]: key for key, user in self.users.items()}
        self.groups: dict[int, Record] = seed.groups()
        self.fields: dict[int, Record] = seed.fields()
        self.form = seed.form(list(self.fields))
        self.tickets: dict[int, Record] = {}
        self.tickets_by_external_id: dict[str, list[int]] = {}
        self.incidents: dict[int, list[int]] = {}
        self.comments: dict[int, list[Record]] = {}
        self.audits: dict[int, list[Record]] = {}
        self.uploads: dict[str, Upload] = {}
        self.files: dict[int, tuple[Record, bytes]] = {}
        self.jobs: dict[str, Job] = {}
        self.keys: dict[str, Remembered] = {}
        self.archived: set[int] = set()  # tickets that lists no longer show
        self.solved_at: dict[int, str] = {}  # where an import said so
        self.ratings: list[Record] = []
        self.triggered: Counter[int] = Counter()  # how often triggers ran for a ticket: each may have mailed people
        self.born: dict[int, float] = {}
        self.doorman = Doorman(self.clock, self.users, self.user_by_email)
        self._ticket_ids = itertools.count(1)
        self._ids = itertools.count(1900000000001)

    def reset(self) -> None:
        """Everything as at the start, settings included."""
        with self.lock:
            fresh = Settings(**self._settings)
            for one in fields(fresh):
                setattr(self, one.name, getattr(fresh, one.name))
            self._start()

    def next_id(self) -> int:
        """A number for anything but tickets."""
        return next(self._ids)

    @property
    def ticket_ids(self) -> Iterator[int]:
        """Numbers of tickets."""
        return self._ticket_ids

    def rate(self, key: int, score: Literal["good", "bad"], comment: str = "") -> None:
        """The requester of a ticket says how it went."""
        with self.lock:
            ticket = self.tickets[key]
            said = {"id": self.next_id(), "score": score, "comment": comment}
            people = {name: ticket[name] for name in ("requester_id", "assignee_id", "group_id")}
            self.ratings.append({**said, **people, "ticket_id": key, "created_at": self.stamp()})
            ticket["satisfaction_rating"] = said
            ticket["generated_timestamp"] = int(self.clock.now())

    def since(self, call: Call) -> float:
        """When the work on this call began: a person who was made since then was made by another call."""
        return call.at or self.clock.now()

    def known(self, key: Any, otherwise: int) -> int:
        """A user's id where there is such a user, else the other one."""
        return key if isinstance(key, int) and key in self.users else otherwise

    def stamp(self) -> str:
        """Now, as Zendesk writes it."""
        return iso(int(self.clock.now()))

    @property
    def custom_fields(self) -> list[Record]:
        """The fields that this account added."""
        return [field for field in self.fields.values() if field["removable"]]

    def field_id(self, title: str) -> int:
        """The id of a field by its title. Raises `KeyError`."""
        for known in self.fields.values():
            if known["title"] == title:
                return int(known["id"])
        raise KeyError(title)

    def list_tickets(self) -> list[Record]:
        """Copies of all tickets, deleted ones left out, in the order of their ids."""
        with self.lock:
            return [dict(ticket) for _, ticket in sorted(self.tickets.items()) if ticket["status"] != "deleted"]

    def document(self) -> Record:
        """The interesting part of the state, JSON-ready."""
        with self.lock:
            return {
                "tickets": self.list_tickets(),
                "comments": {str(key): list(value) for key, value in self.comments.items()},
                "audits": {str(key): list(value) for key, value in self.audits.items()},
                "users": list(self.users.values()),
                "jobs": [job.document() for job in self.jobs.values()],
            }
