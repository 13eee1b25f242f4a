"""What a ticket's audits tell: what was said, who answered when, how often it changed hands and came back. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.plugins import Article, Said
from connector.sinks.zendesk import receipts
from connector.sinks.zendesk.fields import instant

_OVER = frozenset({"solved", "closed"})
_MERGED = re.compile(r"merged into request #(\d{1,18})\b")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the account."""

    name: str
    agent: bool


NOBODY = Person("", False)


@dataclass(frozen=True, slots=True)
class History:
    """A ticket's past. Times are in seconds since the epoch."""

    said: tuple[Said, ...] = ()
    articles: tuple[Article, ...] = ()
    reassigned: int = 0
    reopened: int = 0
    replies: int = 0
    answered_at: float | None = None
    resolved_at: float | None = None
    closed_at: float | None = None
    merged_into: str = ""
    last_by: int | None = None


def moment(text: Any) -> float | None:
    """Seconds since the epoch of a time as Zendesk writes it, None where this is none."""
    read = instant(text) if isinstance(text, str) else None
    return None if read is None else read.timestamp()


def authors(audits: Sequence[Row]) -> set[int]:
    """Whoever is named in these audits as having said something."""
    return {who for audit in audits for event in _events(audit) if isinstance(who := _author(audit, event), int)}


def read(audits: Sequence[Row], people: Mapping[int, Person], requester: Any) -> History:
    """The past of a ticket by its audits, oldest first; its own first comment, and ours, are left out of `said`."""
    said = tuple(each for audit in audits for each in _said(audit, people, requester))
    answers = [each.at for each in said if each.public and each.desk]
    moves = [move for audit in audits for move in _moves(audit)]
    ends = [at for was, now, at in moves if now in _OVER and was not in _OVER]
    texts = [event.get("body") for audit in audits for event in _events(audit) if event.get("type") == "Comment"]
    merges = [found[1] for text in texts if isinstance(text, str) and (found := _MERGED.search(text))]
    last = audits[-1].get("author_id") if audits else None
    return History(
        said=said,
        articles=tuple(each for audit in audits for each in _articles(audit)),
        reassigned=sum(_changes_hands(audit) for audit in audits),
        reopened=sum(was in _OVER and now not in _OVER for was, now, _ in moves),
        replies=len(answers),
        answered_at=min(answers, default=None),
        resolved_at=ends[-1] if ends else None,
        closed_at=next((at for _, now, at in reversed(moves) if now == "closed"), None),
        merged_into=merges[-1] if merges else "",
        last_by=last if isinstance(last, int) else None,
    )


def _events(audit: Row) -> list[Row]:
    events = audit.get("events")
    return [event for event in events if isinstance(event, dict)] if isinstance(events, list) else []


def _author(audit: Row, event: Row) -> Any:
    return event.get("author_id") or audit.get("author_id")


def _said(audit: Row, people: Mapping[int, Person], requester: Any) -> Iterator[Said]:
    events = _events(audit)
    if receipts.marker(audit) is not None or any(event.get("type") == "Create" for event in events):
        return
    for event in events:
        if event.get("type") != "Comment" or not event.get("id"):
            continue
        author = _author(audit, event)
        person = people.get(author, NOBODY) if isinstance(author, int) else NOBODY
        yield Said(
            ref=str(event["id"]),
            at=moment(audit.get("created_at")) or 0.0,
            author=person.name,
            public=event.get("public") is True,
            desk=person.agent and author != requester,
            text=str(event.get("plain_body") or event.get("body") or ""),
        )


def _articles(audit: Row) -> Iterator[Article]:
    """What an agent linked with the Knowledge panel."""
    for event in _events(audit):
        body = event.get("body")
        if event.get("type") == "KnowledgeLinked" and isinstance(body, dict):
            yield Article(str(body.get("title") or ""), str(body.get("html_url") or body.get("url") or ""))


def _moves(audit: Row) -> Iterator[tuple[Any, Any, float]]:
    at = moment(audit.get("created_at")) or 0.0
    for event in _events(audit):
        if event.get("type") == "Change" and event.get("field_name") == "status":
            yield event.get("previous_value"), event.get("value"), at


def _changes_hands(audit: Row) -> bool:
    return any(
        event.get("type") == "Change" and event.get("field_name") in ("assignee_id", "group_id")
        for event in _events(audit)
        if event.get("previous_value") not in (None, "")
    )
