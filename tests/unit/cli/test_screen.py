"""What is printed: plain lines that a log keeps whole, tables on a terminal, text that cannot move the cursor."""

from __future__ import annotations

import contextlib
import io
import json
import re

import pytest
import rich.progress
from hypothesis import given
from hypothesis import strategies as st

from connector.terminal import screen, views
from connector.terminal.progress import EVERY, Lines, progress


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def shown(monkeypatch):
    """What a call prints on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    def show(act) -> str:
        with contextlib.redirect_stdout(Terminal()) as out, contextlib.redirect_stderr(Terminal()) as err:
            act()
        return out.getvalue() + err.getvalue()

    return show


def test_a_plain_table_is_aligned(capsys):
    screen.table(("name", "n"), [("mail", 5), ("button", 1234)])
    assert capsys.readouterr().out == "name       n\nmail       5\nbutton  1234\n"


def test_a_table_fits_80_columns_and_loses_nothing(shown):
    out = shown(lambda: screen.table(("place", "what", "n"), [("inbox/mail/cur/1", "word " * 40, 7)]))
    assert max(len(re.sub("\x1b\\[[0-9;]*m", "", line)) for line in out.splitlines()) <= 80
    assert out.count("word") == 40


def test_where_a_word_would_be_broken_each_row_is_an_item(shown):
    columns = ("sink", "created", "updated", "commented", "solved\nin time", "blocked", "unsure", "queued", "requests")
    out = shown(lambda: screen.table((*columns, "noted"), [("servicenow", 54, 0, 4, "", 0, 12, 0, 28, 3)]))
    assert [line.rstrip() for line in out.splitlines()] == [
        "servicenow",
        "    created 54, updated 0, commented 4, blocked 0, unsure 12, queued 0, requests",
        "    28, noted 3",
    ]


def test_a_column_of_single_words_keeps_them_whole(shown):
    out = shown(lambda: screen.table(("at", "what"), [("2026-11-22T08:07:05Z", "word " * 40)]))
    assert "2026-11-22T08:07:05Z" in out


def test_a_heading_is_bold_unless_no_color_says_otherwise(shown, monkeypatch):
    assert "\x1b[1m" in shown(lambda: screen.table(("a",), [("b",)]))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(lambda: screen.table(("a",), [("b",)]))


def test_markup_in_a_ticket_is_text(shown):
    out = shown(lambda: screen.table(("a",), [("[red]x[/red] [link=http://h]",)]))
    out += shown(lambda: screen.item("[bold]head", "[/nonsense]"))
    assert "[red]x[/red] [link=http://h]" in out
    assert "[bold]head" in out
    assert "    [/nonsense]" in out


@given(st.text())
def test_clean_text_is_one_harmless_line(text):
    shown = screen.clean(text)
    assert shown.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    shown.encode()
    assert not set(shown) & set("\n\r\x1b\u202e\u2066")


def test_a_document_is_ascii_and_complete(capsys):
    screen.document({"a": "ä\ud800\x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"a": "ä\ud800\x1b"}


def test_plain_progress_is_a_line_now_and_then(clock, capsys):
    told = Lines(clock)
    for done in range(100):
        told("collect mail", done, None)
        clock.advance(EVERY / 20)
    told("deliver", 3, 9)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "collect mail: 20",
        "collect mail: 40",
        "collect mail: 60",
        "collect mail: 80",
        "deliver: 3 of 9",
    ]


def test_a_quiet_run_tells_nothing():
    with progress(quiet=True) as told:
        assert told is None


def test_a_bar_takes_steps_with_and_without_a_total(shown):
    def run() -> None:
        with progress(quiet=False) as told:
            told("collect", 1, None)
            told("deliver", 1, 3)
            told("deliver", 3, 3)

    assert "deliver" in shown(run)


def test_a_step_is_finished_until_it_goes_on(shown, monkeypatch):
    seen = []
    show = rich.progress.Progress.update

    def update(bars, task, **told) -> None:
        show(bars, task, **told)
        seen.append([(each.description, each.completed, each.finished) for each in bars.tasks])

    monkeypatch.setattr(rich.progress.Progress, "update", update)

    def run() -> None:
        with progress(quiet=False) as told:
            for step, done, total in (("a", 2, None), ("a", 2, 2), ("b", 1, None), ("a", 3, None), ("a", 5, 5)):
                told(step, done, total)

    shown(run)
    assert seen == [
        [("a", 2, False)],
        [("a", 2, True)],
        [("a", 2, True), ("b", 1, False)],
        [("a", 3, False), ("b", 1, False)],
        [("a", 5, True), ("b", 1, False)],
    ]


def test_messages_that_wait_for_a_person_are_held_too(capsys):
    none = dict.fromkeys((*views.SOURCE_COUNTS, *views.SINK_COUNTS), 0)
    told = {"told": 1, "blocked": 1, "unsure": 0, "queued": 2}
    views.sync({"sources": {"mail": none}, "sinks": {"servicenow": none}, "answers": {"mail": told}, "seconds": 0.1})
    assert "Done in 0.1 s, 2 left to the next run. 0 rejected, 1 held: see" in capsys.readouterr().out
