"""What the sandbox is made of: two systems, one clock, one fault switch, one request log. Nothing of it is served."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connector.sandbox import settings
from connector.sandbox.clock import Clock
from connector.sandbox.faults import Fault, Faults
from connector.sandbox.messages import Answer, Call
from connector.sandbox.servicenow import ServiceNow
from connector.sandbox.tally import Tally
from connector.sandbox.zendesk import Zendesk

_LOGGED_BODY = 16 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One request in the log. `fault` is the kind of the fault that it met; `status` is 0 where no answer was sent."""

    at: float
    system: str
    method: str
    path: str
    query: str
    body: bytes
    status: int
    fault: str | None
    idempotency_key: str | None

    def document(self) -> dict[str, Any]:
        """As JSON-ready values, without the body."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "body"}


class Box(ABC):
    """Both systems and what they share. `latency` is what the network adds to each request, in seconds."""

    def __init__(
        self, settle: float, latency: float, seed: int, servicenow: Mapping[str, Any], zendesk: Mapping[str, Any]
    ) -> None:
        self.settle_after = settle
        self._latency = self.latency = latency
        self.lock = threading.RLock()
        self.clock = Clock(self.lock)
        self.faults = Faults(self.lock, seed, settle)
        self.servicenow = ServiceNow(self.clock, self.lock, seed, **servicenow)
        self.zendesk = Zendesk(self.clock, self.lock, seed, **zendesk)
        self.tally = Tally()
        self._log: deque[Entry] = deque(maxlen=10_000)

    @property
    @abstractmethod
    def port(self) -> int:
        """The port that it listens on."""

    @property
    def url(self) -> str:
        """Where both systems are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Entry]:
        """The last ten thousand requests, oldest first. `tally` keeps counting beyond."""
        with self.lock:
            return list(self._log)

    @property
    def counts(self) -> Counter[str]:
        """How many requests each endpoint got."""
        return self.tally.endpoints

    def writes(self) -> list[Entry]:
        """The requests that were not reads, tokens aside."""
        return [entry for entry in self.requests if entry.method not in ("GET", "HEAD") and "oauth" not in entry.path]

    def reset(self) -> None:
        """Everything as at the start: records, settings, clock, faults and the log."""
        with self.lock:
            self.clock.reset()
            self.faults.clear()
            self.servicenow.reset()
            self.zendesk.reset()
            self.latency = self._latency
            self._log.clear()
            self.tally.clear()

    def set(self, document: Mapping[str, Any]) -> None:
        """Change settings while it runs: `latency`, and those of `servicenow` and `zendesk`. Raises `ValueError`."""
        found = settings.check(document)
        with self.lock:
            self.latency = found.get("latency", self.latency)
            for system in (self.servicenow, self.zendesk):
                for name, value in found.get(system.name, {}).items():
                    setattr(system, name, value)

    def note(self, system: str, call: Call, fault: Fault | None, answer: Answer | None) -> None:
        """Put a request into the log, with what became of it."""
        now = self.clock.now()
        if answer is not None:
            self.tally.answered(system, answer, now)
        self._log.append(
            Entry(
                at=now,
                system=system,
                method=call.method,
                path=call.path,
                query=call.query,
                body=call.body if len(call.body) <= _LOGGED_BODY else b"",
                status=answer.status if answer else 0,
                fault=fault.kind if fault else None,
                idempotency_key=call.headers.get("idempotency-key"),
            )
        )
