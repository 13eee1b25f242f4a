"""Charsets, encoded words and parameters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from connector.sources.email.charset import decode
from connector.sources.email.words import base64_bytes, parameters, words

RUSSIAN = "Принтер в отделении не печатает этикетки с утра понедельника, помогите пожалуйста. " * 4


@pytest.mark.parametrize(
    ("data", "label", "text", "guessed"),
    [
        ("Müller".encode(), "utf-8", "Müller", False),
        ("Müller".encode("latin-1"), "iso-8859-1", "Müller", False),
        ("5 € – “so”".encode("cp1252"), "iso-8859-1", "5 € – “so”", False),
        ("5 €".encode(), "us-ascii", "5 €", True),
        ("Müller".encode(), "", "Müller", True),
        ("Müller".encode("cp1252"), "", "Müller", True),
        ("Müller".encode("cp1252"), "utf-8", "Müller", True),
        ("Müller".encode(), '"UTF-8"', "Müller", False),
        ("Müller".encode(), " utf-8 (Unicode)", "Müller", False),
        ("Müller".encode(), "x-unknown", "Müller", True),
        ("Müller".encode(), "no such charset", "Müller", True),
        ("中文 镕".encode("gb18030"), "gb2312", "中文 镕", False),
        ("똠".encode("cp949"), "ks_c_5601-1987", "똠", False),
        ("①".encode("cp932"), "shift_jis", "①", False),
        ("日本語".encode("iso2022_jp"), "", "日本語", True),
        ("日本語".encode("iso2022_jp"), "iso-2022-jp", "日本語", False),
        ("Grüße".encode("utf-7"), "unicode-1-1-utf-7", "Grüße", False),
        (RUSSIAN.encode("koi8-r"), "koi8-r", RUSSIAN, False),
        (b"plain", "rot13", "plain", False),
        (b"61", "hex", "61", False),
        (b"abc", "utf-8\0x", "abc", False),
    ],
)
def test_the_ladder_of_charsets(data: bytes, label: str, text: str, guessed: bool) -> None:
    assert decode(data, label) == (text, guessed)


def test_html_may_name_its_charset() -> None:
    page = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r"><p>Принтер'.encode("koi8-r")
    assert "Принтер" in decode(page, "", html=True)[0]


def test_long_foreign_text_without_a_label_is_detected() -> None:
    assert decode(RUSSIAN.encode("cp1251"))[0] == RUSSIAN


@examples(deadline=None)
@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_bytes_are_some_text(data: bytes, label: str) -> None:
    assert isinstance(decode(data, label)[0], str)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=?utf-8?q?M=C3=BCller?=", "Müller"),
        ("=?UTF-8?B?TcO8bGxlcg==?=", "Müller"),
        ("=?utf-8?B?TcO8bGxlcg?=", "Müller"),  # padding lost
        ("=?utf-8?b?TcM=?= =?utf-8?b?vGxsZXI=?=", "Müller"),  # one character over two words
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= =?iso-8859-1?q?=FC?=", "aü"),
        ("=?utf-8?q?a?= and =?utf-8?q?b?=", "a and b"),
        ("Re: =?utf-8?q?a b c?=", "Re: a b c"),  # blanks inside a word
        ("=?utf-8*de?q?a=5Fb_c?=", "a_b c"),
        ("=?utf-8?q?broken", "=?utf-8?q?broken"),
        ("=?nonsense?q?=FC?=", "ü"),
        ("=?utf-8?b?!!!?=", ""),
        ("=?utf-8?q?x=0D=0ABcc: y?=", "x\r\nBcc: y"),  # callers make one line of it
        ("M\udcc3\udcbcller", "Müller"),
        ("M\udcfcller", "Müller"),
    ],
)
def test_encoded_words(value: str, text: str) -> None:
    assert words(value) == text


@examples(deadline=None)
@given(st.text(alphabet="=?utf-8bq ABÜ_\udcfc\n", max_size=80))
def test_any_header_value_is_some_text(value: str) -> None:
    assert isinstance(words(value), str)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('attachment; filename="a b.txt"', "a b.txt"),
        ("attachment; filename=a.txt", "a.txt"),
        (r'attachment; filename="a\"b.txt"', 'a"b.txt'),
        ("attachment; filename*=utf-8'de'M%C3%BCller.txt", "Müller.txt"),
        ("attachment; filename*0=long; filename*1=name.txt", "longname.txt"),
        ("attachment; filename*1*=%BCller.txt; filename*0*=utf-8''M%C3", "Müller.txt"),
        ("attachment; filename=plain.txt; filename*=utf-8''best.txt", "best.txt"),
        ("attachment; filename*=nonsense''M%FCller.txt", "Müller.txt"),
        ("attachment; filename*=M%C3%BCller.txt", "Müller.txt"),
        ("attachment; FileName = x.txt ", "x.txt"),
        ('attachment; filename="never closed', "never closed"),
        ("attachment; filename*", ""),
        ('attachment; x="a;filename=wrong"; filename=right', "right"),
    ],
)
def test_parameters(value: str, name: str) -> None:
    lead, found = parameters(value)
    assert lead == "attachment"
    assert found.get("filename", "") == name


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"aGVsbG8=", b"hello"),
        (b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"aGVsbG8", b"hello"),
        (b"aGVsbG", b"hell"),
        (b"aGVsb", b"hel"),
        (b"aGVsbG8=\r\n--\r\nThis list is run by ...", b"hello"),
        (b"", b""),
    ],
)
def test_base64_gives_what_there_is(data: bytes, content: bytes) -> None:
    assert base64_bytes(data) == content
