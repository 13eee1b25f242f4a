"""The structure of a mail, against the standard library where the mail is sound, and by rule where it is not."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import pytest

from connector.sources.email.body import payload
from connector.sources.email.parse import Limits, Part, parse

from .build import file, mail, nested, part, several, ticket


def leaves(root: Part) -> list[Part]:
    return [leaf for child in root.children for leaf in leaves(child)] if root.children else [root]


def sound_mails() -> list[bytes]:
    first = EmailMessage()
    first["From"], first["Subject"] = "a@b.example", "Grüße " * 20
    first.set_content("Müller\n" * 50)
    second = EmailMessage()
    second.set_content("plain")
    second.add_alternative("<p>rich</p>", subtype="html")
    second.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<x@y>")  # type: ignore[union-attr]
    second.add_attachment(bytes(range(256)) * 9, "application", "octet-stream", filename="ö ü.bin")
    third = EmailMessage()
    third.set_content("see the attached mail")
    third.add_attachment(first)
    return [m.as_bytes(policy=email.policy.SMTP) for m in (first, second, third)] + [second.as_bytes()]


@pytest.mark.parametrize("data", sound_mails())
def test_a_sound_mail_has_the_parts_that_the_standard_library_finds(data: bytes) -> None:
    theirs = [
        (each.get_content_type(), each.get_payload(decode=True))
        for each in email.message_from_bytes(data).walk()
        if not each.is_multipart() and each.get_content_type() != "message/rfc822"
    ]
    ours = [(leaf.content, payload(leaf)) for leaf in leaves(parse(data).root) if leaf.content != "message/rfc822"]
    normal = [(kind, content.replace(b"\r\n", b"\n").rstrip(b"\n")) for kind, content in ours]
    assert [
        found for found in normal if found in [(k, c.replace(b"\r\n", b"\n").rstrip(b"\n")) for k, c in theirs]
    ] == normal


def test_a_line_that_lost_its_indent_does_not_end_the_header() -> None:
    data = b"From: a@b.example\r\nSubject: one two\r\nthree four\r\nDate: Sat, 21 Nov 2026 09:59:00 +0100\r\n\r\ntext"
    found = ticket(data)
    assert found.summary == "one two three four"
    assert found.submitted_at is not None
    assert found.description == "text"


def test_text_without_a_blank_line_above_it_is_text() -> None:
    found = ticket(b"From: a@b.example\nSubject: x\nThe printer is broken\nsince Monday\n\nplease help\n")
    assert (found.summary, found.description) == ("x", "The printer is broken\nsince Monday\n\nplease help")


@pytest.mark.parametrize("top", [b"From ann@b.example Sat Nov 21 09:59:00 2026\n", b"---- Original message ----\n"])
def test_a_line_on_top_of_the_header_is_passed_over(top: bytes) -> None:
    assert ticket(top + mail()).requester.email == "ann.lee@ward.example"


def test_a_header_of_old_macs_line_ends_is_read() -> None:
    assert ticket(mail().replace(b"\r\n", b"\r")).description == "It does not print."


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; name*", "text/plain; name*=", "text", "/", "text/", ";;;", "text/plain; charset", 'text/plain; x="'],
)
def test_an_odd_content_type_is_text(content_type: str) -> None:
    assert ticket(mail("seen", Content_Type=content_type)).description == "seen"


def test_a_boundary_that_nobody_declared_is_found() -> None:
    body = b"--x1\r\n" + part("shown") + b"\r\n--x1\r\n" + file(b"\x89PNG\r\n\x1a\n") + b"\r\n--x1--\r\n"
    found = ticket(mail(body, Content_Type="multipart/mixed"))
    assert (found.description, len(found.attachments)) == ("shown", 1)


def test_the_last_part_may_lack_its_end() -> None:
    whole = several(part("text"), file(b"\x89PNG\r\n\x1a\n" + b"x" * 90))
    cut = whole[: whole.rindex(b"--b0--")]
    assert ticket(cut).attachments == ticket(whole).attachments


def test_a_multipart_without_parts_is_text() -> None:
    assert ticket(mail("all of it", Content_Type="multipart/mixed; boundary=none")).description == "all of it"


def test_a_boundary_inside_a_line_or_longer_than_declared_divides_nothing() -> None:
    body = "--b\r\n\r\nsee --b here\r\n--bb\r\nand here\r\n--b--\r\n"
    text = ticket(mail(body, Content_Type="multipart/mixed; boundary=b")).description
    assert text == "see --b here\n--bb\nand here"


def test_the_outer_boundary_ends_inner_parts() -> None:
    inner = part("inner") + b"\r\n--b1\r\n" + part("second")  # no end of b1
    data = several(b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n" + inner, part("outer"))
    assert ticket(data).description == "inner\n\nsecond\n\nouter"


def test_parts_of_a_digest_are_mails() -> None:
    found = ticket(several(part("intro"), nested(b"\r\n" + mail("one"), kind="digest")))
    assert [file.content_type for file in found.attachments] == ["message/rfc822"]


@pytest.mark.parametrize(
    ("limits", "data", "word"),
    [
        (Limits(parts=5), several(*[part("x")] * 9), "parts"),
        (Limits(depth=2), several(nested(nested(nested(part("x"), boundary="b3"), boundary="b2"))), "depth"),
        (Limits(header_bytes=1_024), mail(X_Long="y" * 5_000), "header_bytes"),
    ],
)
def test_beyond_a_limit_the_mail_is_kept_whole(limits: Limits, data: bytes, word: str) -> None:
    found = ticket(data, limits=limits)
    assert any(word in note for note in found.notes)
    assert [file.content for file in found.attachments if file.name == "original.eml"] == [data]


def test_header_lines_are_unfolded_and_names_know_no_case() -> None:
    root = parse(b"SUBJECT: a\r\n\tb\r\n c\r\nsubject: second\r\n\r\n").root
    assert root.fields.first("subject") == "a\tb c"
    assert root.fields.every("subject") == ["a\tb c", "second"]
