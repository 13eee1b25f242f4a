"""Addresses, ids and dates."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connector.sources.email.headers import date, message_ids, people


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a@b.example", [("", "a@b.example")]),
        ("Ann <A@B.Example>", [("Ann", "a@b.example")]),
        ('"Lee, Ann" <a@b.example>, c@d.example', [("Lee, Ann", "a@b.example"), ("", "c@d.example")]),
        ("=?utf-8?q?Lee=2C_Ann?= <a@b.example>", [("Lee, Ann", "a@b.example")]),  # a comma that was encoded
        ("Foo [Ward 3] <a@b.example>", [("Foo [Ward 3]", "a@b.example")]),  # strict parsers give nothing
        ("a@b.example (Ann Lee)", [("Ann Lee", "a@b.example")]),
        ("Team: a@b.example, c@d.example;", [("", "a@b.example"), ("", "c@d.example")]),
        ("undisclosed-recipients:;", []),
        ("mailto:a@b.example", [("", "a@b.example")]),
        ("<<a@b.example>>", [("", "a@b.example")]),
        ("a@b.example.", [("", "a@b.example")]),
        ("'a@b.example' <a@b.example>", [("", "a@b.example")]),
        ("Ann a@b.example", [("", "a@b.example")]),
        ("=?utf-8?q?a=40b.example?=", [("", "a@b.example")]),
        ("=?utf-8?q?x=0D=0Ay?= <a@b.example>", [("x y", "a@b.example")]),  # CR and LF in a name
        ("Ann <a@b.example>; Bo <c@d.example>", [("Ann", "a@b.example"), ("Bo", "c@d.example")]),
        ('"M\udcfcller" <a@b.example>', [("Müller", "a@b.example")]),
        ("a@", []),
        ("(c):", []),
        ("", []),
        ("Ann Lee", []),
        ('"never closed <a@b.example>', [("never closed", "a@b.example")]),
    ],
)
def test_addresses(value: str, found: list[tuple[str, str]]) -> None:
    assert [(person.name, person.email) for person in people(value)] == found


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("<a@B.Example>", ("a@b.example",)),
        ("<[x@y]>", ("x@y",)),
        ("<a@b> <c@d>", ("a@b", "c@d")),
        ("<a@b>,<c@d>", ("a@b", "c@d")),
        ("a@b, c@d", ("a@b", "c@d")),
        ("<a\t @b>", ("a@b",)),
        ("<a@b> <a@b>", ("a@b",)),
        ("Message of Monday from Ann <a@b>", ("a@b",)),
        ("<>", ()),
        ("", ()),
        ("<no-at-sign>", ("no-at-sign",)),
    ],
)
def test_message_ids(value: str, ids: tuple[str, ...]) -> None:
    assert message_ids(value) == ids


def test_of_very_many_ids_the_root_and_the_nearest_are_kept() -> None:
    ids = message_ids(" ".join(f"<{n}@x>" for n in range(900)))
    assert (len(ids), ids[0], ids[-1]) == (100, "0@x", "899@x")


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("Sat, 21 Nov 2026 09:59:00 +0100", "2026-11-21T08:59:00+00:00"),
        ("21 Nov 2026 09:59 +0100", "2026-11-21T08:59:00+00:00"),
        ("Sat, 21 Nov 2026 09:59:00 +01:00", "2026-11-21T08:59:00+00:00"),
        ("Sat, 21 Nov 2026 09:59:00 GMT", "2026-11-21T09:59:00+00:00"),
        ("Sat, 21 Nov 2026 09:59:00 -0000", "2026-11-21T09:59:00+00:00"),
        ("Sat, 21 Nov 2026 09:59:00", "2026-11-21T15:59:00+00:00"),  # Chicago
        ("Sa, 21 Nov 2026 09:59:00 +0100", "2026-11-21T08:59:00+00:00"),
        ("Sat Nov 21 09:59:00 2026", "2026-11-21T15:59:00+00:00"),
        ("Sat, 21 Nov 2026 09:59:60 +0100", "2026-11-21T08:59:59+00:00"),
    ],
)
def test_dates(value: str, at: str) -> None:
    assert date(value, ZoneInfo("America/Chicago")) == datetime.fromisoformat(at)


@pytest.mark.parametrize("value", ["", "yesterday", "Sat, 99 Nov 2026 09:59:00 +0100", "1 Jan 0000 00:00 +9999", "\0"])
def test_what_is_no_date(value: str) -> None:
    assert date(value) is None


@examples(deadline=None)
@given(st.text(max_size=60))
def test_any_value_is_read(value: str) -> None:
    list(people(value))
    message_ids(value)
    assert date(value) is None or date(value).tzinfo is UTC  # type: ignore[union-attr]
