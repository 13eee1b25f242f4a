"""Shielding a whole ticket, and the views that sinks get of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.phi import Audit, clear, shield, shield_with_audit
from connector.phi.known import Known
from connector.phi.shield import WITHHELD, WITHHELD_NOTE
from connector.phi.span import PhiKind, Span
from connector.phi.texts import texts
from connector.plugins import Clearance
from connector.ticket import (
    EMPTY_PHI,
    Attachment,
    BuildRecord,
    Channel,
    Comment,
    Context,
    Conversation,
    Person,
    PersonKind,
    Phi,
    Ticket,
    Turn,
)

Make = Callable[..., Ticket]
ROE = Phi(mrn="00445566", name="Roe, Jane", birth_date="1980-03-05")


def test_a_ticket_without_patient_data_is_the_same_object(ticket: Make) -> None:
    plain = ticket(description="ETX 3097767 freezes on WS-4N-017, call me at 608-555-0142", tags=("printing",))
    assert shield(plain) is plain
    assert clear(plain, Clearance.FULL) is plain


def test_every_text_is_shielded_and_given_back(ticket: Make) -> None:
    name = "Jane Roe"
    said = ticket(
        summary=f"Chart of {name}",
        description=f"{name} is locked",
        steps_tried=(f"searched {name}",),
        context=Context(error_text=f"no {name}", workspace=name, activity=name, url="https://ehr/?mrn=445566"),
        attachments=(Attachment.of("Roe_Jane_445566.png", b"x"),),
        comments=(Comment(id="c1", text=f"again {name}", attachments=(Attachment.of("Roe.log", b"y"),)),),
        conversation=Conversation(
            id="t", platform="rasa", slots={"who": name}, turns=(Turn(speaker="user", text=name),)
        ),
        phi=ROE,
    )
    shielded = shield(said)
    everything = json.dumps(clear(shielded, Clearance.NONE).model_dump(mode="json")).lower()
    assert "roe" not in everything
    assert "445566" not in everything
    back = clear(shielded, Clearance.FULL)
    assert texts(back) == texts(said)
    assert back.model_copy(update={"phi": said.phi}) == said


def test_tokens_are_the_same_in_all_texts_and_show_a_second_spelling(ticket: Make) -> None:
    shielded = shield(ticket(summary="MRN 00445566", description="445566 and MRN 777888; Jane Roe, Mrs Roe", phi=ROE))
    assert shielded.summary == "MRN [MRN_1]"
    assert shielded.description == "[MRN_1.2] and MRN [MRN_2]; [NAME_1], Mrs [NAME_1.2]"
    assert shielded.phi.tokens == {
        "[MRN_1]": "00445566",
        "[MRN_1.2]": "445566",
        "[MRN_2]": "777888",
        "[NAME_1]": "Jane Roe",
        "[NAME_1.2]": "Roe",
    }


def test_what_a_cue_gave_away_once_is_removed_everywhere(ticket: Make) -> None:
    shielded = shield(ticket(summary="445566 is locked", description="The MRN is 445566"))
    assert shielded.summary == "[MRN_1] is locked"


def test_a_comment_that_comes_later_gets_the_same_tokens(ticket: Make) -> None:
    first = shield(ticket(description="MRN 445566, pt Jane Roe"))
    later = first.model_copy(update={"comments": (Comment(id="c", text="445566 works, MRN 777888 does not"),)})
    assert shield(later).comments[0].text == "[MRN_1] works, MRN [MRN_2] does not"


def test_text_that_looks_like_a_token_gets_no_meaning(ticket: Make) -> None:
    said = ticket(description="we saw [MRN_1] on MRN 445566")
    shielded = shield(said)
    assert shielded.description == "we saw [MRN_1] on MRN [MRN_2]"
    assert clear(shielded, Clearance.FULL).description == said.description


def test_a_second_spelling_does_not_take_a_token_that_the_text_wrote_itself(ticket: Make) -> None:
    said = ticket(description="MRN 445566, MRN 00445566, not [MRN_1.2]")
    shielded = shield(said)
    assert shielded.description == "MRN [MRN_1], MRN [MRN_1.3], not [MRN_1.2]"
    assert clear(shielded, Clearance.FULL).description == said.description


def test_the_note_and_the_slots_say_whom_to_look_for(ticket: Make) -> None:
    noted = shield(ticket(description="222333 is wrong", phi=Phi(note="MRN 222333")))
    assert noted.description == "[MRN_1] is wrong"
    talk = Conversation(id="t", platform="rasa", slots={"patient_name": "jane roe", "mrn": "9911"})
    talked = shield(ticket(description="9911, jane", conversation=talk))
    assert talked.description == "[MRN_1], [NAME_1.2]" or talked.description == "[MRN_1], [NAME_1]"
    assert talked.conversation is not None
    assert "jane roe" not in talked.conversation.slots.values()


def test_records_of_a_patient_go_to_the_compartment(ticket: Make) -> None:
    build, patient = BuildRecord(type="ETX", id="3097767"), BuildRecord(type="EPT", id="Z1234567")
    shielded = shield(ticket(description="ETX 3097767 for Z1234567", records=(build, patient)))
    assert shielded.records == (build,)
    assert shielded.phi.records == (patient,)
    assert shielded.description == "ETX 3097767 for [RECORD_1]"


def test_no_sink_sees_the_compartment_or_what_nobody_mapped(ticket: Make) -> None:
    cleared = clear(shield(ticket(description="MRN 445566", phi=ROE, extra={"ward": "4N"})), Clearance.NONE)
    assert cleared.phi == EMPTY_PHI
    assert cleared.extra == {}
    full = clear(shield(ticket(phi=ROE, extra={"ward": "4N"})), Clearance.FULL)
    assert (full.phi.mrn, full.extra) == (ROE.mrn, {"ward": "4N"})


def test_a_patient_who_asks_is_not_named(ticket: Make) -> None:
    asker = Person(kind=PersonKind.PATIENT, name="Jane Roe", email="jane@mail.example", phone="608-555-0188")
    said = ticket(
        description="I am Jane Roe, jane@mail.example, call me at 608 555 0188",
        requester=asker,
        comments=(Comment(id="c", author=asker, text="thanks"),),
    )
    cleared = clear(shield(said), Clearance.NONE)
    assert cleared.requester == cleared.comments[0].author == Person(kind=PersonKind.PATIENT)
    assert cleared.description == "I am [NAME_1], [EMAIL_1], call me at [PHONE_1]"


def test_repr_hides_the_compartment_and_its_tokens(ticket: Make) -> None:
    shielded = shield(ticket(description="445566 Jane Roe", phi=ROE, extra={"bed": "patient Jane Roe"}))
    for shown in (repr(shielded), str(shielded), repr(shielded.phi), f"{shielded.phi}"):
        assert "445566" not in shown
        assert "Roe" not in shown


class Failing:
    def detect(self, text: str, known: Known) -> Sequence[Span]:
        raise RecursionError("445566")


def test_a_failing_detector_withholds_the_text_and_keeps_the_context(ticket: Make) -> None:
    said = ticket(
        summary="Chart of Jane Roe",
        description="445566",
        context=Context(workstation="WS-4N-017", error_text="Jane Roe"),
        comments=(Comment(id="c", text="Jane Roe"),),
        records=(BuildRecord(type="EPT", id="Z1"),),
        phi=ROE,
    )
    shielded, audit = shield_with_audit(said, (Failing(),))
    assert audit == Audit(failed=True)
    assert shielded.summary == shielded.description == shielded.comments[0].text == WITHHELD
    assert shielded.context == Context(workstation="WS-4N-017", error_text=WITHHELD)
    assert shielded.notes == (WITHHELD_NOTE,)
    assert shielded.records == ()
    assert shield(shielded, (Failing(),)) == shielded


def test_a_ticket_of_nothing_but_identifiers_is_withheld(ticket: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("connector.phi.shield"), "MOST_PLACES", 3)
    three = ticket(description="MRN 100001, MRN 100002", steps_tried=("MRN 100003",))
    assert shield(three).steps_tried == ("MRN [MRN_3]",)
    four = ticket(description="MRN 100001, MRN 100002", steps_tried=("MRN 100003, MRN 100004",))
    withheld, audit = shield_with_audit(four)
    assert audit == Audit(failed=True)
    assert (withheld.description, withheld.steps_tried) == (WITHHELD, (WITHHELD,))


class Zebra:
    def detect(self, text: str, known: Known) -> Sequence[Span]:
        return [Span(at, at + 5, PhiKind.ID) for at in range(len(text)) if text.startswith("zebra", at)]


def test_a_hospitals_own_detector_adds_to_what_is_found(ticket: Make) -> None:
    assert shield(ticket(description="a zebra"), (Zebra(),)).description == "a [ID_1]"


def test_the_audit_counts_and_names_no_value(ticket: Make) -> None:
    audit = shield_with_audit(ticket(description="MRN 445566 or MRN 445567, DOB 3/5/1980"))[1]
    assert audit == Audit(removed={"MRN": 2, "DATE": 1})


@pytest.mark.parametrize(
    "piece", ["(", "1", "1 ", "+1-", "MRN ", "patient Jane ", "a@", "MRN 12345 ", "PID|", "1/2/80 ", "[MRN_1] "]
)
def test_hostile_length_is_read_to_its_end(ticket: Make, piece: str) -> None:
    shielded = shield(ticket(description=piece * (200_000 // len(piece)), phi=ROE))
    assert shielded.notes == ()


# ── properties ───────────────────────────────────────────────────────────────────────────────────────────────────

PIECES = st.sampled_from(
    [
        "Jane", "ROE", "roe", "Roe, Jane", "Jane Roe's", "00445566", "445566", "44-55-66", "3/5/1980", "1980-03-05",
        "MRN", "MRN:", "pt", "patient", "Mrs", "DOB", "account", "SSN", "ETX 3097767", "EPT", "608-555-0199", "call me",
        "123-45-6789", "12345", "678", "x@gmail.com", "k.brandt@northfield-hospital.example", "[MRN_1]", "[NAME_1.2]",
        "PID|1|445566|", "é", "İ", "\n", "\r", "_", "-", ".", ",", "^", "(", ")", "+1", "Ana Maria", "O'Neill", "is",
    ]
)  # fmt: skip
SAID = st.lists(st.tuples(PIECES, st.sampled_from(["", " ", " ", "  ", ": ", "\n"])), max_size=14).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


def made(summary: str, description: str, comment: str, phi: Phi) -> Ticket:
    return Ticket(
        source="s",
        external_id="1",
        channel=Channel.EMAIL,
        summary=summary,
        description=description,
        comments=(Comment(id="c", text=comment),),
        phi=phi,
    )


@settings(max_examples=150, deadline=None)
@given(SAID | st.text(max_size=60), SAID, SAID, st.sampled_from([EMPTY_PHI, ROE]))
def test_full_clearance_restores_the_exact_text(summary: str, description: str, comment: str, phi: Phi) -> None:
    said = made(summary, description, comment, phi)
    shielded = shield(said)
    assert shielded.notes == ()
    assert texts(clear(shielded, Clearance.FULL)) == texts(said)


@settings(max_examples=150, deadline=None)
@given(SAID, SAID, SAID, st.sampled_from([EMPTY_PHI, ROE]))
def test_shielding_twice_is_shielding_once(summary: str, description: str, comment: str, phi: Phi) -> None:
    shielded = shield(made(summary, description, comment, phi))
    assert shield(shielded) == shielded


@settings(max_examples=150, deadline=None)
@given(
    st.text(max_size=30),
    st.sampled_from(["445566", "00445566", "44-55-66", "Jane Roe", "roe, jane", "ROE", "3/5/1980", "05 Mar 1980"]),
    st.text(max_size=30),
)
def test_no_known_identifier_survives(before: str, identifier: str, after: str) -> None:
    said = made("x", f"{before} {identifier} {after}", f"{identifier}", ROE)
    for text in texts(clear(shield(said), Clearance.NONE)):
        assert identifier not in text


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="0123456789", min_size=5, max_size=12), st.text(alphabet="abcdefghxyz", min_size=4, max_size=9))
def test_whatever_the_payload_names_is_removed(mrn: str, name: str) -> None:
    said = made(f"{mrn} {name.title()}", f"({mrn})/{name.title()} Zzyzx", "", Phi(mrn=mrn, name=f"{name} Zzyzx"))
    for text in texts(clear(shield(said), Clearance.NONE)):
        assert mrn not in text or int(mrn) < 1000
        assert "Zzyzx" not in text
