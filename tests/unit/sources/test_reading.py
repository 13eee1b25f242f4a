from __future__ import annotations

import json
import os
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.plugins import Record
from connector.sources import reading
from connector.sources.reading import Lines, trouble

from .conftest import Inbox

# ── growing files ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_growing_file_goes_on_where_it_stopped(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntwo\n")
    assert inbox.said() == [("a.ndjson:1", b"one"), ("a.ndjson:2", b"two")]
    inbox.append("a.ndjson", "three\n")
    assert inbox.said() == [("a.ndjson:3", b"three")]
    assert inbox.said() == []


def test_lines_are_read_while_their_file_is_written_to(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\n", age=0)
    assert inbox.said() == [("a.ndjson:1", b"one")]
    assert inbox.clock.slept == []


def test_empty_lines_count_and_say_nothing(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "\none\r\n  \n\ntwo\n")
    assert inbox.said() == [("a.ndjson:2", b"one"), ("a.ndjson:5", b"two")]


def test_an_unfinished_line_waits_for_its_newline(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntw", age=5)
    assert inbox.said() == [("a.ndjson:1", b"one")]
    assert inbox.said() == []
    inbox.append("a.ndjson", "o\n", age=3)
    assert inbox.said() == [("a.ndjson:2", b"two")]


def test_an_unfinished_line_is_read_when_its_writer_is_long_gone(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntwo", age=5)
    assert inbox.said() == [("a.ndjson:1", b"one")]
    inbox.clock.now += 60
    assert inbox.said() == [("a.ndjson:2", b"two")]
    assert inbox.said() == []
    inbox.append("a.ndjson", " and more\nthree\n", age=1)
    assert inbox.said() == [("a.ndjson:2", b"two and more"), ("a.ndjson:3", b"three")]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda inbox: inbox.put("a.ndjson", "new\n"), id="cut"),
        pytest.param(lambda inbox: inbox.put("a.ndjson", "ONE\nTWO\nthree\n"), id="rewritten and longer"),
        pytest.param(lambda inbox: inbox.put("a.ndjson", "one\nTWO\n"), id="rewritten and as long"),
        pytest.param(lambda inbox: (os.unlink(inbox.folder / "a.ndjson"), inbox.put("a.ndjson", "x\n")), id="rotated"),
        pytest.param(
            lambda inbox: (
                os.rename(inbox.folder / "a.ndjson", inbox.base / "kept"),
                inbox.put("a.ndjson", "one\ntwo\nthree\n"),
            ),
            id="rotated with the same beginning",
        ),
    ],
)
def test_a_file_that_did_not_just_grow_is_read_from_its_start(inbox: Inbox, change: object) -> None:
    inbox.put("a.ndjson", "one\ntwo\n")
    inbox.read()
    change(inbox)  # type: ignore[operator]
    lines = (inbox.folder / "a.ndjson").read_bytes().splitlines()
    assert inbox.said() == [(f"a.ndjson:{number}", line) for number, line in enumerate(lines, 1)]


