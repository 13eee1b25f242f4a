"""Mail on disk: single files, Maildir, mbox. Found once, found again when changed, never touched."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from connector.errors import RemoteError
from connector.plugins import Page, Record, Rejected
from connector.sources.email import Email
from connector.ticket import Ticket

from .build import mail, source

OLD = 1_700_000_000.0


class Clock:
    """Stands far after every file's time."""

    def wall(self) -> float:
        return OLD + 100_000

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here is fresh")


def box(base: Path, path: str = "box", **told: Any) -> Email:
    return source(path, base, Clock(), **told)


def write(path: Path, data: bytes, at: float = OLD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, (at, at))
    return path


def run(reader: Email, cursor: dict[str, str]) -> list[Record]:
    """The records of one run; the cursor is moved as a ledger would."""
    return [record for page in moved(reader.pages(dict(cursor)), cursor) for record in page.records]


def moved(pages: Iterable[Page], cursor: dict[str, str]) -> Iterable[Page]:
    for page in pages:
        for entry, value in page.cursor.items():
            if value is None:
                cursor.pop(entry, None)
            else:
                cursor[entry] = value
        yield page


def numbered(number: int, body: str = "text") -> bytes:
    return mail(f"{body} {number}\n", Message_ID=f"<{number}@x>").replace(b"\r\n", b"\n")


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def test_a_maildir_is_read_from_new_and_cur_and_never_from_tmp(maildir: Path) -> None:
    write(maildir / "new" / "1700000000.M1.host", numbered(1))
    write(maildir / "cur" / "1700000001.M2.host:2,S", numbered(2))
    write(maildir / "tmp" / "1700000002.M3.host", numbered(3))
    write(maildir / "cur" / ".hidden", numbered(4))
    found = run(box(maildir.parent), {})
    assert [record.place for record in found] == ["1700000000.M1.host", "1700000001.M2.host"]
    assert found[0].data == numbered(1)


def test_a_mail_that_was_moved_or_marked_is_not_even_opened(maildir: Path) -> None:
    cursor: dict[str, str] = {}
    new = write(maildir / "new" / "1700000000.M1.host", numbered(1))
    assert len(run(box(maildir.parent), cursor)) == 1
    before = dict(cursor)
    seen = new.rename(maildir / "cur" / "1700000000.M1.host:2,S")
    seen.chmod(0)
    assert run(box(maildir.parent), cursor) == []
    seen.rename(maildir / "cur" / "1700000000.M1.host:2,RS")
    assert run(box(maildir.parent), cursor) == []
    assert cursor == before


def test_reading_a_maildir_changes_nothing_in_it(maildir: Path) -> None:
    write(maildir / "new" / "1700000000.M1.host", numbered(1))
    run(box(maildir.parent), {})
    assert [path.name for path in (maildir / "new").iterdir()] == ["1700000000.M1.host"]
    assert list((maildir / "cur").iterdir()) == []


def test_new_mail_in_a_maildir_is_found_and_gone_mail_forgotten(maildir: Path) -> None:
    cursor: dict[str, str] = {}
    first = write(maildir / "new" / "1700000000.M1.host", numbered(1))
    write(maildir / "new" / "1700000001.M2.host", numbered(2))
    run(box(maildir.parent), cursor)
    write(maildir / "new" / "1700000002.M3.host", numbered(3))
    write(maildir / "new" / "odd-name", numbered(4))
    assert [record.place for record in run(box(maildir.parent), cursor)] == ["1700000002.M3.host", "odd-name"]
    size = sum(map(len, cursor.values()))
    first.unlink()
    assert run(box(maildir.parent), cursor) == []
    assert sum(map(len, cursor.values())) < size


def test_a_mail_listed_in_new_and_in_cur_is_one(maildir: Path) -> None:
    write(maildir / "new" / "1700000000.M1.host", numbered(1))
    write(maildir / "cur" / "1700000000.M1.host:2,", numbered(1))
    assert len(run(box(maildir.parent), {})) == 1


