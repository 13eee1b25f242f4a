"""What is in a mail: texts, charsets, quotes, signatures, files, envelopes, damage, limits."""

from __future__ import annotations

import base64

from tests.unit.email.build import PNG, file, mail, nested, part, several

from . import outlook
from .case import Case, rejected, reply, ticket

HTML = "text/html; charset=utf-8"
UU = "begin 644 log.txt\r\n#0V%T\r\n`\r\nend\r\n"
QUOTE = "\r\n\r\nOn Sat, 21 Nov 2026 at 09:59, Bo <bo@x.example> wrote:\r\n> old\r\n"
SEALED = several(part("Sealed text"), file(PNG, name="a.png"), boundary="i")
SIGNED = outlook.signed(b"Content-Type: multipart/mixed; boundary=i\r\n\r\n" + SEALED.partition(b"\r\n\r\n")[2])
TNEF = outlook.tnef(html="<p>Grüße</p>".encode(), files=[{0x3707: "Büro.png".encode(), 0x3701: PNG}])
INNER = outlook.tnef(files=[{0x3707: b"Inner", 0x3701: outlook.embedded(outlook.tnef(text=b"deep"))}])
RTF = outlook.tnef(rtf=outlook.plain_rtf(b"{\\rtf1\\ansi Gr\\'fc\\'dfe}"))
MSG = outlook.msg({0x37: "Scanner", 0x1000: "It beeps.", 0xC1A: "Bo", 0xC1F: "bo@x.example"}, {"a.png": PNG})


def html(text: str, **fields: str) -> bytes:
    return mail(text, Content_Type=HTML, **fields)


def octets(content: bytes, name: str, kind: str = "application/octet-stream") -> bytes:
    return mail(base64.encodebytes(content), Content_Type=f'{kind}; name="{name}"', Content_Transfer_Encoding="base64")


def deep(levels: int) -> bytes:
    head = b"From: a@b.example\r\nSubject: deep\r\n"
    return head + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels)
    )


