from __future__ import annotations

import os
from pathlib import Path

import pytest

from connector.errors import Transient
from connector.sources.files import shown

from .conftest import Inbox


def places(inbox: Inbox) -> list[str]:
    return [record.place for record in inbox.read()]


def test_a_folder_is_read_with_all_below_it_in_order(inbox: Inbox) -> None:
    for name in (
        "b.json",
        "a.JSON",
        "sub/deep/c.json",
        "d.txt",
        ".hidden.json",
        ".git/x.json",
        "tmp/x.json",
        "e.json.tmp",
    ):
        inbox.put(name, "{}")
    assert places(inbox) == ["a.JSON", "b.json", "sub/deep/c.json"]


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("inbox/*.json", ["a.json"]),
        ("inbox/*", ["a.json", "b.txt"]),
        ("inbox/*/c.json", ["sub/c.json"]),
        ("inbox/**/*.json", ["a.json", "sub/c.json", "sub/deep/d.json"]),
        ("inbox/**", ["a.json", "b.txt", "sub/c.json", "sub/deep/d.json"]),
        ("inbox/**/deep/**/*.json", ["sub/deep/d.json"]),
        ("inbox/[ab].*", ["a.json", "b.txt"]),
        ("*/a.json", ["inbox/a.json"]),
        ("inbox/none*", []),
    ],
)
def test_globs(inbox: Inbox, pattern: str, wanted: list[str]) -> None:
    for name in ("a.json", "b.txt", "sub/c.json", "sub/deep/d.json"):
        inbox.put(name, "{}")
    inbox.path = pattern
    assert places(inbox) == wanted


def test_unfinished_files_are_left_alone_whatever_the_glob(inbox: Inbox) -> None:
    for name in ("a.part", "b.json~", "c.TMP", ".d", "e.json"):
        inbox.put(name, "{}")
    inbox.path = "inbox/*"
    assert places(inbox) == ["e.json"]


def test_one_file_is_named_by_its_name_whatever_its_ending(inbox: Inbox) -> None:
    inbox.put("requests.log", "{}")
    inbox.path = "inbox/requests.log"
    assert places(inbox) == ["requests.log"]
    assert inbox.read() == []


def test_a_folder_named_like_a_glob_is_a_folder(inbox: Inbox) -> None:
    inbox.put("odd[1]/a.json", "{}")
    inbox.path = "inbox/odd[1]"
    assert places(inbox) == ["a.json"]


def test_links_are_not_followed_unless_the_setting_names_one(inbox: Inbox) -> None:
    secret = inbox.base / "secret.json"
    secret.write_text("{}")
    inbox.written(secret, 1000)
    (inbox.folder / "link.json").symlink_to(secret)
    (inbox.folder / "linked").symlink_to(inbox.base)
    assert places(inbox) == []
    inbox.path = "inbox/link.json"
    assert places(inbox) == ["link.json"]


def test_pipes_do_not_hold_up_the_others(inbox: Inbox) -> None:
    os.mkfifo(inbox.folder / "pipe.json")
    inbox.put("z.json", "{}")
    assert places(inbox) == ["z.json"]


def test_only_what_is_new_or_changed_comes_again(inbox: Inbox) -> None:
    inbox.put("a.json", "1")
    inbox.put("b.json", "2")
    assert places(inbox) == ["a.json", "b.json"]
    assert places(inbox) == []
    inbox.put("b.json", "3")
    inbox.put("c.json", "4")
    assert inbox.said() == [("b.json", b"3"), ("c.json", b"4")]


def test_a_change_that_keeps_size_and_time_is_noticed(inbox: Inbox) -> None:
    inbox.put("a.json", "one")
    inbox.read()
    (inbox.folder / "a.json").unlink()
    inbox.put("a.json", "two")
    assert inbox.said() == [("a.json", b"two")]


def test_the_entry_of_a_deleted_file_ends(inbox: Inbox) -> None:
    inbox.put("a.json", "1")
    gone = inbox.put("b.json", "2")
    inbox.read()
    gone.unlink()
    assert places(inbox) == []
    assert set(inbox.cursor) == {"a.json"}


def test_a_missing_folder_is_an_error_and_ends_no_entry(inbox: Inbox) -> None:
    inbox.put("a.json", "1")
    inbox.read()
    inbox.path = "elsewhere"
    with pytest.raises(Transient, match="elsewhere: No such file"):
        inbox.read()
    assert inbox.cursor
    assert [finding.code for finding in inbox.files().check()] == ["no-path"]


# ── half-written files ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_fresh_file_is_read_after_a_short_wait(inbox: Inbox) -> None:
    inbox.put("fresh.json", "{}", age=0.5)
    inbox.put("old.json", "{}")
    assert places(inbox) == ["old.json", "fresh.json"]
    assert inbox.clock.slept == [1.5]


def test_nothing_fresh_means_no_wait(inbox: Inbox) -> None:
    inbox.put("old.json", "{}", age=2)
    inbox.read()
    assert inbox.clock.slept == []


def test_a_file_that_is_still_being_written_is_left_for_the_next_time(inbox: Inbox) -> None:
    inbox.put("half.json", '{"a":', age=0)
    inbox.clock.meanwhile = lambda: (inbox.append("half.json", " 1", age=0), None)[1]
    assert places(inbox) == []
    inbox.clock.meanwhile = lambda: None
    inbox.append("half.json", "}", age=5)
    assert inbox.said() == [("half.json", b'{"a": 1}')]


def test_a_file_from_the_future_is_read(inbox: Inbox) -> None:
    inbox.put("a.json", "{}", age=-3600)
    assert places(inbox) == ["a.json"]
    assert inbox.clock.slept == []


# ── what cannot be looked at ─────────────────────────────────────────────────────────────────────────────────────


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, function: str) -> None:
    real = getattr(os, function)

    def refusing(path: str, *args: object, **more: object) -> object:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(os, function, refusing)


def test_an_unreadable_file_is_named_and_stops_no_other(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.json", "b.json", "c.json"):
        inbox.put(name, name)
    with monkeypatch.context() as patched:
        refuse(patched, "b.json", "open")
        records = inbox.read()
        assert [record.place for record in records] == ["a.json", "b.json", "c.json"]
        assert records[1].facts == {"unreadable": "Permission denied"}
    assert inbox.said() == [("b.json", b"b.json")]


def test_an_unreadable_folder_is_named_and_what_lies_in_it_is_not_gone(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.put("sub/a.json", "1")
    inbox.put("z.json", "2")
    inbox.read()
    before = dict(inbox.cursor)
    refuse(monkeypatch, "sub", "scandir")
    assert places(inbox) == ["sub/"]
    assert inbox.cursor == before


def test_a_file_that_goes_while_it_is_listed_is_no_trouble(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("a.json", "1")
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *args: real(f"{path}.gone", *args))
    assert places(inbox) == []


def test_folders_without_end_end(inbox: Inbox) -> None:
    inbox.put("/".join(["d"] * 60) + "/a.json", "1")
    assert [record.facts["unreadable"] for record in inbox.read()] == ["more than 40 folders deep"]


def test_names_that_are_not_text_have_a_place(inbox: Inbox) -> None:
    file = Path(os.fsdecode(os.fsencode(inbox.folder) + b"/bad\xff\n.json"))
    file.write_text("{}")
    inbox.written(file, 1000)
    assert places(inbox) == ["bad\\udcff\\n.json"]
    assert places(inbox) == []


def test_a_place_can_be_printed() -> None:
    assert shown("a\u202eb\x1b[31m/ü.json") == "a\\u202eb\\x1b[31m/ü.json"
