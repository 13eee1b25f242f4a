"""Who says what to whom, in which talk: ids, replies, forwards, people, times, subjects, other systems."""

from __future__ import annotations

from tests.unit.email.build import OWN, PNG, file, mail, nested, part, several

from . import outlook
from .case import Case, reply, ticket

ON = "On Sat, 21 Nov 2026 at 09:59, Help Desk <helpdesk@hospital.example> wrote:"
BLOCK = (
    "From: Dr. Bo Hall <bo@clinic.example>\r\nSent: Friday\r\nTo: Ann\r\nSubject: No labels\r\n\r\nNothing prints.\r\n"
)
IT = "Tom Oak <tom@it.example>"
RECEIVED = "from a by b; Sat, 21 Nov 2026 08:59:30 +0000"
TALKS: list[Case] = [
    # ── the same mail, and mails that look the same ──
    ticket("first", mail("The printer is out of paper.\r\n"), summary="Label printer", email="ann.lee@ward.example"),
    ticket("first fetched twice", mail("The printer is out of paper.\r\n", Status="RO"), same_as="first"),
    ticket(
        "first by another way",
        mail("The printer is out of paper.\r\n", Received=RECEIVED, Delivered_To="it@hospital.example"),
        same_as="first",
    ),
    ticket("other mail with the same id", mail("Your parcel is here.\r\n"), not_same_as="first"),
    ticket("without an id", mail("No id.\r\n", Message_ID=None), generated=True),
    ticket("without an id again", mail("No id.\r\n", Message_ID=None), same_as="without an id"),
    ticket("with an empty id", mail("No id.\r\n", Message_ID="<>"), same_as="without an id"),
    ticket("id in brackets by Exchange", mail(Message_ID="<[abc@EX.example]>"), thread0="abc@ex.example"),
    ticket("id with blanks and case", mail(Message_ID="< a b@WARD.Example >"), thread0="ab@ward.example"),
    ticket("id of four kilobytes", mail(Message_ID=f"<{'x' * 4000}@y.example>"), summary="Label printer"),
    # ── replies ──
    reply("answer", mail(f"Works.\r\n\r\n{ON}\r\n> ok?\r\n", In_Reply_To="<1@h>"), text="Works.", answers=["1@h"]),
    reply("answer right above", mail(f"Works.\r\n{ON}\r\n> ok?\r\n", In_Reply_To="<1@h>"), text="Works."),
    reply(
        "references from right to left",
        mail(References="<a@H>, <b@h>\r\n <c@h>", Message_ID="<d@h>"),
        answers=["c@h", "b@h", "a@h"],
    ),
    reply("references without brackets", mail(References="a@h b@h"), answers=["b@h", "a@h"]),
    reply("several in-reply-to", mail(In_Reply_To="<a@h> <b@h>"), answers=["a@h", "b@h"]),
    reply("in-reply-to with prose", mail(In_Reply_To='Message of "Sat" <a@h>'), answers=["a@h"]),
    reply("five thousand references", mail(References=" ".join(f"<{n}@h>" for n in range(5_000))), most_answers=100),
    ticket("answers itself", mail(In_Reply_To="<one@ward.example>"), summary="Label printer"),
    ticket("subject says Re, nothing else does", mail(Subject="Re: Label printer"), summary="Re: Label printer"),
    reply("answer of files alone", several(file(PNG), In_Reply_To="<1@h>"), files=["screen.png"]),
    reply(
        "interleaved answer",
        mail("> Which?\r\nThe red.\r\n> Where?\r\nHere.\r\n", In_Reply_To="<1@h>"),
        text="> Which?\nThe red.\n> Where?\nHere.",
    ),
    ticket("conversation by Thread-Index", mail(Thread_Index="AdpX" + "A" * 28), hint=True),
    # ── other ticket systems ──
    ticket(
        "vendor opens",
        mail(From="Desk <desk@Vendor.example>", Subject="[CASE-4711] Opened", Message_ID="<v1@v>"),
        thread0="vendor.example:case-4711",
    ),
    ticket(
        "vendor goes on",
        mail(From="other@vendor.example", Subject="RE: CASE-4711: news", Message_ID="<v2@v>"),
        thread0="vendor.example:case-4711",
    ),
    ticket("number of a stranger", mail(Subject="CASE-4711", Message_ID="<v3@v>"), thread0="v3@v"),
    reply(
        "vendor answers",
        mail(From="a@vendor.example", Subject="INC 0012345", In_Reply_To="<q@h>"),
        answers=["q@h", "vendor.example:inc0012345"],
    ),
    # ── forwards ──
    ticket(
        "agent forwards",
        mail(f"Please take.\r\n\r\n-----Original Message-----\r\n{BLOCK}", From=IT, Subject="FW: No labels"),
        email="bo@clinic.example",
        summary="No labels",
        description="Nothing prints.",
        watchers=["tom@it.example"],
        note="Please take.",
    ),
    ticket(
        "agent forwards a known mail",
        mail(f"-----Original Message-----\r\n{BLOCK}", From=IT, Subject="WG: x", References="<k@clinic.example>"),
        email="bo@clinic.example",
    ),
    ticket(
        "customer forwards",
        mail(f"See.\r\n\r\n-----Original Message-----\r\n{BLOCK}", Subject="Fwd: x"),
        email="ann.lee@ward.example",
        candidate="bo@clinic.example",
    ),
    ticket(
        "forward in German",
        mail(
            "----- Weitergeleitete Nachricht -----\r\nVon: Bo <bo@clinic.example>\r\n"
            "Gesendet: Freitag\r\nAn: Ann\r\nBetreff: Druck\r\n\r\nEs druckt nicht.\r\n",
            From=IT,
            Subject="WG: Druck",
        ),
        email="bo@clinic.example",
        description="Es druckt nicht.",
    ),
    ticket(
        "forward in French",
        mail(
            "---------- Message transféré ---------\r\nDe : Bo <bo@clinic.example>\r\n"
            "Envoyé : lundi\r\nÀ : Ann\r\nObjet : Rien\r\n\r\nRien.\r\n",
            From=IT,
            Subject="TR: Rien",
        ),
        email="bo@clinic.example",
    ),
    ticket(
        "forward in Japanese",
        mail(
            "差出人: Bo <bo@clinic.example>\r\n送信日時: 月曜\r\n宛先: Ann\r\n件名: 紙\r\n\r\n紙がない\r\n",
            From=IT,
            Subject="FW: 紙",
            Content_Type="text/plain; charset=utf-8",
        ),
        email="bo@clinic.example",
    ),
    ticket(
        "forward by Apple Mail",
        mail(
            "Begin forwarded message:\r\n\r\n> From: Bo <bo@clinic.example>\r\n"
            "> Subject: No\r\n> Date: x\r\n> To: Ann\r\n> \r\n> Nothing.\r\n",
            From=IT,
            Subject="Fwd: No",
        ),
        email="bo@clinic.example",
        description="Nothing.",
    ),
    ticket(
        "forward with mailto",
        mail(
            "-----Original Message-----\r\nFrom: Bo [mailto:bo@clinic.example]\r\nSent: x\r\n"
            "To: y\r\nSubject: z\r\n\r\nNo.\r\n",
            From=IT,
            Subject="FW: z",
        ),
        email="bo@clinic.example",
    ),
    ticket(
        "forward where Outlook left the address out",
        mail("From: Bo Hall\r\nSent: x\r\nTo: y\r\nSubject: z\r\n\r\nNo.\r\n", From=IT, Subject="FW: z"),
        email="tom@it.example",
        candidate="Bo Hall",
    ),
    ticket(
        "an address in the text is no author",
        mail("Please call mia@clinic.example.\r\n", From=IT, Subject="FW: z"),
        email="tom@it.example",
    ),
    ticket(
        "forward as attachment",
        several(
            part("Take this."),
            part(mail("Inner.", From="bo@clinic.example", Subject="Inner"), "message/rfc822"),
            From=IT,
            Subject="Fwd: Inner",
        ),
        email="bo@clinic.example",
        summary="Inner",
        description="Inner.",
        files=["Inner.eml"],
    ),
    ticket(
        "forward as attachment with files",
        several(
            part(
                several(part("Inner."), file(PNG), From="bo@clinic.example", Subject="Inner", boundary="b9"),
                "message/rfc822",
            ),
            From=IT,
            Subject="Fwd: Inner",
        ),
        files=["Inner.eml", "screen.png"],
    ),
    ticket(
        "forward as .msg",
        several(
            part("Take."),
            file(
                outlook.msg(
                    {0x37: "Inner", 0x1000: "Nothing prints.", 0xC1A: "Bo", 0xC1F: "bo@clinic.example"},
                    {"log.txt": b"E1"},
                ),
                "application/vnd.ms-outlook",
                "Inner.msg",
            ),
            From=IT,
            Subject="FW: Inner",
        ),
        email="bo@clinic.example",
        description="Nothing prints.",
        files=["Inner.msg", "log.txt"],
    ),
    ticket(
        "resent by an agent",
        mail(Resent_From=IT, From="Bo <bo@clinic.example>"),
        email="bo@clinic.example",
        watchers=["tom@it.example"],
    ),
    ticket(
        "agent not proved",
        mail(f"-----Original Message-----\r\n{BLOCK}", From=IT, Subject="FW: x"),
        {"authserv_id": "mx.hospital.example"},
        email="tom@it.example",
        candidate="bo@clinic.example",
    ),
    ticket(
        "agent proved",
        mail(
            f"-----Original Message-----\r\n{BLOCK}",
            From=IT,
            Subject="FW: x",
            Authentication_Results="mx.hospital.example; dmarc=pass header.from=it.example",
        ),
        {"authserv_id": "mx.hospital.example"},
        email="bo@clinic.example",
    ),
    ticket(
        "agent proved by somebody else's server",
        mail(
            f"-----Original Message-----\r\n{BLOCK}",
            From=IT,
            Subject="FW: x",
            Authentication_Results="mx.evil.example; dmarc=pass header.from=it.example",
        ),
        {"authserv_id": "mx.hospital.example"},
        email="tom@it.example",
    ),
    # ── people ──
    ticket(
        "watchers",
        mail(Cc=f"{OWN}, Bo <bo@x.example>, ann.lee@ward.example, Bo <BO@x.example>"),
        watchers=["bo@x.example"],
    ),
    ticket("sixty in Cc", mail(Cc=", ".join(f"p{n}@x.example" for n in range(60))), watching=40),
    ticket("five thousand in Cc", mail(Cc=", ".join(f'"P {n}" <p{n}@x.example>' for n in range(5_000))), watching=40),
    ticket(
        "group in Cc",
        mail(Cc="Team: a@x.example, b@x.example;, c@x.example"),
        watchers=["a@x.example", "b@x.example", "c@x.example"],
    ),
    ticket(
        "list in Cc",
        mail(Cc="nurses@l.example, a@x.example", List_Post="<mailto:nurses@l.example>"),
        watchers=["a@x.example"],
    ),
    ticket(
        "blind copy",
        mail(To="Undisclosed recipients:;", Delivered_To="blind@hospital.example", Cc="blind@hospital.example"),
        watchers=[],
    ),
    ticket(
        "name with a comma",
        mail(From="=?utf-8?q?Lee=2C_Ann?= <ann@x.example>"),
        email="ann@x.example",
        person="Lee, Ann",
    ),
    ticket("comment as name", mail(From="ann@x.example (Ann Lee)"), email="ann@x.example", person="Ann Lee"),
    ticket("square brackets in the name", mail(From="Ann [Ward 5] <ann@x.example>"), email="ann@x.example"),
    ticket("From without address", mail(From="Ann", Reply_To="ann@x.example"), email="ann@x.example", noted="From"),
    ticket("From ends in a dot", mail(From="ann@x.example."), email="ann@x.example"),
    ticket("two From", b"From: Bo\r\n" + mail(), email="ann.lee@ward.example"),
    ticket("no From at all", mail(From=None), email="", noted="who wrote"),
    ticket("From a@", mail(From="a@", Return_Path="<bo@x.example>"), email="bo@x.example"),
    ticket("To: (c):", mail(To="(c):"), email="ann.lee@ward.example"),
    ticket(
        "Reply-To of a web form",
        mail(From="web@x.example", Reply_To="Bo <bo@x.example>"),
        {"reply_to": "use"},
        email="bo@x.example",
    ),
    ticket("Reply-To that nobody asked for", mail(Reply_To="evil@x.example"), email="ann.lee@ward.example"),
    ticket(
        "list that rewrites From",
        mail(From="'Ann' via Nurses <n@l.example>", X_Original_From="Ann <ann@x.example>"),
        email="ann@x.example",
    ),
    ticket("line break in a name", mail(From="=?utf-8?q?Ann=0D=0ABcc:_x?= <ann@x.example>"), person="Ann Bcc: x"),
    ticket("colleagues share an address", mail(From=OWN), {"own_mail": "ticket"}, email=OWN),
    # ── times and subjects ──
    ticket("no date", mail(Date=None, Received=RECEIVED), sent="2026-11-21T08:59:30"),
    ticket("date to come", mail(Date="Sat, 21 Nov 2099 09:59:00 +0100", Received=RECEIVED), sent="2026-11-21T08:59:30"),
    ticket("date that is none", mail(Date="31 Feb 99999 99:99 +9999"), kept_date="31 Feb 99999 99:99 +9999"),
    ticket("date with a colon in its zone", mail(Date="Sat, 21 Nov 2026 09:59:00 +01:00"), sent="2026-11-21T08:59:00"),
    ticket("date in German", mail(Date="Sa, 21 Nov 2026 09:59:00 +0100"), sent="2026-11-21T08:59:00"),
    ticket("no subject", mail("First line\r\nSecond\r\n", Subject=None), summary="First line"),
    ticket("empty subject", mail("First line\r\n", Subject=""), summary="First line"),
    ticket(
        "no subject, no text",
        several(file(PNG), Subject=None),
        summary="(no subject)",
        description="(no text; attached: screen.png)",
        files=["screen.png"],
    ),
    ticket("raw 8-bit subject", mail(Subject="Café Öl"), summary="Café Öl"),
    ticket("latin-1 subject", mail().replace(b"Label printer", b"Caf\xe9"), summary="Café"),
    ticket("word split within a character", mail(Subject="=?utf-8?b?w7w=?= =?utf-8?b?w7w=?="), summary="üü"),
    ticket("encoded word with a wrong charset", mail(Subject="=?x-nothing?q?a=FCb?="), summary="aüb"),
    ticket("broken base64 in a word", mail(Subject="=?utf-8?b?w7w?="), summary="ü"),
    ticket("subject of a megabyte", mail(Subject="x" * 1_000_000), summary_bytes=255),
    ticket("priority", mail(X_Priority="1 (Highest)"), urgency="high"),
    ticket("importance low", mail(Importance="Low"), urgency="low"),
    reply(
        "reply in HTML by Gmail",
        several(
            part("Ok.\r\n\r\n> old"),
            part(
                '<div>Ok.</div><div class="gmail_quote"><div '
                'class="gmail_attr">On x wrote</div><blockquote>old</blockquote></div>',
                "text/html",
            ),
            kind="alternative",
            In_Reply_To="<1@h>",
        ),
        text="Ok.",
    ),
    reply(
        "reply nested in related",
        several(
            nested(part("Hi."), part("<p>Hi.</p>", "text/html"), kind="alternative"),
            kind="related",
            In_Reply_To="<1@h>",
        ),
        text="Hi.",
    ),
]
