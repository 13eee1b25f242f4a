"""What a run did: the figures that it prints, what stopped it, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connector.engine.wiring import Outlet
from connector.errors import ConnectorError
from connector.ledger.taken import Counts
from connector.plugins import Can, Do

# Exit codes of a run, the gravest first.
GRAVITY = (70, 2, 4, 3, 1, 0)
# What is counted at a sink, by what was done there.
COUNTED = {
    Do.CREATE: "created",
    Do.UPDATE: "updated",
    Do.COMMENT: "commented",
    Do.ATTACH: "attached",
    Do.LINK: "linked",
    Do.SOLVE: "updated",
    Do.NOTIFY: "told",
}
WRITTEN = ("created", "updated", "commented", "attached", "linked", "told")


@dataclass(slots=True)
class Report:
    """What a run did. `document()` is what `sync --json` prints, `exit_code` what the command returns.

    `unread` says why a source could not be read, by its name; `errors` what stopped a sink, by its name, or else the
    run. A source and a sink may have one name.
    """

    run: str
    seconds: float = 0.0
    sources: dict[str, Counts] = field(default_factory=dict)
    sinks: dict[str, dict[str, Any]] = field(default_factory=dict)
    unread: dict[str, ConnectorError] = field(default_factory=dict)
    errors: dict[str, ConnectorError] = field(default_factory=dict)
    busy: bool = False
    left_for_person: int = 0
    dry_run: bool = False
    would: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, dict[str, Any]] | None = None

    @property
    def failures(self) -> list[tuple[str, ConnectorError]]:
        """Everything that stopped something, sources first, each with the name of what it stopped."""
        return [*self.unread.items(), *self.errors.items()]

    @property
    def exit_code(self) -> int:
        codes = {error.exit_code for _, error in self.failures} | {0}
        codes |= {4} if self.busy else set()
        codes |= {1} if self.left_for_person else set()
        return next(code for code in GRAVITY if code in codes)

    def document(self) -> dict[str, Any]:
        """The run's figures, and what stopped a source (`unread`) or a sink (`errors`)."""
        said: dict[str, Any] = {
            "run": self.run,
            "seconds": round(self.seconds, 3),
            "sources": {name: _figures(counts) for name, counts in self.sources.items()},
            "sinks": self.sinks,
            "unread": _told(self.unread),
            "errors": _told(self.errors),
        }
        if self.answers is not None:
            said["answers"] = self.answers
        return said | ({"dry_run": True, "would": self.would} if self.dry_run else {})


def at_sink(outlet: Outlet, done: Mapping[str, int], standing: Mapping[str, int], seconds: float) -> dict[str, Any]:
    """The figures of one sink, in the order in which they are shown: what was `done`, and what stands there now."""
    wrote = WRITTEN[-1:] if Can.NOTIFY in outlet.sink.can else WRITTEN[:-1]
    return {
        **{name: done.get(name, 0) for name in (*wrote, "blocked")},
        **{name: standing[name] for name in ("unsure", "queued")},
        "requests": done.get("requests", 0),
        "seconds": round(seconds, 3),
    }


def _figures(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in ("read", "new", "changed", "unchanged", "counted", "rejected")}


def _told(errors: Mapping[str, ConnectorError]) -> dict[str, dict[str, str]]:
    return {name: {"what": error.what, "remedy": error.remedy} for name, error in errors.items()}
