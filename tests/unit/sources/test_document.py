from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sources.document import Unreadable, cleaned, parse

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_json_comes_back_in_any_encoding(value: Any, encoding: str) -> None:
    assert parse(json.dumps(value).encode(encoding)) == value


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{", "not-json"),
        (b'{"a": 1} x', "not-json"),
        (b"\x89PNG", "not-json"),
        (b"[NaN]", "not-a-number"),
        (b"[-Infinity]", "not-a-number"),
        (b"[1e999]", "not-a-number"),
        (b"1" * 5000, "not-a-number"),
        (b'{"a": 1, "b": 2, "a": 3}', "duplicate-key"),
        (b"[" * 100 + b"]" * 100, "too-deep"),
        (b"[" * 100_000, "too-deep"),
        (b'"' + b"x" * 200 + b'"', "too-large"),
    ],
)
def test_each_trouble_has_one_clear_error(data: bytes, code: str) -> None:
    limit = 150 if code == "too-large" else 1 << 20
    with pytest.raises(Unreadable) as caught:
        parse(data, limit)
    assert caught.value.code == code
    assert str(caught.value.at("here")).startswith("here: ")


def test_a_million_values_in_few_bytes_are_not_read_into_memory() -> None:
    with pytest.raises(Unreadable, match="more than 150,000 values"):
        parse(b"[" + b"0," * 150_000 + b"0]")
    assert len(parse(b"[" + b"0," * 100_000 + b"0]")) == 100_001


def test_an_error_quotes_nothing_of_the_content() -> None:
    with pytest.raises(Unreadable) as caught:
        parse(b'{"Mrs Smith, MRN 123": 1, "Mrs Smith, MRN 123": 2}')
    assert "Smith" not in str(caught.value)


def test_sixty_four_levels_are_read() -> None:
    assert parse(b"[" * 64 + b"]" * 64)


def test_an_accent_in_an_old_code_page_loses_nobody() -> None:
    assert parse(b'{"a": "caf\xe9"}') == {"a": "café"}


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_unreadable(data: bytes) -> None:
    with contextlib.suppress(Unreadable):
        parse(data)


def test_cleaning_reaches_every_text() -> None:
    assert cleaned({"a\x00": ["b\ud800", {"c": 1}], "d": None}) == {"a": ["b", {"c": 1}], "d": None}


def test_what_was_cut_off_is_told_in_a_sentence() -> None:
    with pytest.raises(Unreadable, match=r"not JSON: Unterminated string starting at line 1, column 7 "):
        parse(b'{"a": "cut')
