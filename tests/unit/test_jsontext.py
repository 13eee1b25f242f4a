"""JSON is spelt one way and read as the standard library reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.jsontext import dump, dump_ascii, load

TEXTS = st.text(st.characters(exclude_categories=()))  # lone surrogates too
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any) -> Any:
    """The same, its keys in another order."""
    if isinstance(value, dict):
        return {key: shuffled(inner) for key, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


@given(VALUES)
def test_what_is_kept_comes_back(value: Any) -> None:
    said = dump(value)
    said.encode()  # any database can hold it
    assert load(said) == value
    assert load(said.encode()) == value
    assert json.loads(said) == json.loads(dump_ascii(value)) == value
    assert dump_ascii(value).isascii()
    assert dump(shuffled(value)) == said
    assert dump_ascii(shuffled(value)) == dump_ascii(value)


@given(
    st.text(max_size=30) | VALUES.map(json.dumps) | st.sampled_from(["NaN", "1e999", "[1,]", '"\\ud800"', "01", "-0"])
)
def test_text_means_what_the_standard_library_says(text: str) -> None:
    assert outcome(load, text) == outcome(json.loads, text)


@pytest.mark.parametrize(
    "data", [b'"\xff"', b'{"\xed\xa0\x80": 1}', b"\xef\xbb\xbf{}", "{}".encode("utf-16"), b"", b"{} x"]
)
def test_so_do_bytes(data: bytes) -> None:
    assert outcome(load, data) == outcome(json.loads, data)


def outcome(read: Any, said: Any) -> Any:
    try:
        return repr(read(said))
    except ValueError:
        return ValueError


@pytest.mark.parametrize("value", [{1: "a"}, {None: 1}, {True: 0, 2.5: [{3: 1}]}])
def test_keys_that_are_no_texts(value: Any) -> None:
    assert load(dump(value)) == json.loads(json.dumps(value))


def test_depth_has_an_end() -> None:
    with pytest.raises(RecursionError):
        load("[" * 100_000)
