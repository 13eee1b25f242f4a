"""Attachments: names, types, pictures in the text, envelopes."""

from __future__ import annotations

import base64

import pytest

from connector.ticket import FileKind

from .build import PNG, file, mail, nested, part, several, ticket

HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"Content_Disposition": 'attachment; filename="screen.png"'}, "screen.png"),
        ({"Content_Disposition": "attachment; filename*=utf-8''B%C3%BCro.png"}, "Büro.png"),
        ({"Content_Disposition": "attachment; filename*0=scr; filename*1=een.png"}, "screen.png"),
        ({"Content_Disposition": 'attachment; filename="=?utf-8?q?B=C3=BCro=2Epng?="'}, "Büro.png"),
        ({"Content_Disposition": 'attachment; filename="B\udcc3\udcbcro.png"'}, "Büro.png"),
        ({"Content_Disposition": 'attachment; filename="B\udcfcro.png"'}, "Büro.png"),
        ({"Content_Disposition": 'attachment; filename="../../etc/passwd.png"'}, "passwd.png"),
        ({"Content_Disposition": r'attachment; filename="C:\\Users\\x\\a.png"'}, "a.png"),
        ({"Content_Disposition": 'attachment; filename="gnp\u202e.exe.png"'}, "gnp.exe.png"),
        ({"Content_Disposition": 'attachment; filename="a.png. . ."'}, "a.png"),
        ({"Content_Disposition": 'attachment; filename="CON.png"'}, "_CON.png"),
        ({"Content_Disposition": "attachment", "Content_Location": "shot.png"}, "shot.png"),
        ({"Content_Disposition": "attachment", "Content_ID": "<image001.png@01D>"}, "image001.png"),
        ({"Content_Disposition": "attachment", "Content_ID": "<abc@x>"}, "file-1.png"),
        ({"Content_Disposition": "attachment"}, "file-1.png"),
        ({"Content_Disposition": 'attachment; filename="shot"'}, "shot.png"),
    ],
)
def test_names(fields: dict[str, str], name: str) -> None:
    assert [each.name for each in ticket(several(part("x"), file(PNG, **fields))).attachments] == [name]


def test_a_long_name_keeps_its_ending() -> None:
    found = ticket(several(part("x"), file(PNG, name="ü" * 300 + ".png"))).attachments[0]
    assert len(found.name.encode()) <= 200
    assert found.name.endswith(".png")


def test_equal_names_become_unique_and_the_same_file_is_there_once() -> None:
    data = several(part("x"), file(PNG), file(PNG + b"2", name="SCREEN.png"), file(PNG), file(PNG + b"3"))
    names = [each.name for each in ticket(data).attachments]
    assert names == ["screen.png", "SCREEN (2).png", "screen (3).png"]


@pytest.mark.parametrize(
    ("content", "claimed", "name", "kind", "file_kind"),
    [
        (PNG, "image/png", "a.png", "image/png", FileKind.SCREENSHOT),
        (PNG, "application/octet-stream", "a.dat", "image/png", FileKind.SCREENSHOT),
        (b"not a picture", "image/png", "a.png", "application/octet-stream", FileKind.OTHER),
        (b"line", "text/plain", "a.log", "text/plain", FileKind.LOG),
        (b"%PDF-1.7", "application/pdf", "a.pdf", "application/pdf", FileKind.OTHER),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/octet-stream", "a.msg", None, FileKind.MESSAGE),
        (b"From: a@b\n\nx", "message/rfc822", "a.eml", "message/rfc822", FileKind.MESSAGE),
    ],
)
def test_types_are_proved(content: bytes, claimed: str, name: str, kind: str | None, file_kind: FileKind) -> None:
    found = ticket(several(part("x"), file(content, claimed, name))).attachments[0]
    assert found.content == content
    assert found.kind is file_kind
    assert kind is None or found.content_type == kind


