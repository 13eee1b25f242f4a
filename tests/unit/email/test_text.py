"""What of a mail is its text: parts, HTML, flowed lines."""

from __future__ import annotations

import pytest

from connector.sources.email.html import html_text
from connector.sources.email.plain import unflowed

from .build import PNG, file, mail, nested, part, reply, several, ticket

HTML = "text/html; charset=utf-8"


def test_of_alternatives_the_last_that_shows_something_is_taken() -> None:
    assert ticket(several(part("plain"), part("<p>rich</p>", HTML), kind="alternative")).description == "rich"
    empty = several(part("plain"), part("<img src='cid:x'><p> </p>", HTML), kind="alternative")
    assert "plain" in ticket(several(part("plain"), part("<p>&nbsp;</p>", HTML), kind="alternative")).description
    assert ticket(empty).description == "[image: x]"


def test_files_inside_any_alternative_are_kept() -> None:
    rich = nested(part("<p>rich</p>", HTML), file(PNG), kind="mixed")
    data = several(part("plain"), rich, part("<p>last</p>", HTML), kind="alternative")
    found = ticket(data)
    assert (found.description, [each.name for each in found.attachments]) == ("last", ["screen.png"])


def test_variants_for_other_programs_are_no_files() -> None:
    data = several(part("plain"), part("<html amp4email>", "text/x-amp-html"), kind="alternative")
    found = ticket(data)
    assert (found.description, found.attachments) == ("plain", ())


def test_texts_between_pictures_are_joined_in_order() -> None:
    data = several(part("above"), file(PNG, Content_Disposition="inline; filename=a.png"), part("below"))
    found = ticket(data)
    assert (found.description, len(found.attachments)) == ("above\n\nbelow", 1)


def test_the_text_of_an_attached_mail_is_not_this_mails() -> None:
    attached = part(mail("their text", Subject="Their subject"), "message/rfc822")
    found = ticket(several(part("our text"), attached))
    assert found.description == "our text"
    assert [each.name for each in found.attachments] == ["Their subject.eml"]


def test_the_root_of_related_parts_is_the_one_that_start_names() -> None:
    other = part("<p>beside</p>", HTML, Content_ID="<other>")
    page = part("<p>shown</p>", HTML, Content_ID="<page>")
    data = several(other, page, kind="related", Content_Type='multipart/related; boundary=b0; start="<page>"')
    assert ticket(data).description == "shown\n\nbeside"


def test_text_with_a_name_is_a_file_but_inline_html_is_not() -> None:
    data = several(part("see log"), part("line 1", 'text/plain; name="a.log"'))
    assert [each.name for each in ticket(data).attachments] == ["a.log"]
    inline = several(part("<p>shown</p>", HTML, Content_Disposition='inline; filename="body.htm"'))
    assert ticket(inline).description == "shown"


@pytest.mark.parametrize("encoding", ["8bit", "7bit", "binary", "nonsense", "x-none; really", ""])
def test_an_unknown_transfer_encoding_is_none(encoding: str) -> None:
    data = mail("Müller", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding=encoding)
    assert ticket(data).description == "Müller"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [("M=C3=BCller=\r\n!", "Quoted-Printable"), ("TcO8bGxlciE=", '"base64"'), ("TcO8bGxlciE", "b")],
)
def test_transfer_encodings(body: str, encoding: str) -> None:
    data = mail(body, Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding=encoding)
    assert ticket(data).description == "Müller!"


def test_a_guessed_charset_is_noted() -> None:
    data = mail("Müller".encode("cp1252"), Content_Type="text/plain; charset=x-unknown")
    found = ticket(data)
    assert found.description == "Müller"
    assert any("charset" in note for note in found.notes)


def test_flowed_lines_are_joined() -> None:
    assert (
        unflowed("one \ntwo\n\n three \n> quoted \n> more\n-- \nAnn", False)
        == "one two\n\nthree \n> quoted more\n-- \nAnn"
    )
    assert unflowed("Wort \nteil", True) == "Wortteil"
    data = mail("one \r\ntwo\r\n", Content_Type="text/plain; format=flowed; delsp=yes")
    assert ticket(data).description == "onetwo"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a &amp; b &lt;c&gt; &nbsp;d", "a & b <c> \xa0d"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ("<ul><li>a<ul><li>b</li></ul></li></ul>", "- a\n\n  - b"),
        ('see <a href="https://x.example/y">the page</a>.', "see the page <https://x.example/y>."),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@b.example">a@b.example</a>', "a@b.example"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ("<table><tr><th>Name<th>State<tr><td>WS1<td>down</table>", "Name | State\nWS1 | down"),
        ("<table><tr><td><p>WS1</p></td><td><p>down</p></td></tr></table>", "WS1 | down"),
        ("<table><tr><td><table><tr><td>in</td></tr></table></td><td>out</td></tr></table>", "in\n\nout"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<style>p{}</style><script>x()</script><title>t</title><p>a", "a"),
        ("<!-- c --><!--[if mso]><p>mso</p><![endif]-->a", "a"),
        ('<div style="display: none">hidden</div>a', "a"),
        ('<div style="DISPLAY:NONE !important">hidden</div>a', "a"),
        ('<div style="max-height:0px;overflow:hidden">hidden</div>a', "a"),
        ('<span style="visibility:hidden">hidden</span>a', "a"),
        ('<span style="opacity:0">hidden</span>a', "a"),
        ('<span style="font-size:0">hidden</span>a', "a"),
        ('<td style="font-size:0"><div style="font-size:14px">seen</div></td>', "seen"),
        ('<p style="max-height:0.5em;opacity:0.9">seen</p>', "seen"),
        ('<a style="mso-hide:all">seen</a>', "seen"),
        ("<p hidden>hidden</p>a", "a"),
        ("<style>.pre{display:none}</style><p class=pre>hidden</p>a", "a"),
        ("<style>@media print{.x{display:none}}</style><p class=x>seen</p>", "seen"),
        ("<p class=preheader>hidden</p>a", "a"),
        ('<img src="cid:image001.png@01D" alt="">', "[image: image001.png]"),
        ('<img src="https://track.example/1.gif" width="1" alt="pixel">a', "a"),
        ('<blockquote type="cite">said<br>before</blockquote>now', "> said\n> before\n\nnow"),
        ("<blockquote>indented</blockquote>", "indented"),
        ("<p>a<o:p></o:p></p>", "a"),
        ("\0<p>a\0b", "ab"),
        ("", ""),
        ("just text", "just text"),
        ('<?xml version="1.0" encoding="utf-16"?><p>a', "a"),
        ("<p>" + "<b>" * 300 + "<i hidden>no</i>deep", "deep"),
        ("<div>" * 5_000 + "deeper", "deeper"),
    ],
)
def test_html_as_text(html: str, text: str) -> None:
    assert html_text(html).strip() == text


def test_marks_of_ours_cannot_be_forged() -> None:
    forged = mail("above\n\ue000\nbelow", Content_Type="text/plain; charset=utf-8", In_Reply_To="<x@y>")
    assert reply(forged).comment.text == "above\n\nbelow"
    assert "\ue000" not in html_text("<p>a\ue000</p><p>&#xe000;b")


def test_a_very_long_text_is_cut_and_kept_as_a_file() -> None:
    found = ticket(mail("word " * 10_000))
    assert len(found.description) <= 32_000
    assert found.description.endswith("more characters]")
    assert [each.name for each in found.attachments] == ["full-text.txt"]
    assert found.attachments[0].size == 49_999
