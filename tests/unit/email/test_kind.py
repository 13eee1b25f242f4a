"""Automatic mail: what makes no ticket, and what looks automatic and is not."""

from __future__ import annotations

import pytest

from connector.ticket import Ticket

from .build import OWN, counted, file, mail, part, read, reply, settings, several, ticket

FAILED = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\nStatus: 5.1.1\r\n"
DELAYED = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
BOTH = DELAYED + "\r\nFinal-Recipient: rfc822; c@d\r\nAction: failed\r\nStatus: 5.0.0\r\n"


def report(status: str, kind: str = "delivery-status") -> bytes:
    told = f'multipart/report; report-type={kind}; boundary="b0"'
    return several(
        part("It failed."), part(status, f"message/{kind}"), part(mail(), "message/rfc822"), Content_Type=told
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (report(FAILED), "bounce"),
        (report(DELAYED), "delayed delivery"),
        (report(BOTH), "bounce"),
        (several(part("It failed."), part(FAILED, "message/delivery-status")), "bounce"),
        (report("", "disposition-notification"), "read receipt"),
        (report("", "feedback-report"), "abuse report"),
        (mail(From="MAILER-DAEMON@x.example", Subject="Undelivered Mail Returned to Sender"), "bounce"),
        (mail(Return_Path="<>", Subject="Unzustellbar: Drucker"), "bounce"),
        (mail(Auto_Submitted="auto-replied"), "automatic reply"),
        (mail(Auto_Submitted="auto-replied; owner-email=a@b"), "automatic reply"),
        (mail(X_Autoreply="yes"), "automatic reply"),
        (mail(X_Autorespond="Out"), "automatic reply"),
        (mail(Precedence="auto_reply"), "automatic reply"),
        (mail(X_MS_Exchange_Inbox_Rules_Loop="a@b", X_Auto_Response_Suppress="All"), "automatic reply"),
        (mail(Subject="Automatic reply: Label printer", X_Auto_Response_Suppress="All"), "automatic reply"),
        (mail(Subject="Abwesenheitsnotiz: Drucker", Auto_Submitted="auto-generated"), "automatic reply"),
        (mail(Subject="Out of Office: x", In_Reply_To="<1@hospital.example>"), "automatic reply"),
        (mail(From=OWN), "own mail come back"),
        (mail(X_Loop=OWN.upper()), "own mail come back"),
        (mail("BEGIN:VCALENDAR", Content_Type="text/calendar; method=REQUEST"), "meeting"),
        (
            several(part("Meeting"), part("BEGIN:VCALENDAR", "text/calendar; method=REPLY"), kind="alternative"),
            "meeting",
        ),
    ],
)
def test_what_is_only_counted(data: bytes, reason: str) -> None:
    assert counted(data) == reason


@pytest.mark.parametrize(
    "fields",
    [
        {"X_Auto_Response_Suppress": "All"},  # Exchange puts it on ordinary mail
        {"X_Auto_Response_Suppress": "DR, OOF, AutoReply"},
        {"X_Auto_Response_Suppress": "None", "Subject": "Automatic reply wanted"},
        {"Auto_Submitted": "no"},
        {"Subject": "Out of office rules do not work"},
        {"Subject": "Undeliverable mail all day"},
        {"X_Autoreply": "no"},
    ],
)
def test_a_persons_mail_is_a_ticket(fields: dict[str, str]) -> None:
    assert "automatic" not in ticket(mail(**fields)).extra or "X_Autoreply" in fields


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Auto_Submitted": "auto-generated"}, "notification by a machine"),
        ({"Precedence": "bulk"}, "notification by a machine"),
        ({"Return_Path": "<>"}, "notification by a machine"),
        ({"X_ServiceNow_Generated": "true"}, "notification by a machine"),
        ({"List_Id": "Nurses <nurses.hospital.example>"}, "mailing list"),
        ({"Precedence": "list"}, "mailing list"),
        ({"List_Unsubscribe": "<https://x>"}, "mailing list"),
    ],
)
def test_machines_and_lists_make_tickets_that_say_so(fields: dict[str, str], kind: str) -> None:
    assert ticket(mail(**fields)).extra["automatic"] == kind


def test_a_calendar_file_that_a_person_attached_is_a_file() -> None:
    data = several(part("My shifts"), file(b"BEGIN:VCALENDAR", "text/calendar", "shifts.ics"))
    assert [each.name for each in ticket(data).attachments] == ["shifts.ics"]


def test_meetings_may_be_tickets() -> None:
    invitation = part("BEGIN:VCALENDAR", "text/calendar; method=REQUEST; name=invite.ics")
    found = read(several(part("Meeting"), invitation, kind="alternative"), calendar="ticket")
    assert isinstance(found, Ticket)
    assert (found.description, [each.name for each in found.attachments]) == ("Meeting", ["invite.ics"])


def test_settings_know_no_case() -> None:
    assert settings(agents=["IT.Example "]).agents == {"it.example"}


def test_a_machines_answer_in_a_talk_is_a_reply() -> None:
    assert reply(mail(Auto_Submitted="auto-generated", In_Reply_To="<x@y>")).thread == ("x@y",)