def test_a_maildir_stopped_between_pages_goes_on(maildir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.sources.reading.PAGE_RECORDS", 7)
    for number in range(40):
        write(maildir / "cur" / f"{1_700_000_000 + 400 * number}.M{number}.host:2,", numbered(number))
    pages = list(box(maildir.parent).pages({}))
    assert len(pages) == 6
    for done in range(len(pages)):
        cursor: dict[str, str] = {}
        read = [record.place for page in moved(pages[:done], cursor) for record in page.records]
        rest = [record.place for record in run(box(maildir.parent), cursor)]
        assert len({*read, *rest}) == len(read) + len(rest) == 40


def test_a_name_that_is_no_text_is_read(maildir: Path) -> None:
    write(maildir / "new" / os.fsdecode(b"1700000000.\xff.host"), numbered(1))
    (record,) = run(box(maildir.parent), {})
    assert record.place == "1700000000.\\udcff.host"


def test_a_mail_that_cannot_be_read_says_so_each_time(maildir: Path) -> None:
    (maildir / "new" / "1700000000.M1.host").symlink_to("/nowhere")
    cursor: dict[str, str] = {}
    for _ in range(2):
        found = run(box(maildir.parent), cursor)
        reading = box(maildir.parent).read(found[0])
        assert isinstance(reading, Rejected)
        assert reading.finding.code == "unreadable"


def test_a_folder_of_mails(tmp_path: Path) -> None:
    write(tmp_path / "box" / "a.eml", numbered(1))
    write(tmp_path / "box" / "deep" / "b.EML", numbered(2))
    write(tmp_path / "box" / "notes.txt", b"not a mail")
    cursor: dict[str, str] = {}
    assert [record.place for record in run(box(tmp_path), cursor)] == ["a.eml", "deep/b.EML"]
    assert run(box(tmp_path), cursor) == []
    write(tmp_path / "box" / "a.eml", numbered(1, "changed"), OLD + 5)
    assert [record.place for record in run(box(tmp_path), cursor)] == ["a.eml"]


def test_a_mail_beyond_the_limit_is_read_in_part_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "box" / "a.eml", mail("word " * 30_000))
    reader = box(tmp_path, limits={"mail_bytes": 65_536})
    (record,) = run(reader, {})
    found = reader.read(record)
    assert isinstance(found, Ticket)
    assert any("only the beginning" in note for note in found.notes)


def mbox(*mails: bytes, top: bytes = b"From ann@x.example Sat Nov 21 09:59:00 2026\n") -> bytes:
    return b"".join(top + data.rstrip(b"\n") + b"\n\n" for data in mails)


def test_a_mbox_is_split_and_its_escapes_undone(tmp_path: Path) -> None:
    first = numbered(
        1, "Hello\nFrom 09:59 on it failed in 2026\n\nFrom the ward I write\n\n>From here on\n>>From there\n> quoted\n"
    )
    write(tmp_path / "box", mbox(first, numbered(2)))
    one, two = run(box(tmp_path), {})
    assert one.data.endswith(b"From the ward I write\n\nFrom here on\n>From there\n> quoted\n 1\n")
    assert two.data == numbered(2)
    assert one.place.startswith("box#")
    assert one.at == 1_795_255_140


@pytest.mark.parametrize("top", [b"From - Sat Nov 21 09:59:00 2026\n", b"From MAILER-DAEMON\n", b"From a@b\r\n"])
def test_the_lines_between_mails(tmp_path: Path, top: bytes) -> None:
    write(tmp_path / "box", mbox(numbered(1), numbered(2), top=top))
    assert [record.data for record in run(box(tmp_path), {})] == [numbered(1), numbered(2)]


