"""Any bytes in: a ticket, a reply, a count or a named rejection out. And no mail costs more than its size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connector.plugins import Counted, Record, Rejected, Reply
from connector.sources.email.ticket import reading

from .build import PNG, file, mail, nested, part, settings, several, ticket
from .test_kind import FAILED, report
from .test_reading import FORWARD

TELLING = settings(agents=["ward.example"])
MAILS = [
    mail(),
    mail(FORWARD, Subject="Fwd: x"),
    mail("Works.\n\nOn 21 Nov 2026 at 09:59, Bo wrote:\n> ok?", In_Reply_To="<a@b>", References="<c@d> <a@b>"),
    several(part("a"), nested(part("b"), part("<p>c<img src='cid:x@y'>", "text/html")), file(PNG, Content_ID="<x@y>")),
    several(part("x"), part(mail("inner", Subject="=?utf-8?b?w7w=?="), "message/rfc822"), Subject="Fwd: inner"),
    mail("T=C3=BCr", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="quoted-printable"),
    mail("begin 644 a\n%:&5L;&\\\n`\nend\n", Cc='"Lee, A" <a@b>, Team: c@d, e@f;', From="=?utf-8?q?=FC?= <a@b>"),
    report(FAILED),
]
SPLICES = [
    *(b"\r\n", b"\n\n", b"\0", b"\xff", b"--b0", b"--b0--", b"=?utf-8?b?", b"?=", b'"', b"<", b">", b"(", b":", b";"),
    *(
        b"Content-Type: multipart/mixed; boundary=b0\r\n\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"name*",
        b"\xed\xa0\x80",
    ),
    *(
        b"charset=utf-7;",
        b"charset=idna;",
        b"Content-Transfer-Encoding: base64\r\n",
        b"<div style='display:none'>",
        b"&#0;",
    ),
    *(b"Date: 31 Feb 99999 99:99 +9999\r\n", b"Message-ID: <[x@y]>\r\n", b"To: (c):\r\n", b"From: a@\r\n"),
]
CHANGES = st.tuples(st.integers(0, 5_000), st.integers(0, 30), st.sampled_from(SPLICES))


def is_sound(data: bytes) -> None:
    found = reading(Record("a.eml", data, 1.0), "mail", TELLING)
    if isinstance(found, Rejected | Counted):
        return
    made = found.ticket if isinstance(found, Reply) else found
    assert made.external_id
    assert made.summary
    assert made.external_id in made.thread
    assert b"\\u0000" not in made.model_dump_json().encode().replace(b"\\\\", b"")  # a backslash said as text is fine
    for name in (each.name for each in made.files()):
        assert name == name.strip()
        assert not set(name) & set('/\\\0\n<>:"|?*')
        assert 0 < len(name.encode()) <= 210


@examples(deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes(data: bytes) -> None:
    is_sound(data)
    is_sound(b"From: a@b.example\r\n" + data)


@examples(max_examples=200, deadline=None)
@given(st.sampled_from(MAILS), st.lists(CHANGES, max_size=4))
def test_damaged_mails(data: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    for at, length, put in changes:
        at %= len(data) + 1
        data = data[:at] + put + data[at + length :]
    is_sound(data)


HEAD = b"From: a@b.example\r\nSubject: x\r\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=x\r\n\r\n"
PAGE = HEAD + b"Content-Type: text/html\r\n\r\n"


def deep(levels: int) -> bytes:
    return HEAD + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )


@pytest.mark.parametrize(
    "data",
    [
        MIXED + b"--x\r\n\r\nhi\r\n" * 20_000,
        MIXED + b"--xy\n" * 100_000,
        deep(50) + b"\r\nhi",
        deep(3_000) + b"\r\nhi",
        HEAD + b"Cc: " + b", ".join(b'"P %d" <p%d@x.example>' % (n, n) for n in range(5_000)) + b"\r\n\r\nhi",
        HEAD + b"X-Long: " + b"a" * 3_000_000 + b"\r\n\r\nhi",
        HEAD + b"X: a\r\n" * 20_000 + b"\r\nhi",
        HEAD + b"no colon\r\n" * 20_000 + b"Date: x\r\n\r\nhi",
        HEAD + b"Cc: " + b'"\\"' * 80_000 + b"\r\n\r\nhi",
        HEAD + b"Cc: " + b"(\\(" * 80_000 + b"\r\n\r\nhi",
        HEAD + b"Cc: " + b"<" * 200_000 + b"\r\n\r\nhi",
        HEAD + b"Content-Type: text/plain" + b';x="' * 50_000 + b"\r\n\r\nhi",
        HEAD + b"References: " + b"<a@b> " * 40_000 + b"\r\n\r\nhi",
        b"Subject: " + b"=?utf-8?q?a?=" * 20_000 + b"\r\n\r\nhi",
        HEAD + b"\r\n" + b"a" * 3_000_000,
        HEAD + b"\r\nhi\n" + b"> x\n" * 100_000,
        HEAD + b"\r\nhi\n" + b"On Monday he wrote:\n" * 100_000,
        HEAD + b"\r\nhi\n" + b"From: x\n" * 50_000,
        HEAD + b"\r\n" + b"begin 644 a\n" * 20_000,
        HEAD + b"\r\n" + (b"begin 644 a\n#0V%T\n`\nend\n") * 10_000,
        PAGE + b"<div>" * 100_000,
        PAGE + b"<table><tr><td>" * 30_000,
        PAGE + b"<" * 1_000_000,
        PAGE + b"<style>" + b".a{" * 100_000,
        b"\n" * 3_000_000,
    ],
    ids=lambda data: data[-12:].decode("latin-1"),
)
def test_hostile_mails_are_read_in_bounded_work(data: bytes) -> None:
    is_sound(data)


def test_of_twenty_thousand_parts_the_limit_is_opened_and_the_whole_is_kept() -> None:
    data = MIXED + b"--x\r\nContent-Type: image/png; name=a.png\r\n\r\n%d\r\n" * 20_000
    found = ticket(data)
    assert len(found.attachments) <= 501
    assert found.attachments[-1].content == data
