"""Who may post: proved for any body, any time and any damage."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector.intake.answers import Refused
from connector.intake.guard import Guard
from connector.plugins import IntakeSettings
from connector.signing import SIGNATURE, TIMESTAMP, signature

KEY = b"0123456789abcdef"
GUARD = Guard((b"another-key-entirely", KEY), (b"a-token-of-a-bot",), 300.0)
NOW = 1_790_000_000


def code(guard: Guard, headers: dict[str, str], body: bytes = b"", now: float = NOW) -> str:
    """What it is refused for, empty where it is not."""
    try:
        guard.prove(guard.admit(headers, now), body)
    except Refused as refused:
        return refused.code
    return ""


def signed(body: bytes, at: object = NOW, key: bytes = KEY) -> dict[str, str]:
    return {TIMESTAMP: str(at), SIGNATURE: "sha256=" + signature(key, str(at), body).decode()}


def test_the_signature_is_what_the_manual_says() -> None:
    assert signature(KEY, "17", b"x").decode() == hmac.new(KEY, b"17.x", hashlib.sha256).hexdigest()


@given(body=st.binary(max_size=200), late=st.integers(-1000, 1000))
def test_a_signature_counts_within_its_window(body: bytes, late: int) -> None:
    assert code(GUARD, signed(body, NOW - late), body) == ("" if abs(late) <= 300 else "stale")


@given(body=st.binary(min_size=1, max_size=200), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_changed_bit_is_noticed(body: bytes, at: int, bit: int) -> None:
    changed = bytearray(body)
    changed[at % len(body)] ^= 1 << bit
    assert code(GUARD, signed(body), bytes(changed)) == "bad-signature"


@given(headers=st.dictionaries(st.sampled_from([TIMESTAMP, SIGNATURE, "authorization"]), st.text(max_size=90)))
def test_no_headers_make_it_raise_anything_else(headers: dict[str, str]) -> None:
    assert code(GUARD, headers)


def test_the_time_is_part_of_what_is_signed() -> None:
    assert code(GUARD, {**signed(b"x"), TIMESTAMP: str(NOW - 1)}, b"x") == "bad-signature"


@pytest.mark.parametrize("at", ["", "soon", "1e9", "-5", "1790000000.5", "١٧٩٠٠٠٠٠٠٠", "9" * 40])
def test_a_time_is_a_number_of_seconds(at: str) -> None:
    assert code(GUARD, {**signed(b"x"), TIMESTAMP: at}, b"x") == "not-signed"


def test_a_token_that_is_no_ascii_is_none_of_ours() -> None:
    assert code(GUARD, {"authorization": "Bearer \u00e9\udcff"}) == "bad-token"
    assert code(GUARD, {"authorization": "Bearer a-token-of-a-bot"}) == ""


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    assert "0123456789" not in repr(GUARD)
    (tmp_path / "key").write_text("0123456789abcdef")
    settings = IntakeSettings.model_validate({"hmac": "file:key"})
    assert Guard.of(settings, tmp_path).keys == (KEY,)
    assert "0123456789" not in repr(settings)


@pytest.mark.parametrize("wrong", [{}, {"hmac": []}, {"hmac": "0123456789abcdef"}, {"hmac": "env:A", "repeats": "9m"}])
def test_an_intake_that_lets_anybody_in_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        IntakeSettings.model_validate(wrong)
