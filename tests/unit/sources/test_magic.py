from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sources.magic import UNKNOWN, content_type, sniff

PNG = b"\x89PNG\r\n\x1a\n...."


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"MZ\x90", "application/vnd.microsoft.portable-executable"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "text/html"),
        (b"<ScRiPt>", "text/html"),
        (b"<svg xmlns", "image/svg+xml"),
        (b"plain words", ""),
        (b"", ""),
    ],
)
def test_first_bytes_tell(start: bytes, kind: str) -> None:
    assert sniff(start) == kind


@pytest.mark.parametrize(
    ("claimed", "data", "believed"),
    [
        ("image/png", PNG, "image/png"),
        ("IMAGE/PNG; name=x", PNG, "image/png"),
        ("image/png", b"<html>", "text/html"),
        ("image/png", b"no picture", UNKNOWN),
        ("text/plain", b"words", "text/plain"),
        ("text/plain", b"PK\x03\x04", "application/zip"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04", None),
        ("", b"words", UNKNOWN),
        ("no type at all\r\nX: y", b"words", UNKNOWN),
        ("image/png", b"MZ\x90", "application/vnd.microsoft.portable-executable"),
    ],
)
def test_the_sender_is_believed_where_the_bytes_agree(claimed: str, data: bytes, believed: str | None) -> None:
    assert content_type(claimed, data) == (believed or claimed)


@settings(deadline=None)
@given(st.text(max_size=80), st.binary(max_size=80))
def test_a_type_is_always_a_type(claimed: str, data: bytes) -> None:
    kind = content_type(claimed, data)
    assert kind.isascii()
    assert kind.count("/") == 1
