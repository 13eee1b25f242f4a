"""What machines send: bounces, absences, lists, notices, loops, meetings, receipts; and what only looks like it."""

from __future__ import annotations

from tests.unit.email.build import OWN, PNG, file, mail, part, several

from .case import Case, counted, reply, ticket

FAILED = (
    "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; gone@x.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    "Diagnostic-Code: smtp; 550 no such user\r\n"
)
DELAYED = "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; slow@x.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n"
DELIVERED = (
    "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: delivered\r\nStatus: 2.0.0\r\n"
)
OURS = mail("Our answer.", From=OWN, Message_ID="<notice@hospital.example>", In_Reply_To="<first@ward.example>")
HEADERS = OURS.partition(b"\r\n\r\n")[0]


def report(status: str, *more: bytes, kind: str = "delivery-status") -> bytes:
    told = f'multipart/report; report-type={kind}; boundary="b0"'
    head = {"From": "MAILER-DAEMON@mx.example", "Subject": "Undelivered Mail Returned to Sender", "Return_Path": "<>"}
    parts = (part("It failed."), part(status, f"message/{kind}"), *more)
    return several(*parts, Content_Type=told, Message_ID="<r@mx>", **head)


SECOND = FAILED.partition("\r\n\r\n")[2]
MACHINES: list[Case] = [
    # ── bounces ──
    reply(
        "bounce with the mail",
        report(FAILED, part(OURS, "message/rfc822")),
        otherwise="bounce",
        internal=True,
        answers=["notice@hospital.example", "first@ward.example"],
        says=["gone@x.example: failed (5.1.1, 550 no such user)"],
    ),
    reply(
        "bounce with headers alone",
        report(FAILED, part(HEADERS, "text/rfc822-headers")),
        otherwise="bounce",
        answers=["notice@hospital.example", "first@ward.example"],
    ),
    reply(
        "bounce in base64",
        report(FAILED, part(OURS, "message/rfc822")).replace(b"\r\n\r\nReporting", b"\r\n\r\nReporting"),
        otherwise="bounce",
    ),
    reply(
        "several recipients, one failed",
        report(f"{DELAYED}\r\n{SECOND}", part(OURS, "message/rfc822")),
        otherwise="bounce",
        says=["slow@x.example: delayed", "gone@x.example: failed"],
    ),
    reply("delayed", report(DELAYED, part(OURS, "message/rfc822")), otherwise="delayed delivery", internal=True),
    counted("bounce of nothing known", report(FAILED), "bounce"),
    counted("delivered", report(DELIVERED, part(OURS, "message/rfc822")), "read receipt"),
    counted(
        "bounce of qmail",
        mail("Hi. This is the qmail-send program.", From="MAILER-DAEMON@x.example", Subject="failure notice"),
        "bounce",
    ),
    counted("bounce by its envelope", mail(Return_Path="<>", Subject="Unzustellbar: Drucker"), "bounce"),
    counted("bounce without a report type", several(part("x"), part(FAILED, "message/delivery-status")), "bounce"),
    counted("receipt", report("Disposition: x; displayed", kind="disposition-notification"), "read receipt"),
    counted(
        "receipt without a type", several(part("read"), part("x", "message/disposition-notification")), "read receipt"
    ),
    counted("abuse report", report("Feedback-Type: abuse", kind="feedback-report"), "abuse report"),
    # ── absences ──
    reply(
        "away, in a talk",
        mail("I am away.", Auto_Submitted="auto-replied", In_Reply_To="<n@h>"),
        otherwise="automatic reply",
        internal=True,
        says=["I am away."],
    ),
    reply(
        "away with a logo",
        several(part("Away."), file(PNG), Auto_Submitted="auto-replied", References="<n@h>"),
        otherwise="automatic reply",
        files=["screen.png"],
    ),
    counted("away", mail("I am away.", Auto_Submitted="auto-replied"), "automatic reply"),
    counted("away by Precedence", mail(Precedence="auto_reply"), "automatic reply"),
    counted("away by X-Autoreply", mail(X_Autoreply="yes"), "automatic reply"),
    counted("away by X-Autorespond", mail(X_Autorespond="Away"), "automatic reply"),
    counted("away by X-Auto-Reply-From", mail(X_Auto_Reply_From="a@b"), "automatic reply"),
    counted("away by X-Mail-Autoreply", mail(X_Mail_Autoreply="1"), "automatic reply"),
    counted(
        "away by Exchange",
        mail(X_MS_Exchange_Inbox_Rules_Loop="a@b", X_Auto_Response_Suppress="All"),
        "automatic reply",
    ),
    counted(
        "away by its subject and a wish",
        mail(Subject="Automatic reply: x", X_Auto_Response_Suppress="All"),
        "automatic reply",
    ),
    counted("away in German", mail(Subject="Abwesenheitsnotiz: x", Auto_Submitted="auto-generated"), "automatic reply"),
    counted("away in French", mail(Subject="Réponse automatique : x", Precedence="bulk"), "automatic reply"),
    reply(
        "away in answer to us",
        mail(Subject="Out of Office: x", In_Reply_To="<1@hospital.example>"),
        otherwise="automatic reply",
    ),
    # ── lists, notices ──
    ticket("notice", mail(Auto_Submitted="auto-generated"), automatic="notification by a machine"),
    ticket("notice of Windows", mail(X_FC_MachineGenerated="true"), automatic="notification by a machine"),
    ticket("notice of ServiceNow", mail(X_ServiceNow_Generated="true"), automatic="notification by a machine"),
    ticket("notify", mail(Auto_Submitted="auto-notified"), automatic="notification by a machine"),
    ticket("bulk", mail(Precedence="bulk"), automatic="notification by a machine"),
    ticket("junk", mail(Precedence="junk"), automatic="notification by a machine"),
    ticket("list", mail(List_Id="Nurses <nurses.l.example>"), automatic="mailing list"),
    ticket("list by Precedence", mail(Precedence="list"), automatic="mailing list"),
    ticket("newsletter", mail(List_Unsubscribe="<https://x>"), automatic="mailing list"),
    ticket("campaign", mail(Feedback_ID="1:x:y"), automatic="mailing list"),
    ticket("empty return path", mail(Return_Path="<>"), automatic="notification by a machine"),
    ticket(
        "postmaster writes",
        mail(From="postmaster@x.example", Subject="New rules"),
        automatic="notification by a machine",
    ),
    reply("a machine answers in a talk", mail(Auto_Submitted="auto-generated", In_Reply_To="<x@y>"), answers=["x@y"]),
    # ── loops ──
    counted("loop by its sender", mail(From=f"Help <{OWN.upper()}>"), "own mail come back"),
    counted("loop by X-Loop", mail(X_Loop=OWN), "own mail come back"),
    # ── meetings ──
    counted("invitation", mail("BEGIN:VCALENDAR", Content_Type="text/calendar; method=REQUEST"), "meeting"),
    counted(
        "acceptance",
        several(part("Yes"), part("BEGIN:VCALENDAR", "text/calendar; method=REPLY"), kind="alternative"),
        "meeting",
    ),
    counted(
        "cancelled",
        several(part("No"), part("BEGIN:VCALENDAR", "text/calendar; method=CANCEL"), kind="alternative"),
        "meeting",
    ),
    ticket(
        "invitation as a ticket",
        several(
            part("Meeting"),
            part("BEGIN:VCALENDAR", "text/calendar; method=REQUEST; name=invite.ics"),
            kind="alternative",
        ),
        {"calendar": "ticket"},
        files=["invite.ics"],
        description="Meeting",
    ),
    ticket(
        "shifts as a file",
        several(part("My shifts"), file(b"BEGIN:VCALENDAR", "text/calendar", "shifts.ics")),
        files=["shifts.ics"],
    ),
    # ── what only looks automatic ──
    ticket("a wish about our answer", mail(X_Auto_Response_Suppress="All"), automatic=""),
    ticket("another wish", mail(X_Auto_Response_Suppress="DR, OOF, AutoReply"), automatic=""),
    ticket("no wish", mail(X_Auto_Response_Suppress="None", Subject="Automatic reply wanted"), automatic=""),
    ticket("not submitted by a machine", mail(Auto_Submitted="no"), automatic=""),
    ticket("about absences", mail(Subject="Out of office rules do not work"), automatic=""),
    ticket("about bounces", mail(Subject="Undeliverable mail all day"), automatic=""),
    ticket("rules of Exchange alone", mail(X_MS_Exchange_Inbox_Rules_Loop="a@b"), automatic=""),
    ticket(
        "a bounce that a person sends on",
        several(part("Look."), part(report(FAILED), "message/rfc822"), Subject="Bounces", boundary="b7"),
        automatic="",
        file_count=1,
    ),
]