def test_a_growing_mbox_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = write(tmp_path / "box", mbox(numbered(1), numbered(2)))
    cursor: dict[str, str] = {}
    assert len(run(box(tmp_path), cursor)) == 2
    assert run(box(tmp_path), cursor) == []
    with path.open("ab") as file:
        file.write(mbox(numbered(3)))
    os.utime(path, (OLD + 5, OLD + 5))
    assert [record.data for record in run(box(tmp_path), cursor)] == [numbered(3)]


def test_a_rotated_or_rewritten_mbox_is_read_again_under_the_same_places(tmp_path: Path) -> None:
    path = write(tmp_path / "box", mbox(numbered(1), numbered(2)))
    cursor: dict[str, str] = {}
    before = run(box(tmp_path), cursor)
    write(path, mbox(numbered(2), numbered(3), numbered(4)), OLD + 5)
    after = run(box(tmp_path), cursor)
    assert [record.data for record in after] == [numbered(2), numbered(3), numbered(4)]
    assert after[0].place == before[1].place
    write(path, mbox(numbered(5)), OLD + 10)
    assert [record.data for record in run(box(tmp_path), cursor)] == [numbered(5)]


def test_the_last_mail_of_a_mbox_waits_until_its_writer_is_done(tmp_path: Path) -> None:
    path = write(tmp_path / "box.mbox", mbox(numbered(1), numbered(2))[:-20], OLD + 99_990)
    cursor: dict[str, str] = {}
    assert [record.data for record in run(box(tmp_path, "box.mbox"), cursor)] == [numbered(1)]
    write(path, mbox(numbered(1), numbered(2)))
    assert [record.data for record in run(box(tmp_path, "box.mbox"), cursor)] == [numbered(2)]


def test_a_locked_mbox_keeps_its_last_mail(tmp_path: Path) -> None:
    write(tmp_path / "box", mbox(numbered(1), numbered(2)))
    write(tmp_path / "box.lock", b"")
    assert len(run(box(tmp_path), {})) == 1


def test_a_mbox_in_pages(tmp_path: Path) -> None:
    write(tmp_path / "box", mbox(*(numbered(n) for n in range(1_100))))
    pages = list(box(tmp_path).pages({}))
    for done in range(len(pages)):
        cursor: dict[str, str] = {}
        read = [record.data for page in moved(pages[:done], cursor) for record in page.records]
        assert read + [record.data for record in run(box(tmp_path), cursor)] == [numbered(n) for n in range(1_100)]


def test_a_huge_mail_in_a_mbox_does_not_stop_the_next(tmp_path: Path) -> None:
    write(tmp_path / "box", mbox(mail("x" * 200_000), numbered(2)))
    reader = box(tmp_path, limits={"mail_bytes": 70_000})
    huge, small = run(reader, {})
    assert len(huge.data) <= 65_536
    assert "cut" in huge.facts
    assert small.data == numbered(2)


@pytest.mark.parametrize(("told", "count"), [("auto", 2), ("mbox", 2), ("eml", 1)])
def test_the_format_may_be_told(tmp_path: Path, told: str, count: int) -> None:
    write(tmp_path / "box" / "a.mbox", mbox(numbered(1), numbered(2)))
    assert len(run(box(tmp_path, format=told), {})) == count


def test_globs_name_files(tmp_path: Path) -> None:
    for name in ("a.eml", "b.msg.eml", "c.txt"):
        write(tmp_path / "box" / name, numbered(1))
    assert [record.place for record in run(box(tmp_path, "box/*.txt"), {})] == ["c.txt"]


def test_a_missing_place_is_a_finding_and_an_error(tmp_path: Path) -> None:
    for told in ("auto", "maildir"):
        assert box(tmp_path, format=told).check()
        with pytest.raises(RemoteError):
            list(box(tmp_path, format=told).pages({}))


def test_a_mail_on_which_the_reader_fails_is_refused_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("connector.sources.email.source.reading", broken)
    found = box(tmp_path).read(Record("a", mail()))
    assert isinstance(found, Rejected)
    assert found.finding.code == "unreadable-mail"
