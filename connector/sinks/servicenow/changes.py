"""What analysts did: records by their time of change, with what was said and linked, and records that were deleted."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connector import wire
from connector.clock import Clock, utc
from connector.errors import Permanent
from connector.plugins import Article, Change, ChangePage, Known, Said, Status
from connector.sinks.servicenow import polling
from connector.sinks.servicenow.desk import DISPLAY
from connector.sinks.servicenow.fields import is_sys_id, plain
from connector.sinks.servicenow.polling import Place, moment
from connector.sinks.servicenow.talk import Talk
from connector.wire import Effect, Seen

PAGE = 500  # rows of a table at once
GROUP = 100  # records whose comments are asked for at once
MOST = 5000  # comments that one question may bring, of which each record has few
GONE = "gone"  # the version of a record that is not there any more
DELETED = "deleted"  # the cursor's entry for sys_audit_delete

_N, _O = Status.NEW, Status.OPEN
_R, _C = Status.RESOLVED, Status.CLOSED
_STATUS: Mapping[str, Mapping[str, Status]] = {
    "incident": {"1": _N, "2": _O, "3": Status.HOLD, "6": _R, "7": _C, "8": Status.CANCELLED},
    # The base model, and the older one.
    "problem": {"101": _N, "102": _O, "103": _O, "104": _O, "106": _R, "107": _C, "1": _N, "2": _O, "3": _O, "4": _C},
}
_AWAITING_CALLER = "1"
_COLUMNS = (
    *("sys_id", "number", "state", "active", "sys_mod_count", "assigned_to.name", "assignment_group.name"),
    *("sys_updated_on", "sys_updated_by", "sys_created_by", "correlation_display", "close_notes"),
    *("resolved_at", "closed_at", "reassignment_count", "reopen_count"),
)
_OWN_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "incident": ("hold_reason", "close_code", "caller_id.user_name", "problem_id", "parent_incident"),
    "problem": ("resolution_code", "fix_notes", "known_error"),
}
_ENTRY = ("sys_id", "sys_created_on", "sys_created_by", "element_id", "element", "value")
_ARTICLE = ("sys_id", "task", "kb_knowledge.number", "kb_knowledge.short_description")
_MARKED = re.compile(r"\s*\[" + DISPLAY + r" [a-z0-9-]{4,24}-[0-9a-f]{20}\]\s*\Z")
_CODE = re.compile(r"\[code\](.{0,20000}?)\[/code\]", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]{1,1000}>")
_NOT_FOR_US = frozenset({Seen.NO_API, Seen.FORBIDDEN, Seen.REFUSED})

Row = Mapping[str, Any]


class Changes:
    """Reads `tables` of one instance, the first of which holds our records, the others their parents."""

    def __init__(self, talk: Talk, address: str, overlap: float, login: str, clock: Clock) -> None:
        self._talk = talk
        self._address = address.rstrip("/")
        self._overlap = overlap
        self._login = login
        self._clock = clock

    def pages(self, tables: Sequence[str], cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """What changed and what was deleted since the cursor. Raises RemoteError."""
        own, *parents = tables
        yield from self._records(own, f"correlation_display={DISPLAY}", cursor, known)
        for table in parents:
            try:
                yield from self._records(table, "", cursor, known)
            except Permanent as error:
                if error.code not in _NOT_FOR_US:
                    raise
        yield from self._deleted(tables, cursor, known)
        yield ChangePage((), complete=True)

    def _records(self, table: str, condition: str, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        for rows, moved in self._passed(table, table, cursor, ("sys_updated_on", condition, _columns(table))):
            yield ChangePage(self._changed(table, rows, known), moved)

    def observe(self, tables: Sequence[str], remote_ids: Sequence[str]) -> list[Change]:
        """These records as they stand, gone ones too where any record was seen."""
        wanted = [each for each in dict.fromkeys(remote_ids) if is_sys_id(each)]
        found: list[Change] = []
        for table in tables:
            missing = [each for each in wanted if each not in {change.remote_id for change in found}]
            rows = self._talk.named(table, missing, _columns(table)) if missing else {}
            found += self._made(table, list(rows.values()))
        gone = set(wanted) - {change.remote_id for change in found}
        if gone and (found or self._sees_records(tables[0])):
            found += [Change(each, Status.GONE, GONE) for each in wanted if each in gone]
        return found

    def _sees_records(self, table: str) -> bool:
        return bool(self._talk.rows(table, f"correlation_display={DISPLAY}", ("sys_id",), 1))

    # ── one pass through a table ─────────────────────────────────────────────────────────────────────────────────

    def _passed(
        self, table: str, entry: str, cursor: Mapping[str, str], asked: tuple[str, str, Sequence[str]]
    ) -> Iterator[tuple[list[dict[str, Any]], dict[str, str | None]]]:
        """The rows of a table page by page, each with how the cursor's entry moves; the last page is empty.

        `asked`: the column that orders them, a condition, and the columns to show.
        """
        column, condition, shown = asked
        now = self._clock.wall()
        place = Place.of(cursor.get(entry, "")) or self._begin(table, now)
        rows = self._page(table, polling.keyset(column, condition, place.start(self._overlap)), shown)
        date = self._talk.session.last.date
        if (back := place.by(date, now)) is not place:
            place = back
            rows = self._page(table, polling.keyset(column, condition, place.start(self._overlap)), shown)
        after, top = place.start(self._overlap), place.at[0] if place.at else place.done
        until = place.until or (polling.stamp(date) if date else max(row[column] for row in rows) if rows else top)
        while rows:
            last = polling.latest(rows, column)
            if last is None or last <= after:  # the order that was asked for is not kept
                raise wire.verdict(Seen.GARBLED, Effect.READ, self._talk.name)
            after, top = last, max(top, last[0])
            yield rows, {entry: place.after(after, until).text}
            rows = self._page(table, polling.keyset(column, condition, after), shown)
        yield [], {entry: place.ended(min(until, top), now).text}

    def _begin(self, table: str, now: float) -> Place:
        self._talk.rows(table, "", ("sys_id",), 1)
        date = self._talk.session.last.date
        return Place(polling.stamp(date or utc(now)), read_at=now)

    def _page(self, table: str, query: str, shown: Sequence[str]) -> list[dict[str, Any]]:
        return self._talk.rows(table, query, shown, PAGE)

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _changed(self, table: str, rows: Sequence[Row], known: Known) -> list[Change]:
        stamps = known([str(row.get("sys_id")) for row in rows]) if rows else {}
        fresh = [row for row in rows if stamps.get(str(row.get("sys_id")), _stamp(row)) != _stamp(row)]
        return self._made(table, fresh)

    def _made(self, table: str, rows: Sequence[Row]) -> list[Change]:
        talked = [str(row["sys_id"]) for row in rows if plain(row.get("sys_mod_count")) != "0"]
        explained = [str(row["sys_id"]) for row in rows if _is_explained(table, row)]
        entries, articles = self._entries(talked), self._articles(explained)
        return [
            self._change(table, row, entries.get(row["sys_id"], ()), articles.get(row["sys_id"], ())) for row in rows
        ]

    def _change(self, table: str, row: Row, entries: Sequence[Row], articles: Sequence[Article]) -> Change:
        text = {name: plain(value) for name, value in row.items()}
        maker = text.get("sys_created_by", "") if text.get("correlation_display") == DISPLAY else ""
        us = {self._login, maker} - {""}
        caller = text.get("caller_id.user_name", "")
        said = (_said(entry, caller) for entry in entries if not _is_ours(entry, us))
        return Change(
            remote_id=text["sys_id"],
            status=_status(table, row),
            stamp=_stamp(row),
            updated_at=moment(text.get("sys_updated_on", "")) or 0.0,
            ours=text.get("sys_updated_by", "") in us,
            number=text.get("number", ""),
            url=f"{self._address}/{table}.do?sys_id={text['sys_id']}",
            assignee=text.get("assigned_to.name", ""),
            group=text.get("assignment_group.name", ""),
            problem=text.get("problem_id") or text.get("parent_incident", ""),
            resolution=text.get("close_code") or text.get("resolution_code", ""),
            notes=text.get("close_notes") or text.get("fix_notes", ""),
            known_error=text.get("known_error") == "true",
            reassigned=_count(text.get("reassignment_count")),
            reopened=_count(text.get("reopen_count")),
            resolved_at=moment(text.get("resolved_at", "")),
            closed_at=moment(text.get("closed_at", "")),
            said=tuple(said),
            articles=tuple(articles),
        )

    def _entries(self, ids: Sequence[str]) -> dict[str, list[Row]]:
        """The journals of these records, oldest entry first."""
        found: dict[str, list[Row]] = {}
        for start in range(0, len(ids), GROUP):
            some = ids[start : start + GROUP]
            condition, after = f"element_idIN{','.join(some)}^elementINcomments,work_notes", ("1970-01-01 00:00:00", "")
            while rows := self._talk.rows(
                "sys_journal_field", polling.keyset("sys_created_on", condition, after), _ENTRY, MOST
            ):
                for row in rows:
                    if row.get("element_id") in some:
                        found.setdefault(row["element_id"], []).append(row)
                last = polling.latest(rows, "sys_created_on")
                if len(rows) < MOST or last is None or last <= after:
                    break
                after = last
        return found

    def _articles(self, ids: Sequence[str]) -> dict[str, list[Article]]:
        found: dict[str, list[Article]] = {}
        for start in range(0, len(ids), GROUP):
            some = ids[start : start + GROUP]
            try:
                rows = self._talk.rows("m2m_kb_task", f"taskIN{','.join(some)}^ORDERBYsys_id", _ARTICLE, MOST)
            except Permanent as error:
                if error.code in _NOT_FOR_US:  # without knowledge management, or without the right to read it
                    return {}
                raise
            for row in rows:
                number, task = plain(row.get("kb_knowledge.number")), plain(row.get("task"))
                if number and task in some:
                    address = f"{self._address}/kb_view.do?sysparm_article={number}"
                    found.setdefault(task, []).append(
                        Article(plain(row.get("kb_knowledge.short_description")), address)
                    )
        return found

    # ── deletions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _deleted(self, tables: Sequence[str], cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        """Whatever the audit of deletions shows, where this account may read it, and is really not there any more."""
        asked = ("sys_created_on", f"tablenameIN{','.join(tables)}", ("sys_id", "sys_created_on", "documentkey"))
        try:
            for rows, moved in self._passed("sys_audit_delete", DELETED, cursor, asked):
                ids = [key for row in rows if is_sys_id(key := plain(row.get("documentkey")))]
                ours = [each for each, stamp in known(ids).items() if stamp != GONE] if ids else []
                yield ChangePage(self._gone(tables, ours), moved)
        except Permanent as error:
            if error.code not in _NOT_FOR_US:
                raise

    def _gone(self, tables: Sequence[str], ids: Sequence[str]) -> list[Change]:
        there = {sys_id for table in tables for sys_id in self._talk.named(table, ids, ("sys_id",))} if ids else set()
        return [Change(each, Status.GONE, GONE) for each in ids if each not in there]


def _columns(table: str) -> tuple[str, ...]:
    return (*_COLUMNS, *_OWN_COLUMNS.get(table, ()))


def _status(table: str, row: Row) -> Status:
    """A state that the site added counts as open while the record is active."""
    state = plain(row.get("state"))
    otherwise = Status.CLOSED if plain(row.get("active")) == "false" else Status.OPEN
    status = _STATUS.get(table, {}).get(state, otherwise)
    waits = status is Status.HOLD and plain(row.get("hold_reason")) == _AWAITING_CALLER
    return Status.PENDING if waits else status


def _is_explained(table: str, row: Row) -> bool:
    """May somebody have linked an article by now that helps those who asked?"""
    return _status(table, row) in (Status.RESOLVED, Status.CLOSED) or plain(row.get("known_error")) == "true"


def _stamp(row: Row) -> str:
    """Two changes within one second are told apart by their count."""
    return f"{plain(row.get('sys_updated_on'))}#{plain(row.get('sys_mod_count'))}"


def _count(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _is_ours(entry: Row, us: Iterable[str]) -> bool:
    """Said by our account, and ending in a marker of ours: neither alone proves it."""
    return plain(entry.get("sys_created_by")) in us and _MARKED.search(plain(entry.get("value"))) is not None


def _said(entry: Row, caller: str) -> Said:
    author = plain(entry.get("sys_created_by"))
    return Said(
        ref=plain(entry.get("sys_id")),
        at=moment(plain(entry.get("sys_created_on"))) or 0.0,
        author=author,
        public=plain(entry.get("element")) == "comments",
        desk=not caller or author != caller,
        text=_CODE.sub(lambda found: html.unescape(_TAG.sub("", found[1])), plain(entry.get("value"))),
    )
