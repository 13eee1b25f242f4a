"""Who is told, and who never is; what settings refuse; what messages may hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connector import survey
from connector.answering import Answers, Event, Notice, Silence, Way, is_address, mailbox, person_of, recipient, unfit
from connector.errors import SettingsError
from connector.mapping import messages
from connector.ticket import Channel, Conversation, Person, PersonKind, Phi, Ticket

SMTP = {"host": "mail.example.org", "sender": "help@example.org"}
ANSWERS = Answers.model_validate({"smtp": SMTP, "sources": {"mail": {"by": "mail"}}})
BY_MAIL = ANSWERS.sources["mail"]
SHIPPED = Path(__file__).parents[3] / "mappings" / "messages"


def ticket(**more: object) -> Ticket:
    own = {"source": "mail", "external_id": "a", "channel": Channel.EMAIL, "summary": "Screen is slow"}
    return Ticket.model_validate({"requester": Person(name="Bea", email="bea@example.org"), **own, **more})


@pytest.mark.parametrize(
    "address",
    [
        *("no-reply@x.org", "NoReply@x.org", "do_not_reply@x.org", "donotreply+1@x.org", "alerts.no-reply@x.org"),
        *("mailer-daemon@x.org", "postmaster@x.org", "bounce-17@x.org", "list-bounces@x.org", "owner-list@x.org"),
        *(
            "list-request@x.org",
            "prvs=1=bea@x.org",
            "",
            "bea",
            "a@b@c",
            "bea@x.org, carl@x.org",
            "bea@x.org\nBcc: a@b.c",
        ),
        *("<bea@x.org>", "help@example.org", "never@x.org", "any@bad.org"),
        "=?utf-8?q?=0a?=@x.org",
    ],
)
def test_no_mail_goes_there(address: str) -> None:
    answers = ANSWERS.model_copy(update={"never": ("never@x.org", "bad.org")})
    assert unfit(address.lower(), answers, frozenset({"help@example.org"}))


@pytest.mark.parametrize(
    "address", ["bea@example.org", "o'neil@x.org", "jörg@example.org", "reply.bea@x.org", "a+b@x.org"]
)
def test_a_person_reads_mail_there(address: str) -> None:
    assert unfit(address, ANSWERS, frozenset()) == ""


def test_mail_leaves_only_to_domains_that_are_named() -> None:
    answers = ANSWERS.model_copy(update={"domains": ("Example.org",)})
    assert unfit("bea@example.org", answers, frozenset()) == ""
    assert unfit("bea@example.com", answers, frozenset())
    assert unfit("bea@evil.example.org", answers, frozenset())


@pytest.mark.parametrize(
    "kept",
    [
        {"extra": {"automatic": "mailing list"}},
        {"extra": {"list": "<all>"}},
        {"extra": {"unanswered": "oof"}},
        {"requester": Person(kind=PersonKind.PATIENT, email="pat@example.org")},
        {"requester": Person(name="Nobody")},
    ],
)
def test_who_is_told_nothing(kept: dict[str, object]) -> None:
    assert isinstance(recipient(ticket(**kept), BY_MAIL, ANSWERS, frozenset()), Silence)


def test_a_bot_answers_in_the_talk() -> None:
    way = Way.model_validate({"by": "slack", "token": "env:X"})
    talk = ticket(conversation=Conversation(id="C1:17.5", platform="slack"))
    assert recipient(talk, way, ANSWERS, frozenset()).address == "C1:17.5"  # type: ignore[union-attr]
    assert isinstance(recipient(ticket(), way, ANSWERS, frozenset()), Silence)


def test_one_person_is_one_in_every_channel() -> None:
    assert person_of(ticket()) == person_of(ticket(source="button", requester=Person(email="BEA@example.org ")))
    assert person_of(ticket(requester=Person())) != person_of(ticket(requester=Person(), external_id="b"))


@given(st.text(max_size=80))
def test_an_address_holds_nothing_that_a_header_is_made_of(text: str) -> None:
    if is_address(text):
        assert text.count("@") == 1
        assert not any(letter in text for letter in '\r\n ,;<>"\0')
    name, address = mailbox(text)
    assert "\n" not in name or not address


@pytest.mark.parametrize(
    "wrong",
    [
        {"sources": {"mail": {"by": "mail"}}},
        {"sources": {"b": {"by": "callback", "url": "https://x.org"}}},
        {"sources": {"b": {"by": "slack"}}},
        {"sources": {"b": {"by": "webhook"}}},
        {"survey": "https://x.org/none"},
        {"survey": "javascript:{token}"},
        {"smtp": {**SMTP, "tls": "none"}},
        {"smtp": {**SMTP, "username": "x"}},
        {"smtp": {**SMTP, "password": "env:X"}},
        {"smtp": {**SMTP, "sender": "nobody"}},
        {"smtp": {**SMTP, "sender": "a@b.org\nBcc: x@y.org"}},
        {"per_hour": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Answers.model_validate(wrong)


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def shipped() -> messages.Messages:
    return messages.load(SHIPPED)


def test_there_is_a_file_for_every_message() -> None:
    assert {path.stem for path in SHIPPED.glob("*.yaml")} == {*(event.value for event in Event), *messages.INTERNAL}


@pytest.mark.parametrize("event", [*(event.value for event in Event), *messages.INTERNAL])
@given(text=st.text(max_size=60) | st.sampled_from(["{{ 7*7 }}", "{% for x in y %}", "a\r\nBcc: b", "x" * 50_000]))
def test_every_message_can_be_made_of_anything(shipped: messages.Messages, event: str, text: str) -> None:
    own = ticket(summary=text)
    notice = Notice(
        event=event, name=text, number=text, url=text, status=text, resolution=text, text=text, problem=text
    )
    for made in (shipped.render(own, notice, {}), shipped.render(own, Notice(event=event), {})):
        assert isinstance(made, messages.Message)
        assert "\n" not in made.subject
        assert len(made.subject) <= messages.SUBJECT_LIMIT
        assert len(made.text) <= messages.TEXT_LIMIT
        assert "49" not in made.text or "49" in text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{{ phi.mrn }}", "unknown-field"),
        ("{{ extra.anything }}", "unknown-field"),
        ("{{ notice.nummer }}", "unknown-field"),
        ("{{ ''.__class__ }}", "bad-path"),
        ("{{ range(9) }}", "not-allowed"),
        ("{% include 'x' %}", "not-allowed"),
    ],
)
def test_what_a_message_may_not_hold_is_found_with_its_line(tmp_path: Path, text: str, code: str) -> None:
    (tmp_path / "resolved.yaml").write_text(f'subject: "x"\ntext: |\n  Hello\n  {text}\n', "utf-8")
    with pytest.raises(SettingsError) as found:
        messages.load(tmp_path)
    first = found.value.findings[0]
    assert (first.code, first.where.rpartition(":")[2]) == (code, "4")


def test_a_message_that_has_no_name_is_found(tmp_path: Path) -> None:
    (tmp_path / "resolvd.yaml").write_text('subject: "x"\ntext: "y"\n', "utf-8")
    with pytest.raises(SettingsError, match="did you mean"):
        messages.load(tmp_path)


def test_no_patient_is_named_in_a_message(shipped: messages.Messages) -> None:
    own = ticket(phi=Phi(mrn="00481516", name="Eleanor Vance"))
    for event in Event:
        made = shipped.render(own, Notice(event=event.value), {})
        assert isinstance(made, messages.Message)
        assert "00481516" not in made.text + made.subject + made.chat


# ── the survey's token ───────────────────────────────────────────────────────────────────────────────────────────


@given(st.integers(0, 2**40), st.text(max_size=40))
def test_a_token_names_its_ticket_and_no_other_can_be_made(number: int, other: str) -> None:
    token = survey.token(b"secret", number)
    assert survey.ticket_of(b"secret", token) == number
    assert survey.ticket_of(b"other", token) is None
    assert survey.ticket_of(b"secret", other) is None
