"""Named transforms."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.mapping.transforms import TRANSFORMS, arguments, shorten


def apply(name: str, value: Any, given: Any = None) -> Any:
    transform = TRANSFORMS[name]
    return transform.make(**arguments(transform, given))(value)


@pytest.mark.parametrize(
    ("name", "given", "value", "expected"),
    [
        ("truncate", 5, "abcdef", "abcd…"),
        ("truncate", {"length": 5, "end": "..."}, "abcdef", "ab..."),
        ("truncate", 1, "abc", "…"),
        ("first_line", None, "\n a \nb", "a"),
        ("one_line", None, " a\n\tb ", "a b"),
        ("lower", None, ["A", "B"], ["a", "b"]),
        ("upper", None, 3, "3"),
        ("prefix", "x-", "1", "x-1"),
        ("suffix", "-x", True, "true-x"),
        ("replace", {"old": "_", "new": " "}, "a_b", "a b"),
        ("indent", 4, "a\n\nb", "    a\n\n    b"),
        (
            "strip_html",
            None,
            "<p>Dear <b>desk</b>,</p><script>x</script><p>1 &lt; 2<br>ok</p>",
            "Dear desk,\n\n1 < 2\nok",
        ),
        ("strip_html", None, "plain", "plain"),
        ("escape_code", None, "[code]x[/CODE] [b]", "[ code]x[ /CODE] [b]"),
        ("join", "+", ("a", "", "b"), "a+b"),
        ("join", None, ["a", 1], "a, 1"),
        ("first", None, ["a", "b"], "a"),
        ("limit", 1, ("a", "b"), ["a"]),
        ("tag_list", "ehr_", ("4 West", "é/x", "4 west", "!!"), ["ehr_4_west", "ehr_é/x"]),
    ],
)
def test_a_transform_does_what_its_name_says(name: str, given: Any, value: Any, expected: Any) -> None:
    assert apply(name, value, given) == expected


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("truncate", None),
        ("truncate", 0),
        ("truncate", "5"),
        ("truncate", {"length": 5, "wide": 1}),
        ("lower", "x"),
        ("indent", 10**9),
        ("local_time", {"zone": "../../etc/passwd"}),
        ("local_time", {"zone": "UTC", "format": "%Y" * 20 + "%" * 60}),
        ("replace", {"old": ""}),
        ("tag_list", "No Good"),
    ],
)
def test_bad_arguments_are_refused(name: str, given: Any) -> None:
    with pytest.raises(ValidationError):
        arguments(TRANSFORMS[name], given)


def test_every_transform_says_what_it_does() -> None:
    assert all(transform.help.endswith(".") for transform in TRANSFORMS.values())


@given(st.text(max_size=60), st.integers(1, 50))
def test_a_shortened_text_fits_and_shows_the_cut(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length
    assert short == text if len(text) <= length else short.endswith("…")


@pytest.mark.parametrize("html", ["<div>" * 5000, "<table>" * 500 + "x", "<!--", "<" * 5000, "&#x110000;", "<p\x00>a"])
def test_hostile_html_is_only_text(html: str) -> None:
    assert isinstance(apply("strip_html", html), str)