def test_lines_written_while_a_file_is_read_come_the_next_time(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntwo\n")

    def opened(file, found, known):  # type: ignore[no-untyped-def]
        scroll = Lines(file, found, known)
        inbox.append("a.ndjson", "three\n")
        return scroll

    for page in inbox.pages(opened):
        inbox.keep(page.cursor)
        assert [record.data for record in page.records] == [b"one", b"two"]
    assert inbox.said() == [("a.ndjson:3", b"three")]


def test_a_writer_that_comes_back_finishes_its_line(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntw", age=1000)

    def opened(file, found, known):  # type: ignore[no-untyped-def]
        inbox.append("a.ndjson", "o and", age=0)
        return Lines(file, found, known)

    (page,) = inbox.pages(opened)
    assert [record.data for record in page.records] == [b"one"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None)
@given(
    chunks=st.lists(st.text(st.sampled_from("ab\n"), min_size=1, max_size=12), max_size=6),
    size=st.integers(1, 4),
    crash=st.integers(0, 3),
)
def test_however_a_file_grows_each_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[str], size: int, crash: int
) -> None:
    inbox = Inbox(tmp_path_factory.mktemp("grown"))
    got: dict[str, bytes] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "PAGE_RECORDS", size)
        inbox.put("a.ndjson", "")
        for chunk in [*chunks, "\n"]:
            inbox.append("a.ndjson", chunk, age=1)
            for number, page in enumerate(inbox.pages()):
                assert not got.keys() & {record.place for record in page.records}
                got.update((record.place, record.data) for record in page.records)
                inbox.keep(page.cursor)
                if number == crash:
                    break
        for page in inbox.pages():
            got.update((record.place, record.data) for record in page.records)
    lines = "".join([*chunks, "\n"]).encode().split(b"\n")
    assert got == {f"a.ndjson:{number}": line for number, line in enumerate(lines, 1) if line.strip()}


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_page_is_bounded_in_records_and_bytes(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_BYTES", 1000)
    inbox.put("few.ndjson", ("x" * 400 + "\n") * 4)
    inbox.put("many.ndjson", "y\n" * 1200)
    pages = list(inbox.pages())
    assert all(len(page.records) <= 500 for page in pages)
    assert all(sum(len(record.data) for record in page.records) <= 1000 for page in pages)
    assert sum(len(page.records) for page in pages) == 1204


def test_a_page_covers_no_record_of_a_later_one(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_RECORDS", 3)
    inbox.put("a.json", "1")
    inbox.put("b.ndjson", "1\n2\n3\n4\n5\n")
    inbox.put("c.json", "1")
    whole = [record.place for page in inbox.pages() for record in page.records]
    for done in range(len(whole)):
        inbox.cursor = {}
        got: list[str] = []
        for page in inbox.pages():
            if len(got) + len(page.records) > done:
                break
            got += [record.place for record in page.records]
            inbox.keep(page.cursor)
        assert got + [record.place for record in inbox.read()] == whole


def test_an_untouched_pass_writes_nothing_into_the_cursor(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\ntw", age=5)
    inbox.put("b.json", "{}")
    inbox.read()
    (page,) = inbox.pages()
    assert page.complete
    assert not page.cursor


# ── what is too large ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_huge_line_is_named_and_not_loaded(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORD_BYTES", 100_000)
    inbox.put("a.ndjson", b"one\n" + b"x" * 5_000_000 + b"\nthree\n")
    tracemalloc.start()
    records = inbox.read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [record.place for record in records] == ["a.ndjson:1", "a.ndjson:2", "a.ndjson:3"]
    assert records[2].data == b"three"
    refused = trouble(records[1])
    assert refused
    assert refused.finding.where == "a.ndjson:2"
    assert "5,000,001 bytes" in refused.finding.what
    assert peak < 1_500_000


def test_a_huge_file_is_named_and_not_loaded(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "RECORD_BYTES", 1000)
    inbox.put("big.json", "x" * 100_000)
    (record,) = inbox.read()
    refused = trouble(record)
    assert refused
    assert refused.finding.code == "too-large"
    assert len(record.data) < 5000
    assert inbox.read() == []


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_time(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put("a.json", "one")
    real, looks = os.fstat, []

    def growing(descriptor: int) -> os.stat_result:
        looks.append(descriptor)
        if len(looks) == 4:  # the last look, after the content was read
            inbox.append("a.json", "more")
        return real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", growing)
        assert inbox.said() == []
    assert inbox.said() == [("a.json", b"onemore")]
    assert inbox.said() == []


def test_trouble_is_told_with_its_remedy() -> None:
    refused = trouble(Record("a.json", b"", facts={"unreadable": "Permission denied"}))
    assert refused
    assert refused.finding.where == "a.json"
    assert "Permission denied" in refused.finding.what
    assert refused.finding.remedy
    assert trouble(Record("a.json", b"{}")) is None


def test_cursor_values_survive_json(inbox: Inbox) -> None:
    inbox.put("a.ndjson", "one\n")
    inbox.put("b.json", "{}")
    inbox.read()
    inbox.cursor = json.loads(json.dumps(inbox.cursor))
    assert inbox.read() == []


@pytest.mark.parametrize("value", ["", "nonsense", "1:2:3:4 x y z h", "1:2:3:4 1 2", "+ 1 1 1 h"])
def test_a_cursor_that_makes_no_sense_reads_from_the_start(inbox: Inbox, value: str) -> None:
    inbox.put("a.ndjson", "one\n")
    inbox.cursor = {"a.ndjson": value}
    assert inbox.said() == [("a.ndjson:1", b"one")]
