from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sources.text import clean, file_name, line, shorten, word_of

ANY = st.text(st.characters(codec=None), max_size=300)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("plain", "plain"),
        ("  outer space \n", "outer space"),
        ("a\r\nb\rc\x0bd\x85e\u2028f", "a\nb\nc\nd\ne\nf"),
        ("tab\tstays", "tab\tstays"),
        ("nul\x00 bell\x07 del\x7f", "nul bell del"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("\ufeffbom", "bom"),
        ("invoice\u202egpj.exe", "invoicegpj.exe"),
        ("\u2066isolated\u2069", "isolated"),
        ("עברית\u200f 5", "עברית\u200f 5"),
        ("naïve café 😀", "naïve café 😀"),
    ],
)
def test_what_no_reader_can_see_goes(raw: str, wanted: str) -> None:
    assert clean(raw) == wanted


def test_a_cut_is_told() -> None:
    cut = clean("x" * 5000, 100)
    assert len(cut) == 100
    assert cut.endswith("[cut: 4,900 more characters]")


@settings(deadline=None)
@given(ANY, st.integers(0, 200))
def test_cleaning_is_bounded_and_done_once(text: str, limit: int) -> None:
    once = clean(text, limit)
    assert len(once) <= limit
    assert clean(once, limit) == once.strip()
    once.encode()


def test_no_room_for_a_note_is_no_error() -> None:
    assert shorten("abcdef", 3) == "abc"


@settings(deadline=None)
@given(ANY)
def test_a_line_is_one_line(text: str) -> None:
    one = line(text, 50)
    assert len(one) <= 50
    assert "\n" not in one
    assert "\t" not in one
    assert "  " not in one


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\shot.png", "shot.png"),
        ("", "file"),
        ("..", "file"),
        (".hidden", "hidden"),
        ("trailing. . ", "trailing"),
        ("a\x00b\n.txt", "ab.txt"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("zero\u200bwidth.txt", "zerowidth.txt"),
        ('a<b>:"c"|d?*.txt', "a_b___c__d__.txt"),
        ("con.txt", "_con.txt"),
        ("LPT1", "_LPT1"),
        ("\ud800.png", "png"),
    ],
)
def test_file_names_are_safe(raw: str, wanted: str) -> None:
    assert file_name(raw) == wanted


def test_a_long_name_keeps_its_ending() -> None:
    name = file_name("é" * 300 + ".jpeg")
    assert len(name.encode()) <= 200
    assert name.endswith(".jpeg")


@settings(deadline=None)
@given(ANY)
def test_a_safe_name_is_safe_whatever_comes(raw: str) -> None:
    name = file_name(raw)
    assert name
    assert len(name.encode()) <= 200
    assert not set("/\\:\0\n") & set(name)
    assert name.strip(" .") == name
    assert file_name(name) == name


@pytest.mark.parametrize("spelling", ["handoff.initiate", "Handoff Initiate", " handoff__initiate "])
def test_one_word_in_any_spelling(spelling: str) -> None:
    assert word_of(spelling) == "handoff_initiate"
