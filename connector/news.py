"""What a new version of a record says that the last one did not. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from connector.closure import OVER, Closure, Ending, ending
from connector.plugins import Change, Said, Status

_NEVER_BACK = frozenset({Status.GONE, Status.MERGED})


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as it was when it was last seen. Times are in seconds since the epoch, by the remote's clock."""

    remote_id: str
    status: Status
    stamp: str = ""
    assignee: str = ""
    group: str = ""
    problem: str = ""
    resolution: str = ""
    reassigned: int = 0
    reopened: int = 0
    replies: int = 0
    updated_at: float = 0.0
    answered_at: float | None = None
    resolved_at: float | None = None
    closed_at: float | None = None


@dataclass(frozen=True, slots=True)
class News:
    """Something that people may be told of. `ref` tells it from others of its kind."""

    what: str
    at: float
    ref: str
    detail: dict[str, Any] = field(default_factory=dict)


def seen(before: Seen | None, change: Change, fresh: tuple[Said, ...]) -> Seen:
    """The record as it has been seen now. What the remote does not count is counted here; `fresh` is what was said
    since."""
    old = before or Seen(change.remote_id, Status.NEW)
    answers = [said.at for said in fresh if said.public and said.desk]
    over, was_over = change.status in OVER, before is not None and old.status in OVER
    if change.status in _NEVER_BACK:
        return replace(old, status=change.status, stamp=change.stamp, resolution=change.merged_into or old.resolution)
    moved = bool(old.assignee and old.assignee != change.assignee) or bool(old.group and old.group != change.group)
    times = [at for at in (old.answered_at, change.answered_at, min(answers, default=None)) if at is not None]
    resolved_at = change.resolved_at or (old.resolved_at if was_over else None) or change.updated_at
    return Seen(
        remote_id=change.remote_id,
        status=change.status,
        stamp=change.stamp,
        assignee=change.assignee,
        group=change.group,
        problem=change.problem,
        resolution=change.resolution,
        reassigned=old.reassigned + moved if change.reassigned is None else change.reassigned,
        reopened=max(old.reopened + (was_over and not over), change.reopened or 0),
        replies=old.replies + len(answers) if change.replies is None else change.replies,
        updated_at=change.updated_at or old.updated_at,
        answered_at=min(times, default=None),
        resolved_at=resolved_at if over else None,
        closed_at=(change.closed_at or change.updated_at) if change.status is Status.CLOSED else None,
    )


def news(before: Seen | None, now: Seen, change: Change, closure: Closure) -> list[News]:
    """What happened to the record between the two, in order."""
    ref = change.stamp or f"{now.updated_at:.0f}"
    told = [*_steps(before.status if before else None, now, change, closure)]
    return [News(what, at, ref, _detail(now, change, what)) for what, at in told]


def _steps(was: Status | None, now: Seen, change: Change, closure: Closure) -> Iterator[tuple[str, float]]:
    at = now.updated_at
    if was is change.status or change.status is Status.GONE:
        return
    if change.status is Status.MERGED or was in _NEVER_BACK:
        yield "changed", at
    elif change.status in OVER:
        yield from _end(was, now, closure)
    elif was in OVER:
        yield "reopened", at
    elif was is not None or change.status is not Status.NEW:
        yield "changed", at


def _end(was: Status | None, now: Seen, closure: Closure) -> Iterator[tuple[str, float]]:
    if was not in OVER and now.status is not Status.CANCELLED:
        declined = ending(now.resolution, closure) is Ending.DECLINED
        yield "declined" if declined else "resolved", now.resolved_at or now.updated_at
    if now.status is not Status.RESOLVED:
        yield "closed", now.closed_at or now.updated_at


def _detail(now: Seen, change: Change, what: str) -> dict[str, Any]:
    detail: dict[str, Any] = {"number": change.number, "url": change.url, "status": now.status.value}
    if change.ours:
        detail["ours"] = True
    if change.merged_into:
        detail["into"] = change.merged_into
    if what in ("resolved", "declined", "closed"):
        detail["resolution"] = now.resolution
        detail["articles"] = [{"title": each.title, "url": each.url} for each in change.articles]
        if change.notes:
            detail["notes"] = notes_ref(change)
    return detail


def notes_ref(change: Change) -> str:
    """The name under which the notes on how a record ended are kept beside what was said."""
    return f"notes:{change.remote_id}:{change.stamp}"


def remarks(before: Seen | None, now: Seen, change: Change) -> list[str]:
    """What `explain` shows of it: nothing of what we did ourselves, and no words of the ticket."""
    if change.ours:
        return []
    old = before or Seen(now.remote_id, now.status)
    found = []
    if old.status is not now.status:
        code = f" ({now.resolution})" if now.status in OVER and now.resolution else ""
        found.append(f"{now.status} at the help desk{code}")
    for word, was, became in (("assigned to", old.assignee, now.assignee), ("group", old.group, now.group)):
        if before is not None and was != became:
            found.append(f"{word} {became or 'nobody'} at the help desk")
    return found
