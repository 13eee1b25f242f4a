"""What agents did: tickets by the incremental export, each with its audits (Zendesk docs, Incremental Exports).

The export withholds the latest minute, so that nothing appears behind its cursor. It shows every ticket of the account
that changed; audits are asked for only of those that are ours and differ from the version last seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector import wire
from connector.clock import Clock
from connector.errors import Permanent
from connector.plugins import Change, ChangePage, Known, Status
from connector.sinks.remembered import Remembered
from connector.sinks.zendesk import history
from connector.sinks.zendesk.catalogue import Catalogue
from connector.sinks.zendesk.history import NOBODY, History, Person, moment
from connector.sinks.zendesk.talk import Talk, is_number
from connector.wire import Effect, Seen

PAGE = 1000  # tickets in one export
GROUP = 50  # tickets whose audits are read before they are handed over
BACK = 3600.0  # a fresh start begins so many seconds ago: the remote wants a time that is past by its own clock
TICKETS, SINCE = "tickets", "since"  # the cursor's entries: where the export goes on, and when it was last at its end

_MERGE_TAG = "closed_by_merge"
_STATUS = {
    "new": Status.NEW,
    "open": Status.OPEN,
    "pending": Status.PENDING,
    "hold": Status.HOLD,
    "solved": Status.RESOLVED,
    "closed": Status.CLOSED,
    "deleted": Status.GONE,
}

Row = Mapping[str, Any]


class Changes:
    """Reads the changes of one account. Of a ticket's tags, those in `endings` tell how it ended."""

    def __init__(self, talk: Talk, catalogue: Catalogue, address: str, endings: Sequence[str], clock: Clock) -> None:
        self._talk = talk
        self._catalogue = catalogue
        self._address = address.rstrip("/")
        self._endings = endings
        self._clock = clock
        self._people: Remembered[int, Person] = Remembered(self._person, clock)
        self._me: int | None = None

    def pages(self, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """What changed since the cursor, to the end of the export. Raises RemoteError."""
        began, at = self._clock.wall(), cursor.get(TICKETS, "")
        self._who_we_are()
        rows, after, ended = self._export(at, cursor.get(SINCE, ""))
        while True:
            fresh = self._differing(rows, known)
            for start in range(0, len(fresh) - GROUP, GROUP):
                yield ChangePage(self._made(fresh[start : start + GROUP]))
            rest = self._made(fresh[max(len(fresh) - 1, 0) // GROUP * GROUP :])
            moved = {TICKETS: after, **({SINCE: f"{began:.0f}"} if ended else {})}
            yield ChangePage(rest, moved, ended)
            if ended:
                return
            at = after
            rows, after, ended = self._page({"cursor": at})
            if after == at and not ended:
                raise wire.verdict(Seen.GARBLED, Effect.READ, self._talk.name)

    def observe(self, remote_ids: Sequence[str]) -> list[Change]:
        """These tickets as they stand, gone ones too where any ticket was seen."""
        wanted = [each for each in dict.fromkeys(remote_ids) if is_number(each)]
        self._who_we_are()
        rows = self._talk.tickets({int(each) for each in wanted})
        found = self._made([{**row, "generated_timestamp": None} for row in rows.values()])
        gone = [each for each in wanted if int(each) not in rows]
        if gone and (rows or self._sees_tickets()):
            found += [Change(each, Status.GONE) for each in gone]
        return found

    def us(self) -> int:
        """Our own user's id."""
        self._who_we_are()
        return self._me or 0

    # ── the export ───────────────────────────────────────────────────────────────────────────────────────────────

    def _export(self, at: str, since: str) -> tuple[list[Row], str, bool]:
        """The first page. A cursor that is not accepted any more gives way to the time when it was last at the end."""
        if at:
            try:
                return self._page({"cursor": at})
            except Permanent as error:
                if error.code != Seen.REFUSED:
                    raise
        date = self._talk.session.last.date
        now = date.timestamp() if date else self._clock.wall()
        latest = min(float(since), now) if since.isdigit() else now
        return self._page({"start_time": f"{max(latest - BACK, 0):.0f}"})

    def _page(self, asked: Mapping[str, str]) -> tuple[list[Row], str, bool]:
        params = {**asked, "per_page": str(PAGE), "include": "metric_sets"}
        self._talk.session.get("/api/v2/incremental/tickets/cursor.json", params=params)
        rows: list[Row] = [
            row for row in self._talk.session.part("tickets", list) if isinstance(row, dict) and row.get("id")
        ]
        return rows, self._talk.session.part("after_cursor", str), self._talk.session.part("end_of_stream", bool)

    def _differing(self, rows: Sequence[Row], known: Known) -> list[Row]:
        latest = {str(row["id"]): row for row in rows}
        stamps = known(list(latest)) if latest else {}
        return [row for key, row in latest.items() if stamps.get(key, _stamp(row)) != _stamp(row)]

    def _who_we_are(self) -> None:
        if self._me is None:
            self._talk.session.get("/api/v2/users/me.json")
            number = self._talk.session.part("user", dict).get("id")
            self._me = number if isinstance(number, int) else 0

    def _sees_tickets(self) -> bool:
        self._talk.session.get("/api/v2/tickets.json", params={"page[size]": "1"})
        return bool(self._talk.session.part("tickets", list))

    # ── tickets ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _made(self, rows: Sequence[Row]) -> list[Change]:
        audits = {row["id"]: [] if _is_untouched(row) else self._audits(row) for row in rows}
        named = {who for each in audits.values() for who in history.authors(each)}
        named |= {row["assignee_id"] for row in rows if isinstance(row.get("assignee_id"), int)}
        self._people.ahead(sorted(named), self._show)
        people = {who: self._people[who] for who in named}
        return [self._change(row, audits[row["id"]], people) for row in rows]

    def _audits(self, row: Row) -> list[Row]:
        if row.get("status") == "deleted":
            return []
        try:
            path = f"/api/v2/tickets/{int(row['id'])}/audits.json"
            return [audit for page, _ in self._talk.paged(path, "audits") for audit in page]
        except Permanent as error:
            if error.code != Seen.GONE:  # deleted since the list was made: the next one says so
                raise
            return []

    def _change(self, row: Row, audits: Sequence[Row], people: Mapping[int, Person]) -> Change:
        past = history.read(audits, people, row.get("requester_id"))
        number, tags = str(row["id"]), [tag for tag in row.get("tags") or () if isinstance(tag, str)]
        status = _STATUS.get(str(row.get("status")), Status.OPEN)
        into = past.merged_into if status is Status.CLOSED and _MERGE_TAG in tags else ""
        group = row.get("group_id")
        return Change(
            remote_id=number,
            status=Status.MERGED if into else status,
            stamp=_stamp(row),
            updated_at=moment(row.get("updated_at")) or 0.0,
            ours=past.last_by == self._me if audits else _is_untouched(row),
            number=number,
            url=f"{self._address}/agent/tickets/{number}",
            assignee=people.get(row.get("assignee_id") or 0, NOBODY).name,
            group=self._catalogue.group_name(group) if isinstance(group, int) else "",
            problem=str(row.get("problem_id") or ""),
            merged_into=into,
            resolution=next((tag for tag in self._endings if tag in tags), ""),
            known_error="known_error" in tags,
            rating=_rating(row),
            **(_told(past) if audits else {}),
        )

    def _show(self, ids: Sequence[int]) -> dict[int, Person]:
        found: dict[int, Person] = {}
        for start in range(0, len(ids), 100):
            asked = ",".join(map(str, ids[start : start + 100]))
            self._talk.session.get("/api/v2/users/show_many.json", params={"ids": asked})
            for row in self._talk.session.part("users", list):
                if isinstance(row, dict) and isinstance(row.get("id"), int):
                    found[row["id"]] = Person(str(row.get("name") or ""), row.get("role") in ("agent", "admin"))
        return found

    def _person(self, number: int) -> Person:
        return self._show([number]).get(number, NOBODY)


def _told(past: History) -> dict[str, Any]:
    names = ("reassigned", "reopened", "replies", "answered_at", "resolved_at", "closed_at", "said", "articles")
    return {name: getattr(past, name) for name in names}


def _stamp(row: Row) -> str:
    """The export's own; a ticket that was asked for by itself may still change within its second, so it has none."""
    stamp = row.get("generated_timestamp")
    return f"{stamp}" if isinstance(stamp, int) else ""


def _is_untouched(row: Row) -> bool:
    """Nobody has changed or answered it since it was made: its audits tell nothing."""
    metrics = row.get("metric_set")
    unanswered = isinstance(metrics, dict) and metrics.get("replies") == 0
    return row.get("status") == "new" and row.get("created_at") == row.get("updated_at") and unanswered


def _rating(row: Row) -> str:
    said = row.get("satisfaction_rating")
    score = said.get("score") if isinstance(said, dict) else None
    return score if score in ("good", "bad") else ""
