"""What is packed inside other formats: read where it can be, kept where it cannot, and never a danger."""

from __future__ import annotations

import base64
import struct
import sys

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connector.sources.email import outlook, rtf, smime, tnef
from tests.corpus.mail import outlook as made

from .build import PNG, mail, ticket

STREAM = made.tnef(
    b"<p>x</p>",
    b"text",
    made.plain_rtf(b"{\\rtf1 y}"),
    [{0x3707: b"a.png", 0x3701: PNG}, {0x3707: b"in", 0x3701: made.embedded(made.tnef(text=b"z"))}],
)
MSG = made.msg({0x37: "Subject", 0x1000: "Body", 0xC1A: "Bo"}, {"a.png": PNG, "b.txt": b"x"})
SIGNED = made.signed(b"Content-Type: text/plain\r\n\r\nhello")
DAMAGE = st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 9), st.binary(max_size=6)), max_size=6)


def damaged(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for at, length, put in changes:
        at %= len(data) + 1
        data = data[:at] + put + data[at + length :]
    return data


@examples(max_examples=80, deadline=None)
@given(DAMAGE)
def test_damaged_envelopes_raise_nothing(changes: list[tuple[int, int, bytes]]) -> None:
    tnef.unpacked(damaged(STREAM, changes))
    outlook.item(damaged(MSG, changes))
    smime.signed_content(damaged(SIGNED, changes))
    rtf.rtf_text(damaged(made.plain_rtf(b"{\\rtf1\\ansi\\par x}"), changes))


def test_a_stream_of_a_million_attributes_is_read_in_bounded_work() -> None:
    found = tnef.unpacked(struct.pack("<IH", 0x223E9F78, 1) + b"\2\2\x90\6\0\0\0\0\0\0\0" * 1_000_000)
    assert found is not None
    assert len(found.files) < 30_000


def test_a_file_whose_entries_share_their_bytes_is_not_blown_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outlook.item(MSG) is not None
    large = bytearray(made.msg({0x37: "Subject", 0x1000: "x" * 40_000, 0xC1A: "Bo", 0xC1F: "b", 0x42: "c"}, {}))
    entries = [at for at in range(0, len(large), 128) if large[at : at + 10] == "__sub".encode("utf-16-le")]
    first = next(
        large[at + 116 : at + 124] for at in entries if large[at + 120 : at + 124] == struct.pack("<I", 80_000)
    )
    for at in entries:  # each names the bytes of the one large stream
        large[at + 116 : at + 124] = first
    read: list[object] = []
    monkeypatch.setattr("oxmsg.Message.load", read.append)
    assert outlook.item(bytes(large)) is None
    assert read == []


def test_signatures_in_signatures_end_somewhere() -> None:
    inner = b"Content-Type: text/plain\r\n\r\ndeep"
    for _ in range(200):
        inner = b"Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\n" + made.signed(
            inner
        )
    found = ticket(b"From: a@b.example\r\nSubject: x\r\n" + inner)
    assert [file.name for file in found.attachments] == ["smime.p7m"]


@pytest.mark.parametrize("missing", ["oxmsg", "striprtf"])
def test_without_the_extra_the_file_is_kept(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    stream = made.tnef(rtf=made.plain_rtf(b"{\\rtf1 y}"), files=[{0x3707: b"a.png", 0x3701: PNG}])
    for content, name, wanted in ((MSG, "x.msg", ["x.msg"]), (stream, "winmail.dat", ["a.png", "winmail.dat"])):
        data = mail(base64.encodebytes(content), Content_Type=f"application/octet-stream; name={name}",
                    Content_Transfer_Encoding="base64")  # fmt: skip
        assert [file.name for file in ticket(data).attachments] == wanted


def test_text_in_the_streams_own_code_page() -> None:
    stream = struct.pack("<IH", 0x223E9F78, 1) + made._attribute(1, 0x00069007, struct.pack("<II", 1251, 0))
    found = tnef.unpacked(stream + made._attribute(1, 0x0002800C, "принтер".encode("cp1251") + b"\0"))
    assert found is not None
    assert found.text == "принтер"
