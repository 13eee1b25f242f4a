# ruff: noqa: S101  these are tests
"""What every source must do, as tests that any plugin can run. Needs pytest and hypothesis."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.errors import RemoteError
from connector.plugins import Counted, Page, Reading, Record, Rejected, Reply, Source, SourceTools, TakesPosts
from connector.ticket import Ticket, fingerprint

_OLD = 10_000.0


class ContractClock:
    """Starts at the machine's time and moves only when somebody sleeps."""

    def __init__(self) -> None:
        self._now = time.time()

    def wall(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


class SourceContract:
    """Subclass this in a test file, as `class TestMine(SourceContract)`, and say what is yours:

    `plugin`    the source's class
    `options`   settings besides `type` and `path`, as in connector.yaml
    `samples`   contents of the files that the source is to find, by name: a ticket at least, and better also
                replies, records that make none, and broken ones
    `crowd`     the same, but so much that it takes several pages; the samples where nothing is said

    A source that does not read files overrides `fill`, which puts samples where the source finds them, and
    `source`, which makes one that reads from there. What is promised is in the names of the tests.
    """

    plugin: ClassVar[type[Source]]
    options: ClassVar[Mapping[str, Any]] = {}
    samples: ClassVar[Mapping[str, bytes]]
    crowd: ClassVar[Mapping[str, bytes]] = {}

    def source(self, folder: Path, name: str = "contract", path: str = "inbox", **more: Any) -> Source:
        """A source that reads what `fill` put into `folder`."""
        raw = {"type": "contract", "path": path, **self.options, **more}
        return self.plugin(name, self.plugin.settings.model_validate(raw), SourceTools(folder, ContractClock()))

    def fill(self, folder: Path, contents: Mapping[str, bytes]) -> None:
        """Put files there that nobody has written to for a while."""
        long_ago = time.time() - _OLD
        (folder / "inbox").mkdir(exist_ok=True)
        for name, content in contents.items():
            file = folder / "inbox" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            os.utime(file, (long_ago, long_ago))

    def records(self, folder: Path) -> list[Record]:
        """All records of the samples."""
        self.fill(folder, self.samples)
        return [record for page in self.source(folder).pages({}) for record in page.records]

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_sample_makes_a_ticket(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        assert any(isinstance(source.read(record), Ticket) for record in self.records(tmp_path))

    def test_the_same_record_reads_the_same(self, tmp_path: Path) -> None:
        one, other = self.source(tmp_path), self.source(tmp_path)
        for record in self.records(tmp_path):
            assert one.read(record) == other.read(record) == one.read(record)

    def test_readings_keep_the_rules(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        for record in self.records(tmp_path):
            keeps_the_rules(record, source.read(record), "contract")

    def test_the_id_setting_names_the_source(self, tmp_path: Path) -> None:
        source = self.source(tmp_path, name="renamed", id="first-name")
        for record in self.records(tmp_path):
            keeps_the_rules(record, source.read(record), "first-name")

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(data=st.data())
    def test_no_bytes_make_reading_raise(self, data: st.DataObject) -> None:
        record = data.draw(_records(tuple(self.samples.values())))
        keeps_the_rules(record, self.source(Path()).read(record), "contract")

    def test_a_post_is_taken_apart_into_places_of_its_own(self, tmp_path: Path) -> None:
        source = self.source(tmp_path)
        if not isinstance(source, TakesPosts):
            pytest.skip("it takes no posts")
        for data in (*self.samples.values(), b"", b"[]", b"[[[", b"\xff"):
            parts = list(source.split(Record("intake/receipt", data)))
            places = [part.place for part in parts]
            assert len(set(places)) == len(places)
            assert all(place.startswith("intake/receipt") for place in places)
            for part in parts:
                keeps_the_rules(part, source.read(part), "contract")

    # ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_only_the_last_page_is_complete(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.crowd or self.samples)
        *before, last = self.source(tmp_path).pages({})
        assert last.complete
        assert not any(page.complete for page in before)

    def test_places_are_unique_and_stay(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.crowd or self.samples)
        first, second = (_said(self.source(tmp_path).pages({})) for _ in range(2))
        assert first == second
        assert len({place for place, _ in first}) == len(first)

    def test_a_second_pass_finds_nothing(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.crowd or self.samples)
        cursor = _after({}, self.source(tmp_path).pages({}))
        pages = list(self.source(tmp_path).pages(cursor))
        assert _said(pages) == []
        assert pages[-1].complete

    def test_after_a_crash_between_pages_nothing_is_lost_or_repeated(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.crowd or self.samples)
        pages = list(self.source(tmp_path).pages({}))
        for done in range(len(pages) + 1):
            again = self.source(tmp_path).pages(_after({}, pages[:done]))
            assert _said(again) == _said(pages[done:])

    def test_cursors_are_text(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.crowd or self.samples)
        for page in self.source(tmp_path).pages({}):
            for entry, value in page.cursor.items():
                assert entry
                assert value is None or isinstance(value, str)
            text = json.dumps(dict(page.cursor), ensure_ascii=False)
            assert json.loads(text.encode()) == page.cursor

    # ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────

    def test_unknown_settings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError):
            self.source(tmp_path, no_such_setting=1)

    def test_check_finds_nothing_wrong_with_a_good_place(self, tmp_path: Path) -> None:
        self.fill(tmp_path, self.samples)
        assert list(self.source(tmp_path).check()) == []

    def test_check_reports_a_missing_place(self, tmp_path: Path) -> None:
        findings = self.source(tmp_path, path="no/such/place").check()
        assert findings
        assert all(finding.code and finding.what and finding.remedy for finding in findings)

    def test_a_missing_place_is_an_error_and_not_an_empty_one(self, tmp_path: Path) -> None:
        with pytest.raises(RemoteError):
            list(self.source(tmp_path, path="no/such/place").pages({}))


def _said(pages: Iterable[Page]) -> list[tuple[str, bytes]]:
    return [(record.place, record.data) for page in pages for record in page.records]


def _after(cursor: Mapping[str, str], pages: Iterable[Page]) -> dict[str, str]:
    """The cursor as a ledger keeps it: written as JSON, entries that ended taken out."""
    kept: dict[str, str | None] = dict(cursor)
    for page in pages:
        kept.update(json.loads(json.dumps(dict(page.cursor))))
    return {entry: value for entry, value in kept.items() if value is not None}


def _records(samples: tuple[bytes, ...]) -> st.SearchStrategy[Record]:
    """Any bytes, and samples with something cut out, doubled or put in."""
    damaged = st.builds(
        lambda sample, at, length, put: (
            sample[: at % (len(sample) + 1)] + put + sample[at % (len(sample) + 1) + length :]
        ),
        st.sampled_from(samples),
        st.integers(0, 1 << 20),
        st.integers(0, 40),
        st.binary(max_size=8)
        | st.sampled_from([b"\x00", b"\xed\xa0\x80", b"\\ud800", b"1e999", b"[" * 200, b'"', b"null"]),
    )
    return st.builds(
        Record,
        place=st.sampled_from(["a", "a/b.json", "c.ndjson:7", "d#2"]),
        data=st.binary(max_size=200) | damaged,
        at=st.none() | st.floats(),
    )


def keeps_the_rules(record: Record, reading: Reading, source: str) -> None:
    """What holds of every reading; raises AssertionError. `source` is the id of the source that read."""
    if isinstance(reading, Rejected):
        assert reading.finding.code
        assert reading.finding.what
        assert record.place in reading.finding.where
    elif isinstance(reading, Counted):
        assert reading.reason
    elif isinstance(reading, Reply):
        assert reading.thread
        assert all(reading.thread)
        assert reading.comment.id
        assert reading.ticket.external_id in reading.ticket.thread
        _is_sound(reading.ticket, source)
    else:
        _is_sound(reading, source)


def _is_sound(ticket: Ticket, source: str) -> None:
    """It has its name, can be kept as text by any database, and its times are in UTC."""
    assert ticket.source == source
    assert ticket.external_id
    assert ticket.summary
    assert fingerprint(ticket) == fingerprint(ticket.model_copy())
    escaped = ticket.model_dump_json().encode().replace(b"\\\\", b"")  # a backslash that somebody wrote is no escape
    assert b"\\u0000" not in escaped
    for at in (ticket.submitted_at, ticket.received_at):
        assert at is None or at.utcoffset() == timedelta(0)
