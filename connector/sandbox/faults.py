"""The fault switch: which request fails, and how."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fnmatch import translate
from functools import cached_property
from typing import Any, Literal, get_args

Kind = Literal[
    "lose_request", "lose_answer", "hang", "late", "status", "error_after", "html", "tail", "slow", "cut",
    "item", "item_after", "unserviced",
    "job_stuck", "job_failed", "job_killed", "job_gone", "job_shuffled", "job_short", "job_long",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

Where = Literal["call", "many", "batch", "job"]


def place(kind: Kind) -> Where:
    """What can fail in this way: any `call`; a call for `many`; or only one that is a `batch`, or becomes a `job`."""
    if kind.startswith("job_"):
        return "job"
    return {"item": "many", "item_after": "many", "unserviced": "batch"}.get(kind, "call")  # type: ignore[return-value]


def called(path: str) -> frozenset[Where]:
    """What a request to this path is."""
    if path.endswith("/batch"):
        return _BATCH
    return _JOB if path.removesuffix(".json").endswith(("/create_many", "/update_many", "/destroy_many")) else _CALL


_CALL: frozenset[Where] = frozenset({"call"})
_BATCH: frozenset[Where] = frozenset({"call", "many", "batch"})
_JOB: frozenset[Where] = frozenset({"call", "many", "job"})

_MIX: tuple[Kind, ...] = ("lose_request", "lose_answer", "late", "status", "error_after")
_MIX_OF_MANY: tuple[Kind, ...] = tuple(kind for kind in KINDS if place(kind) != "call")
_LASTING = ("late", "job_stuck")
_VERSION = re.compile(r"/v\d(?=/)")


@dataclass(frozen=True)
class Fault:
    """One way to fail, and when.

    `on` is a glob over "METHOD path" ("POST /api/now/table/*"); a version segment of ServiceNow and Zendesk's `.json`
    may be left out. The first `after` matching requests pass, then every `every`-th one (all of them, if None) fails
    with `probability`, at most `times` times (None: for ever).

    Kinds: `lose_request` (dropped, nothing done), `lose_answer` (done, dropped), `hang` (done, answered after `seconds`
    of real time), `late` (dropped now, done after `seconds` of sandbox time), `status` (nothing done, answered with
    `status`), `error_after` (done, answered with `status`), `html` (nothing done, 200 and a page), `tail` (done, the
    body ends in an error), `slow` (`seconds` of real time before the work), `cut` (done, body cut in the middle).

    Of calls for many, and meeting no others: `item` (the one in the middle is not done and gets `status`, the others
    are), `item_after` (all done, the one in the middle gets `status`). Of batches: `unserviced` (the first half is
    done, the rest listed as not serviced, although the first of the rest was in flight and is done too). Of calls that
    become a job: `job_stuck` (nothing for `seconds` of sandbox time, then as ever), `job_failed` and `job_killed` (ends
    so in the middle, without results), `job_gone` (done, then unknown), `job_shuffled` (results in any order),
    `job_short` (one result is missing), `job_long` (one result too many, of a ticket that nobody named).
    """

    on: str = "*"
    kind: Kind = "lose_answer"
    times: int | None = 1
    after: int = 0
    every: int | None = None
    probability: float | None = None
    seconds: float = 1.0
    retry_after: float | None = None
    status: int = 500

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of fault {self.kind!r}; known are {', '.join(KINDS)}")

    @property
    def name(self) -> str:
        """A short word for this form of it."""
        shown = (
            f"{self.kind}-{self.status}" if self.kind in ("status", "error_after", "item", "item_after") else self.kind
        )
        return shown if self.retry_after is None else f"{shown}-wait"

    @property
    def fails_before(self) -> bool:
        """Whether the remote never comes to do the work."""
        return self.kind in ("lose_request", "late", "status", "html")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(translate(self.on))

    def matches(self, method: str, path: str) -> bool:
        """Whether this request is meant, and can fail in this way."""
        if place(self.kind) not in called(path):
            return False
        short = _VERSION.sub("", path, count=1) if path.startswith("/api/now/") else path.removesuffix(".json")
        return any(self._pattern.match(f"{method} {form}") is not None for form in {path, short})


# Statuses of a request that was refused, one of each sort, and of one that was done all the same.
_REFUSED = (401, 403, 404, 409, 422, 429, 500, 503)
_DONE = (500, 504)


def forms(path: str, settle: float, patience: float) -> Iterator[Fault]:
    """Every way in which a request to this path can fail, each of them once and in all its forms.

    What lasts is over within `settle` seconds of sandbox time; what hangs does so for longer than `patience`, in
    seconds of real time.
    """
    for kind in KINDS:
        if place(kind) not in called(path):
            continue
        seconds = settle * 0.9 if kind in _LASTING else patience * 1.5 if kind == "hang" else 0.01
        plain = Fault(kind=kind, seconds=seconds)
        if kind == "status" or (kind == "item" and "batch" in called(path)):
            yield from (replace(plain, status=status) for status in _REFUSED)
            yield from (replace(plain, status=status, retry_after=1.0) for status in (429, 503) if kind == "status")
        elif kind == "error_after" or (kind == "item_after" and "batch" in called(path)):
            yield from (replace(plain, status=status) for status in _DONE)
        else:
            yield plain


@dataclass
class _Rule:
    fault: Fault
    seen: int = 0
    fired: int = 0

    def fires(self, chance: random.Random) -> bool:
        fault = self.fault
        if fault.times is not None and self.fired >= fault.times:
            return False
        self.seen += 1
        turn = self.seen - fault.after
        if turn < 1 or (fault.every and turn % fault.every):
            return False
        if fault.probability is not None and chance.random() >= fault.probability:
            return False
        self.fired += 1
        return True


@dataclass
class _Chaos:
    chance: random.Random
    rate: float
    kinds: Mapping[Kind, float]
    scope: Fault
    late: float

    def draw(self, path: str) -> Fault | None:
        if self.chance.random() >= self.rate:
            return None
        mix = {kind: weight for kind, weight in self.kinds.items() if place(kind) in called(path)}
        if not mix:
            return None
        kind = self.chance.choices(list(mix), list(mix.values()))[0]
        seconds = self.chance.uniform(0.1, 1.0) * self.late if kind in _LASTING else 0.02
        done = kind in ("error_after", "item_after")  # no remote says "too many requests" of what it did
        status = self.chance.choice((500, 502, 503, 504) if done else (429, 500, 502, 503, 504))
        return Fault(kind=kind, seconds=seconds, status=status, retry_after=self.chance.choice((None, 1.0)))


class Faults:
    """All faults that are switched on. Thread-safe; deterministic, given the seed and the order of the requests."""

    def __init__(self, lock: threading.RLock, seed: int = 0, settle: float = 2.0) -> None:
        self._lock = lock
        self._seed = seed
        self._settle = settle
        self._rules: list[_Rule] = []
        self._chaos: _Chaos | None = None
        self._chance = random.Random(seed)  # noqa: S311 - a game, not a secret

    def add(self, fault: Fault | str | None = None, kind: Kind = "lose_answer", **rest: Any) -> Fault:
        """Switch a fault on: `add(Fault(...))` or `add("POST /api/v2/tickets", "lose_answer", times=2)`."""
        chosen = fault if isinstance(fault, Fault) else Fault(on=fault or "*", kind=kind, **rest)
        with self._lock:
            self._rules.append(_Rule(chosen))
        return chosen

    def chaos(self, seed: int, rate: float = 0.3, kinds: Mapping[Kind, float] | None = None, on: str = "*") -> None:
        """Fail a `rate` of the requests that match `on`, by a mix of kinds (kind -> weight).

        Late ones happen within the settle time.
        """
        mix: dict[Kind, float] = dict(kinds) if kinds else dict.fromkeys((*_MIX, *_MIX_OF_MANY), 1.0)
        with self._lock:
            chance = random.Random(seed)  # noqa: S311 - a game, not a secret
            scope = Fault(on=on)
            self._chaos = _Chaos(chance, rate, mix, scope, self._settle * 0.9)

    def clear(self) -> None:
        """Heal everything: no rule and no chaos any more. What was promised for later still happens later."""
        with self._lock:
            self._rules = []
            self._chaos = None
            self._chance = random.Random(self._seed)  # noqa: S311 - a game, not a secret

    def choose(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets, if any; the first rule wins."""
        if not self._rules and self._chaos is None:
            return None
        with self._lock:
            for rule in self._rules:
                if rule.fault.matches(method, path) and rule.fires(self._chance):
                    return rule.fault
            if self._chaos is not None and self._chaos.scope.matches(method, path):
                return self._chaos.draw(path)
        return None

    def document(self) -> list[dict[str, Any]]:
        """What is switched on, as JSON-ready values."""
        return [{**asdict(rule.fault), "fired": rule.fired} for rule in self._rules]