@pytest.mark.parametrize(
    ("page", "fields", "inline"),
    [
        ('<img src="cid:shot@x">', {"Content_ID": "<shot@x>"}, True),
        ('<img src="shot.png">', {"Content_Disposition": "inline; filename=shot.png"}, True),
        ("<p>none</p>", {"Content_ID": "<shot@x>", "Content_Disposition": "attachment; filename=a.png"}, False),
        ("<p>none</p>", {"Content_Disposition": "inline; filename=a.png"}, True),
    ],
)
def test_pictures_in_the_text_are_inline(page: str, fields: dict[str, str], inline: bool) -> None:
    found = ticket(several(part(page, HTML), file(PNG, **fields), kind="related"))
    assert [each.inline for each in found.attachments] == [inline]


def test_an_inline_picture_outside_of_related_parts_is_a_file() -> None:
    data = several(part("x"), file(PNG, Content_Disposition="inline; filename=a.png"))
    assert [each.inline for each in ticket(data).attachments] == [False]


def test_a_tiny_inline_picture_is_no_screenshot() -> None:
    pixel = file(b"\x89PNG\r\n\x1a\n", Content_ID="<p@x>")
    data = several(nested(part('<img src="cid:p@x">', HTML), pixel, kind="related"))
    assert [each.kind for each in ticket(data).attachments] == [FileKind.OTHER]


def test_pictures_written_into_the_html_become_files() -> None:
    page = f'<p>see</p><img src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'
    found = ticket(mail(page, Content_Type=HTML))
    assert [(each.content, each.inline) for each in found.attachments] == [(PNG, True)]
    assert found.description == "see\n\n[image: picture-1]"


def test_uuencoded_files_are_taken_out_of_the_text() -> None:
    body = "see below\n\nbegin 644 note.txt\n%:&5L;&\\\n`\nend\n\nthat was it\n"
    found = ticket(mail(body))
    assert [(each.name, each.content) for each in found.attachments] == [("note.txt", b"hello")]
    assert found.description == "see below\n\n\nthat was it"
    assert ticket(mail("begin 644 of everything\nI want to say\n")).attachments == ()


def test_truncated_base64_gives_what_is_there() -> None:
    whole = several(part("x"), file(PNG))
    cut = whole[: whole.index(b"AAAA") + 402]
    content = ticket(cut).attachments[0].content
    assert content is not None
    assert PNG.startswith(content)
    assert len(content) > 250


def test_a_signed_mail_shows_its_first_part_and_hides_the_signature() -> None:
    signature = file(b"0\x80", "application/pkcs7-signature", "smime.p7s")
    found = ticket(several(part("signed text"), signature, kind="signed"))
    assert (found.description, found.attachments) == ("signed text", ())


@pytest.mark.parametrize(
    ("kind", "name", "word"),
    [
        ("application/pkcs7-mime; smime-type=signed-data", "smime.p7m", "S/MIME"),
        ("application/octet-stream", "smime.p7m", "S/MIME"),
        ("application/ms-tnef", "winmail.dat", "winmail.dat"),
        ("application/octet-stream", "winmail.dat", "winmail.dat"),
    ],
)
def test_what_cannot_be_opened_is_a_file_with_a_note(kind: str, name: str, word: str) -> None:
    found = ticket(mail(b"MIIB", Content_Type=f'{kind}; name="{name}"', Content_Transfer_Encoding="base64"))
    assert [each.name for each in found.attachments] == [name]
    assert any(word in note for note in found.notes)
    assert found.description == f"(no text; attached: {name})"


def test_an_encrypted_mail_is_a_note_and_its_files() -> None:
    data = several(
        part("Version: 1", "application/pgp-encrypted"),
        file(b"x", "application/octet-stream", "a.asc"),
        kind="encrypted",
    )
    found = ticket(data)
    assert len(found.attachments) == 2
    assert any("encrypted" in note for note in found.notes)


def test_partial_and_external_bodies_are_files() -> None:
    data = several(part("x"), part("y", "message/partial; id=1"), part("z", "message/external-body; access-type=URL"))
    assert len(ticket(data).attachments) == 2
