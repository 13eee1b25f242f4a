"""From a mail to a ticket or a reply: ids, people, times, urgency, forwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector.plugins import Rejected
from connector.ticket import Channel, Urgency, fingerprint

from .build import OWN, PNG, file, mail, part, read, reply, several, ticket

AT = datetime(2026, 11, 21, 8, 59, tzinfo=UTC)
FORWARD = (
    "He is in a hurry.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Dr. Bo Hall <bo@clinic.example>\r\n"
    "Date: Fri, 20 Nov 2026\r\nSubject: No labels\r\nTo: <ann.lee@ward.example>\r\n\r\n\r\n"
    "Nothing prints. ETX 3097767.\r\n"
)


def test_a_mail_is_a_ticket() -> None:
    found = ticket(mail("SmartText ETX 3097767 is wrong for EPT 1234567.\r\n", X_Priority="1 (Highest)"))
    assert found.channel is Channel.EMAIL
    assert (found.source, found.summary) == ("mail", "Label printer")
    assert (found.requester.name, found.requester.email) == ("Ann Lee", "ann.lee@ward.example")
    assert found.submitted_at == AT
    assert found.urgency is Urgency.HIGH
    assert [str(record) for record in found.records] == ["ETX 3097767"]
    assert [str(record) for record in found.phi.records] == ["EPT 1234567"]


@pytest.mark.parametrize(
    ("fields", "urgency"),
    [
        ({}, Urgency.MEDIUM),
        ({"X_Priority": "3"}, Urgency.MEDIUM),
        ({"X_Priority": "5 (Lowest)"}, Urgency.LOW),
        ({"Importance": "High"}, Urgency.HIGH),
        ({"Importance": "low"}, Urgency.LOW),
        ({"Priority": "urgent"}, Urgency.HIGH),
        ({"Priority": "non-urgent"}, Urgency.LOW),
        ({"X_Priority": "whatever", "Importance": "high"}, Urgency.HIGH),
    ],
)
def test_urgency(fields: dict[str, str], urgency: Urgency) -> None:
    assert ticket(mail(**fields)).urgency is urgency


def test_the_id_is_the_message_id_and_what_the_mail_says() -> None:
    one, other = ticket(mail("first parcel")), ticket(mail("second parcel"))
    assert one.external_id.startswith("one@ward.example#")
    assert one.external_id != other.external_id  # senders that use one Message-ID for all
    assert one.thread == ("one@ward.example", one.external_id)
    assert other.thread[0] == one.thread[0]


def test_what_relays_and_mailboxes_add_changes_no_id() -> None:
    again = mail(Received="from a by b; Sat, 21 Nov 2026 09:59:30 +0100", Status="RO", X_Keywords="seen")
    assert ticket(again).external_id == ticket(mail()).external_id
    assert ticket(mail().replace(b"\r\n", b"\n") + b"\n").external_id == ticket(mail()).external_id


def test_without_a_message_id_the_content_is_the_id() -> None:
    found = ticket(mail(Message_ID=None))
    assert found.external_id.endswith("@generated")
    assert found.thread == (found.external_id,)
    assert found.external_id == ticket(mail(Message_ID="<>")).external_id
    assert found.external_id != ticket(mail("other", Message_ID=None)).external_id


def test_reading_the_same_mail_at_another_time_changes_nothing() -> None:
    received = {"Received": "from a by b; Sat, 21 Nov 2026 09:59:30 +0100", "Date": None}
    assert fingerprint(ticket(mail(**received), at=1.0)) == fingerprint(ticket(mail(**received), at=9e8))
    assert fingerprint(ticket(mail(), at=2e9)) == fingerprint(ticket(mail(), at=None))


def test_a_mail_that_answers_is_a_reply_with_what_is_new() -> None:
    text = "Works.\r\n\r\nOn Sat, 21 Nov 2026 at 09:59, Help Desk wrote:\r\n> ok?\r\n"
    data = mail(text, In_Reply_To="<c@h>", References="<a@H>, <b@h>\r\n <c@h>", Message_ID="<d@w>", Subject="Re: x")
    found = reply(data)
    assert found.thread == ("c@h", "b@h", "a@h")
    assert (found.comment.text, found.comment.author.email) == ("Works.", "ann.lee@ward.example")
    assert found.comment.id == found.ticket.external_id
    assert found.comment.at == AT
    assert found.ticket.thread == ("d@w", found.comment.id, "c@h", "b@h", "a@h")
    assert "> ok?" in found.ticket.description  # alone it is a first mail, and that is never cut


def test_a_reply_of_files_only() -> None:
    found = reply(several(file(PNG), In_Reply_To="<x@y>"))
    assert found.comment.text == "(no text; attached: screen.png)"
    assert found.comment.attachments == found.ticket.attachments


def test_a_mail_that_answers_itself_is_a_ticket() -> None:
    found = ticket(mail(In_Reply_To="<one@ward.example>"))
    assert found.thread == ("one@ward.example", found.external_id)


@pytest.mark.parametrize(
    ("fields", "email", "name"),
    [
        ({"From": None, "Reply_To": "Bo <bo@x.example>"}, "bo@x.example", "Bo"),
        ({"From": "Ann", "Return_Path": "<ann@x.example>"}, "ann@x.example", ""),
        ({"From": "a@", "Sender": "bo@x.example"}, "bo@x.example", ""),
        ({"Reply_To": "Bo <bo@x.example>"}, "ann.lee@ward.example", "Ann Lee"),
        ({"From": "Ann via Nurses <nurses@x.example>", "Reply_To": "ann@x.example"}, "ann@x.example", "Ann"),
        (
            {"From": "'Ann' via Nurses <nurses@x.example>", "X_Original_From": "Ann <ann@x.example>"},
            "ann@x.example",
            "Ann",
        ),
        ({"From": "Ann via N <n@x.example>", "X_Original_Sender": "ann@x.example"}, "ann@x.example", "Ann"),
        ({"From": None}, "", ""),
        ({"From": "=?utf-8?q?Lee=2C_Ann?= <A@X.example>"}, "a@x.example", "Lee, Ann"),
    ],
)
def test_the_sender(fields: dict[str, str | None], email: str, name: str) -> None:
    found = ticket(mail(**fields)).requester
    assert (found.email, found.name) == (email, name)


def test_reply_to_by_setting_but_never_of_machines_or_ourselves() -> None:
    form = {"From": "web@x.example", "Reply_To": "Bo <bo@x.example>"}
    assert ticket(mail(**form), reply_to="use").requester.email == "bo@x.example"
    assert ticket(mail(**form, Auto_Submitted="auto-generated"), reply_to="use").requester.email == "web@x.example"
    assert ticket(mail(From="web@x.example", Reply_To=OWN), reply_to="use").requester.email == "web@x.example"


def test_a_sender_from_another_field_is_noted() -> None:
    assert any("Reply-To" in note for note in ticket(mail(From=None, Reply_To="bo@x.example")).notes)


def test_watchers_are_those_in_cc_but_not_ourselves() -> None:
    people = ", ".join(f"P{n} <p{n}@x.example>" for n in range(60))
    data = mail(Cc=f"{OWN.upper()}, ann.lee@ward.example, {people}, P1 <p1@x.example>")
    found = ticket(data)
    assert [person.email for person in found.watchers] == [f"p{n}@x.example" for n in range(40)]
    assert any("Cc" in note for note in found.notes)
    assert len(ticket(data, watchers=3).watchers) == 3


@pytest.mark.parametrize(
    ("fields", "at", "sent"),
    [
        ({"Date": None}, 1e9, datetime.fromtimestamp(1e9, UTC)),
        ({"Date": None, "Received": "from a by b; Sat, 21 Nov 2026 09:59:00 +0100"}, 1e9, AT),
        ({"Date": "Sat, 21 Nov 2099 09:59:00 +0100", "Received": "x; Sat, 21 Nov 2026 08:59:00 GMT"}, None, AT),
        ({"Date": "nonsense"}, None, None),
        ({"Date": None}, 1e300, None),
        ({"Date": "Sat, 21 Nov 2026 02:59:00"}, None, AT),
    ],
)
def test_times(fields: dict[str, str | None], at: float | None, sent: datetime | None) -> None:
    assert ticket(mail(**fields), at=at, timezone="America/Chicago").submitted_at == sent


def test_a_date_that_is_not_believed_is_kept() -> None:
    assert ticket(mail(Date="nonsense")).extra["date"] == "nonsense"
    assert "date" not in ticket(mail()).extra


def test_no_subject() -> None:
    assert ticket(mail("First line\nSecond", Subject=None)).summary == "First line"
    assert ticket(mail("", Subject=None, Content_Type="image/png")).summary == "(no subject)"
    assert ticket(mail("x", Subject="=?utf-8?q?a=0D=0AB: c?=")).summary == "a B: c"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not-a-mail"),
        (b"\0" * 100, "not-a-mail"),
        (b"PK\x03\x04 some zip: file\n\n", "not-a-mail"),
        (b"just text\nwithout a header\n", "not-a-mail"),
        (mail("  \r\n", Subject=None), "empty-mail"),
    ],
)
def test_what_is_no_mail_is_refused_by_name(data: bytes, code: str) -> None:
    found = read(data)
    assert isinstance(found, Rejected)
    assert (found.finding.code, found.finding.where) == (code, "inbox/1.eml")
    assert found.finding.remedy


def test_an_agents_forward_asks_for_the_original_author() -> None:
    found = ticket(mail(FORWARD, Subject="Fwd: No labels", References="<orig@clinic.example>"), agents=["ward.example"])
    assert (found.requester.name, found.requester.email) == ("Dr. Bo Hall", "bo@clinic.example")
    assert [person.email for person in found.watchers] == ["ann.lee@ward.example"]
    assert (found.summary, found.description) == ("No labels", "Nothing prints. ETX 3097767.")
    assert [(note.text, note.public) for note in found.comments] == [("He is in a hurry.", False)]
    assert found.comments[0].author.email == "ann.lee@ward.example"
    assert found.thread == ("one@ward.example", found.external_id, "orig@clinic.example")
    assert "bo@clinic.example" in found.extra["forwarded"]


def test_anybody_else_who_forwards_stays_the_requester() -> None:
    found = ticket(mail(FORWARD, Subject="Fwd: No labels"), agents=["it.example"])
    assert found.requester.email == "ann.lee@ward.example"
    assert found.extra["original_author"] == "bo@clinic.example"
    assert "He is in a hurry." in found.description
    assert "Nothing prints." in found.description


@pytest.mark.parametrize("prefix", ["Fw:", "FWD:", "WG:", "TR:", "RV:", "I:", "VS:", "Doorst:", "Re: Fwd:"])
def test_the_prefixes_of_forwards(prefix: str) -> None:
    data = mail(FORWARD, Subject=f"{prefix} No labels", In_Reply_To="<x@y>")
    found = read(data, agents=["ward.example"])
    if prefix.startswith("Re:"):  # an answer to a forward is an answer
        assert not hasattr(found, "requester")
    else:
        assert found.summary == "No labels"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("head", "email"),
    [
        ("Von: Bo Hall [mailto:bo@clinic.example]\nGesendet: Freitag\nAn: Ann\nBetreff: x", "bo@clinic.example"),
        ("De : Bo Hall <bo@clinic.example>\nEnvoyé : vendredi\nÀ : Ann\nObjet : x", "bo@clinic.example"),
        ("*From:* bo@clinic.example\n*Sent:* Friday\n*To:* Ann\n*Subject:* x", "bo@clinic.example"),
        ("> From: Bo <bo@clinic.example>\n> Date: Friday\n> To: Ann\n> Subject: x", "bo@clinic.example"),
        ("From: Bo Hall\nSent: Friday\nTo: Ann\nSubject: x", "ann.lee@ward.example"),  # a name is not enough
    ],
)
def test_forwarded_header_blocks(head: str, email: str) -> None:
    text = f"Call cleo@other.example about this.\n\n{head}\n\nNothing prints.\n"
    found = ticket(mail(text, Subject="WG: x"), agents=["ann.lee@ward.example"])
    assert found.requester.email == email


def test_a_forward_behind_quote_marks_is_read_without_them() -> None:
    block = "> From: Bo [mailto:bo@c.example]\n> Date: Friday\n> To: Ann\n>\n> No labels.\n"
    text = f"See.\n\nBegin forwarded message:\n\n{block}"
    found = ticket(mail(text, Subject="Fwd: x"), agents=["ward.example"])
    assert (found.requester.name, found.description) == ("Bo", "No labels.")
    assert [note.text for note in found.comments] == ["See."]


def test_a_mail_forwarded_as_attachment() -> None:
    inner = several(
        part("Nothing prints."), file(PNG), boundary="b1", From="Bo <bo@clinic.example>", Subject="No labels"
    )
    data = several(part("See attached."), part(inner, "message/rfc822"), Subject="Fwd: No labels")
    found = ticket(data, agents=["@ward.example"])
    assert (found.requester.email, found.description) == ("bo@clinic.example", "Nothing prints.")
    assert [each.name for each in found.attachments] == ["No labels.eml", "screen.png"]
    assert [note.text for note in found.comments] == ["See attached."]


def test_a_forward_prefix_without_a_forwarded_mail_is_an_ordinary_ticket() -> None:
    found = ticket(mail("Please call bo@clinic.example.", Subject="Fwd: x"), agents=["ward.example"])
    assert (found.requester.email, found.summary) == ("ann.lee@ward.example", "Fwd: x")