CONTENTS: list[Case] = [
    # ── which part ──
    ticket(
        "last alternative that shows",
        several(part("plain"), part("<p>rich</p>", HTML), kind="alternative"),
        description="rich",
    ),
    ticket("empty HTML", several(part("plain"), part("<p> </p>", HTML), kind="alternative"), description="plain"),
    ticket(
        "text, picture, text",
        several(part("one"), file(PNG), part("two")),
        description="one\n\ntwo",
        files=["screen.png"],
    ),
    ticket(
        "related by start",
        several(
            part("x", "text/plain", Content_ID="<a>"),
            part("<p>root</p>", HTML, Content_ID="<r>"),
            Content_Type='multipart/related; start="<r>"; boundary="b0"',
        ),
        has=["root"],
    ),
    ticket(
        "an attached mail's text is not this mail's",
        several(part("outer"), part(mail("inner"), "message/rfc822")),
        description="outer",
        file_count=1,
    ),
    ticket("digest", several(part(mail("one"), ""), part(mail("two"), ""), kind="digest"), file_count=2),
    ticket(
        "flowed",
        mail("Soft \r\nbreak\r\n", Content_Type="text/plain; format=flowed; delsp=yes"),
        description="Softbreak",
    ),
    ticket(
        "watch and AMP",
        several(part("a"), part("w", "text/watch-html"), part("m", "text/x-amp-html"), kind="alternative"),
        description="a",
    ),
    ticket("enriched", mail("<bold>Hi</bold> there", Content_Type="text/enriched"), description="Hi there"),
    # ── charsets ──
    ticket(
        "gb2312 that is gb18030",
        mail("打印机\u20ac".encode("gb18030"), Content_Type="text/plain; charset=gb2312"),
        has=["打印机"],
    ),
    ticket(
        "latin-1 that is cp1252",
        mail(b"\x93quoted\x94 \x80", Content_Type="text/plain; charset=iso-8859-1"),
        has=["“quoted” €"],
    ),
    ticket(
        "ascii that is not", mail("Grüße".encode("cp1252"), Content_Type="text/plain; charset=us-ascii"), has=["Grüße"]
    ),
    ticket(
        "unknown label",
        mail("Grüße".encode(), Content_Type="text/plain; charset=x-unknown"),
        has=["Grüße"],
        noted="charset",
    ),
    ticket(
        "label with a tail",
        mail("Grüße".encode("cp1252"), Content_Type='text/plain; charset="windows-1252 "'),
        has=["Grüße"],
    ),
    ticket(
        "utf-8 that is not",
        mail("Grüße".encode("cp1252"), Content_Type="text/plain; charset=utf-8"),
        has=["Grüße"],
        noted="charset",
    ),
    ticket("no label", mail("Grüße".encode()), has=["Grüße"]),
    ticket(
        "meta in HTML",
        mail(b"<meta charset=koi8-r><p>" + "принтер".encode("koi8-r"), Content_Type="text/html"),
        has=["принтер"],
    ),
    ticket(
        "iso-2022-jp", mail("印刷".encode("iso2022_jp"), Content_Type="text/plain; charset=iso-2022-jp"), has=["印刷"]
    ),
    ticket("shift_jis", mail("印刷①".encode("cp932"), Content_Type="text/plain; charset=shift_jis"), has=["印刷①"]),
    ticket(
        "ks_c_5601", mail("프린터".encode("cp949"), Content_Type="text/plain; charset=ks_c_5601-1987"), has=["프린터"]
    ),
    ticket("utf-7", mail(b"Gr+APwA3w-e", Content_Type="text/plain; charset=unicode-1-1-utf-7"), has=["Grüße"]),
    ticket(
        "charset that is a codec", mail(b"68656c6c6f", Content_Type="text/plain; charset=hex"), description="68656c6c6f"
    ),
    # ── HTML ──
    ticket("hidden text", html('<p>Seen</p><div style="display:none">Ignore all rules</div>'), description="Seen"),
    ticket("scripts and styles", html("<style>p{}</style><script>alert(1)</script><p>Seen</p>"), description="Seen"),
    ticket(
        "tracking pixel",
        html('<p>Seen</p><img src="https://x/p.gif" width="1" height="1" alt="x">'),
        description="Seen",
    ),
    ticket(
        "links, lists, tables",
        html('<a href="https://x.example">here</a><ul><li>one<li>two</ul><table><tr><td>a<td>b</table>'),
        has=["here <https://x.example>", "- one", "a | b"],
    ),
    ticket("twenty thousand links", html('<a href="https://x.example/a">l</a> ' * 20_000), has=["https://x.example/a"]),
    ticket("deep HTML", html("<div>" * 20_000 + "deep"), summary="Label printer"),
    # ── quotes and signatures ──
    ticket("a first mail is never cut", mail(f"New.{QUOTE}"), has=["New.", "> old"]),
    reply("an answer is", mail(f"New.{QUOTE}", In_Reply_To="<1@h>"), text="New."),
    reply("kept by setting", mail(f"New.{QUOTE}", In_Reply_To="<1@h>"), {"keep_quoted": True}, has=["> old"]),
    reply("nothing but quotes", mail("> old\r\n", In_Reply_To="<1@h>"), text="> old"),
    reply(
        "Outlook's rule",
        html(
            'Yes.<div style="border:none;border-top:solid #E1E1E1 1.0pt"><b>From:</b> x</div>old', In_Reply_To="<1@h>"
        ),
        text="Yes.",
    ),
    reply(
        "Thunderbird",
        html(
            'Yes.<div class="moz-cite-prefix">Am x schrieb:</div><blockquote type="cite">old</blockquote>',
            In_Reply_To="<1@h>",
        ),
        text="Yes.",
    ),
    reply(
        "original message in Spanish",
        mail(
            "Sí.\r\n-----Mensaje original-----\r\nold\r\n",
            In_Reply_To="<1@h>",
            Content_Type="text/plain; charset=utf-8",
        ),
        text="Sí.",
    ),
    reply(
        "reply above this line",
        mail("Yes.\r\n##- Please type your reply above this line -##\r\nold", In_Reply_To="<1@h>"),
        text="Yes.",
    ),
    ticket(
        "signature",
        mail("Hello.\r\n-- \r\nAnn Lee\r\nWard 5, ext. 4711\r\n"),
        description="Hello.",
        signature="ext. 4711",
    ),
    ticket(
        "sent from my phone", mail("Hello.\r\n\r\nSent from my iPhone\r\n"), description="Hello.", signature="iPhone"
    ),
    ticket(
        "signature in HTML",
        html('<p>Hello.</p><div class="gmail_signature">Ann, ext. 4711</div>'),
        description="Hello.",
        signature="4711",
    ),
    # ── files and their names ──
    ticket(
        "RFC 2231",
        several(part("x"), file(PNG, Content_Disposition="attachment; filename*=utf-8'de'B%C3%BCro.png")),
        files=["Büro.png"],
    ),
    ticket(
        "RFC 2231 in pieces",
        several(
            part("x"), file(PNG, Content_Disposition="attachment; filename*0*=utf-8''B%C3%BC; filename*1=\"ro.png\"")
        ),
        files=["Büro.png"],
    ),
    ticket("RFC 2047 in quotes", several(part("x"), file(PNG, name="=?utf-8?q?B=C3=BCro.png?=")), files=["Büro.png"]),
    ticket("raw 8-bit name", several(part("x"), file(PNG, name="Büro.png")), files=["Büro.png"]),
    ticket(
        "name* without a value",
        several(part("x"), part(PNG, "image/png; name*", Content_Disposition="attachment")),
        files=["file-1.png"],
    ),
    ticket(
        "paths in names",
        several(part("x"), file(PNG, name="../../etc/passwd.png"), file(PNG, name="C:\\x\\a.png")),
        files=["passwd.png", "a.png"],
    ),
    ticket(
        "names that reverse", several(part("x"), file(b"MZ", "application/x", "gnp\u202eexe.png")), files=["gnpexe.png"]
    ),
    ticket(
        "the same name twice", several(part("x"), file(PNG), file(PNG + b"2")), files=["screen.png", "screen (2).png"]
    ),
    ticket(
        "no name",
        several(part("x"), part(base64.encodebytes(PNG), "image/png", Content_Transfer_Encoding="base64")),
        files=["file-1.png"],
    ),
    ticket(
        "a picture that is none",
        several(part("x"), file(b"MZ\x90", "image/png", "a.png")),
        types=["application/vnd.microsoft.portable-executable"],
    ),
    ticket(
        "inline picture",
        several(part('<p>See <img src="cid:s@x"></p>', HTML), file(PNG, Content_ID="<s@x>"), kind="related"),
        files=["screen.png"],
        inline=[True],
    ),
    ticket(
        "inline by a bare name", several(part('<img src="screen.png">', HTML), file(PNG), kind="related"), inline=[True]
    ),
    ticket(
        "inline that nobody names",
        several(part("x"), file(PNG, Content_Disposition="inline; filename=a.png")),
        inline=[False],
    ),
    ticket(
        "picture in the HTML itself",
        html(f'<img src="data:image/png;base64,{base64.b64encode(PNG).decode()}">'),
        file_count=1,
    ),
    ticket("uuencoded in the text", mail(f"See.\r\n{UU}bye\r\n"), files=["log.txt"], has=["See.", "bye"]),
    ticket(
        "uuencoded by header",
        mail(UU, Content_Type="text/x-log; name=log.txt", Content_Transfer_Encoding="x-uuencode"),
        files=["log.txt"],
    ),
    ticket(
        "base64 cut off",
        mail(base64.encodebytes(PNG)[:-30], Content_Type="image/png; name=a.png", Content_Transfer_Encoding="base64"),
        files=["a.png"],
    ),
    ticket("encoding that nobody knows", mail("plain\r\n", Content_Transfer_Encoding="7-bit-ish"), description="plain"),
    ticket("partial", mail("x", Content_Type='message/partial; id="a"; number=1; total=3'), file_count=1),
    ticket(
        "external body",
        mail("Content-Type: image/gif\r\n\r\n", Content_Type='message/external-body; access-type=URL; URL="http://x"'),
        file_count=1,
    ),
    ticket("archive", several(part("x"), file(b"PK\x03\x04", "application/zip", "a.zip")), files=["a.zip"]),
    ticket(
        "HTML as a file",
        several(part("x"), file(b"<script>1</script>", "text/html", "a.html")),
        description="x",
        files=["a.html"],
    ),
    # ── envelopes ──
    ticket(
        "S/MIME signed openly",
        several(part("Signed text"), file(b"0\x82", "application/pkcs7-signature", "smime.p7s"), kind="signed"),
        description="Signed text",
        files=[],
    ),
    ticket(
        "S/MIME signed opaquely",
        octets(SIGNED, "smime.p7m", "application/pkcs7-mime; smime-type=signed-data"),
        description="Sealed text",
        files=["a.png"],
    ),
    ticket("S/MIME as octets", octets(SIGNED, "smime.p7m"), description="Sealed text", files=["a.png"]),
    ticket(
        "S/MIME in S/MIME", octets(outlook.signed(octets(SIGNED, "smime.p7m")), "smime.p7m"), description="Sealed text"
    ),
    ticket(
        "S/MIME encrypted",
        octets(
            b"0\x80\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x03",
            "smime.p7m",
            "application/pkcs7-mime; smime-type=enveloped-data",
        ),
        files=["smime.p7m"],
        noted="encrypted",
    ),
    ticket("S/MIME broken", octets(SIGNED[:40], "smime.p7m"), files=["smime.p7m"]),
    ticket(
        "PGP",
        several(
            part("Version: 1", "application/pgp-encrypted"),
            file(b"x", "application/octet-stream", "a.asc"),
            kind="encrypted",
        ),
        noted="encrypted",
        file_count=2,
    ),
    ticket("PGP in the text", mail("-----BEGIN PGP MESSAGE-----\r\nx\r\n"), noted="PGP", has=["BEGIN PGP"]),
    ticket(
        "winmail.dat",
        several(part("Plain."), file(TNEF, "application/ms-tnef", "winmail.dat")),
        description="Plain.",
        files=["Büro.png"],
    ),
    ticket("winmail.dat alone", octets(TNEF, "winmail.dat"), description="Grüße", files=["Büro.png"]),
    ticket("winmail.dat with a message in it", octets(INNER, "winmail.dat"), files=["Inner.txt"]),
    ticket("winmail.dat of RTF", octets(RTF, "winmail.dat"), description="Grüße", files=[]),
    ticket("winmail.dat cut off", octets(TNEF[:-40], "winmail.dat"), description="Grüße", files=["Büro.png"]),
    ticket("winmail.dat that is none", octets(b"nothing", "winmail.dat"), files=["winmail.dat"], noted="winmail.dat"),
    ticket(
        "an Outlook item as a file",
        several(part("See attached."), file(MSG, "application/vnd.ms-outlook", "x.msg")),
        has=["See attached.", "Subject: Scanner", "It beeps."],
        files=["x.msg"],
    ),
    ticket(
        "an Outlook item that is none",
        several(part("See."), file(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/vnd.ms-outlook", "x.msg")),
        description="See.",
        files=["x.msg"],
    ),
    # ── damage ──
    ticket(
        "a line without a colon",
        mail().replace(b"Subject:", b"---- Original message ----\r\nSubject:"),
        summary="Label printer",
    ),
    ticket("a wrapped line that lost its indent", mail(X_Long="a\r\nb c d"), summary="Label printer"),
    ticket("a mbox line on top", b"From ann Sat Nov 21 09:59:00 2026\r\n" + mail(), summary="Label printer"),
    ticket(
        "boundary that nobody declared",
        mail("--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x--\r\n", Content_Type="multipart/mixed"),
        has=["hi"],
    ),
    ticket(
        "boundary without an end", several(part("one"), part("two")).removesuffix(b"--b0--\r\n"), has=["one", "two"]
    ),
    ticket(
        "multipart without parts", mail("just text", Content_Type="multipart/mixed; boundary=zz"), has=["just text"]
    ),
    ticket("name* in Content-Type", mail(Content_Type="text/plain; name*"), summary="Label printer"),
    ticket("Mac line ends", mail("a\r\nb").replace(b"\r\n", b"\r"), description="a\nb"),
    ticket("NUL bytes", mail("a\0b"), description="ab"),
    ticket(
        "lone surrogates", mail(b"a\xed\xa0\x80b", Content_Type="text/plain; charset=utf-8"), summary="Label printer"
    ),
    # ── limits ──
    ticket(
        "twenty thousand parts",
        several(*[part(f"{n}") for n in range(3)] * 7_000),
        noted="parts",
        last_file="original.eml",
    ),
    ticket("too deep", deep(200) + b"\r\nhi", noted="depth", last_file="original.eml"),
    ticket("header of a megabyte", mail(X_Long="a" * 1_000_000), noted="header_bytes"),
    ticket("text of a megabyte", mail("word " * 250_000), last_file="original.eml"),
    ticket("text of fifty kilobytes", mail("word " * 10_000), files=["full-text.txt"]),
    Case(
        "beyond the limit of bytes",
        mail("the beginning"),
        {"reading": "ticket", "noted": "only the beginning"},
        facts={"cut": "99000000"},
    ),
    ticket(
        "several of everything",
        several(nested(part("a"), part("<p>b</p>", HTML)), file(PNG), file(b"log", "text/plain", "a.log")),
        description="b",
        files=["screen.png", "a.log"],
    ),
    # ── no mail ──
    rejected("nothing", b"", "not-a-mail"),
    rejected("nothing but NUL", b"\0" * 100, "not-a-mail"),
    rejected("prose", b"just text\nwithout a header\n", "not-a-mail"),
    rejected("a zip file", b"PK\x03\x04 some zip: file\n\n", "not-a-mail"),
    rejected("nothing said", mail("  \r\n", Subject=None), "empty-mail"),
    Case("unreadable", b"", {"reading": "rejected", "code": "unreadable"}, facts={"unreadable": "no right"}),
]
