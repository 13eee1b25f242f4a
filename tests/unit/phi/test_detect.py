"""What the rules find, and what they must leave: build records, tickets, staff."""

from __future__ import annotations

import pytest

from connector.phi.detect import RULES
from connector.phi.known import Known, known_people
from connector.phi.span import joined
from connector.ticket import Channel, Person, Phi, Ticket

PHI = Phi(mrn="00123456", encounter="CSN 987654321", name="Roe^Jane^Q", birth_date="1980-03-05")


def people(phi: Phi = PHI) -> Known:
    caller = Person(name="Karen Brandt", email="k.brandt@northfield-hospital.example", phone="608-555-0142")
    return known_people(
        Ticket(source="s", external_id="1", channel=Channel.BUTTON, summary="x", requester=caller, phi=phi)
    )


def found(text: str, known: Known) -> list[str]:
    return [f"{span.kind} {text[span.start : span.end]}" for span in joined(RULES.detect(text, known))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MRN is 123456 here", ["MRN 123456"]),
        ("number 00123456", ["MRN 00123456"]),
        ("number 12-34-56", ["MRN 12-34-56"]),
        ("number 12 34 56.", ["MRN 12 34 56"]),
        ("scan_123456.png", ["MRN 123456"]),
        ("1123456 and 1234567 are other numbers", []),
        ("visit 987654321", ["VISIT 987654321"]),
        ("Jane Roe", ["NAME Jane Roe"]),
        ("ROE, JANE Q.", ["NAME ROE, JANE"]),
        ("roe^jane", ["NAME roe^jane"]),
        ("Roe-Jane", ["NAME Roe-Jane"]),
        ("Jane Q. Roe's order", ["NAME Jane Q. Roe"]),
        ("jane cannot walk", ["NAME jane"]),
        ("Janet and heroes are others", []),
        ("JaneRoe.pdf", ["NAME JaneRoe"]),
        ("seen 3/5/1980", ["DATE 3/5/1980"]),
        ("seen 03-05-80", ["DATE 03-05-80"]),
        ("seen 5-Mar-1980", ["DATE 5-Mar-1980"]),
        ("seen 19800305", ["DATE 19800305"]),
        ("seen March 5th, 1980", ["DATE March 5th, 1980"]),
        ("seen 1980-03-05T00:00:00", ["DATE 1980-03-05"]),
        ("seen 5.3.1980", ["DATE 5.3.1980"]),
        ("seen 3/6/1980", []),
    ],
)
def test_what_the_payload_names_is_found_in_any_spelling(text: str, expected: list[str]) -> None:
    assert found(text, people()) == expected


def test_leading_zeros_that_the_payload_does_not_have_belong_to_the_number() -> None:
    assert found("number 000123456", people(Phi(mrn="123456"))) == ["MRN 000123456"]


def test_a_public_mail_provider_says_nothing_about_its_other_users() -> None:
    caller = Person(email="locum.nurse@gmail.com")
    known = known_people(Ticket(source="s", external_id="1", channel=Channel.EMAIL, summary="x", requester=caller))
    assert found("locum.nurse@gmail.com, jroe@gmail.com", known) == ["EMAIL jroe@gmail.com"]


def test_a_build_record_does_not_hide_the_patients_number() -> None:
    assert found("ETX 3097767", people(Phi(mrn="3097767"))) == ["MRN 3097767"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("you may call, will you", []),
        ("this will may fail", []),
        ("Will May called", ["NAME Will May"]),
        ("May, Will", ["NAME May, Will"]),
        ("In May the clinic moves", []),
    ],
)
def test_a_name_that_is_a_word_counts_beside_another_name(text: str, expected: list[str]) -> None:
    assert found(text, people(Phi(name="Will May"))) == expected


def test_accents_do_not_hide_a_name() -> None:
    assert found("Jose Munoz", people(Phi(name="José Muñoz"))) == ["NAME Jose Munoz"]
    assert found("JOSÉ MUÑOZ", people(Phi(name="Jose Munoz"))) == ["NAME JOSÉ MUÑOZ"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MRN: 445566", ["MRN 445566"]),
        ("mrn#E445566", ["MRN E445566"]),
        ("MRN445566", ["MRN 445566"]),
        ("MRN_445566_wristband.png", ["MRN 445566"]),
        ("medical record number is 445-566", ["MRN 445-566"]),
        ("Patient ID 445566", ["MRN 445566"]),
        ("MRN 123 456 789", ["MRN 123 456 789"]),
        ("MRNs 445566", ["MRN 445566"]),
        ("CSN 100200300", ["VISIT 100200300"]),
        ("FIN: 5551234", ["VISIT 5551234"]),
        ("HAR 3100200", ["RECORD 3100200"]),
        ("har is 3100200", ["ACCOUNT 3100200"]),
        ("acct # 880011", ["ACCOUNT 880011"]),
        ("DOB 04/17/1962", ["DATE 04/17/1962"]),
        ("born on 17 April 1962", ["DATE 17 April 1962"]),
        ("SSN 123-45-6789", ["SSN 123-45-6789"]),
        ("EPT 1234567", ["RECORD 1234567"]),
        ("HNO#Z1234567", ["RECORD Z1234567"]),
        ("order 20045671", ["ID 20045671"]),
        ("pt Jane Roe is", ["NAME Jane Roe"]),
        ("Patient: Roe, Jane", ["NAME Roe, Jane"]),
        ("patient's name is Maria O'Neill-Diaz.", ["NAME Maria O'Neill-Diaz"]),
        ("Mrs. Roe's wristband", ["NAME Roe"]),
        ("Mr. Van der Berg is", ["NAME Van der Berg"]),
        ("patient_name=Jane Roe;", ["NAME Jane Roe"]),
        ("patients Ana Lee and", ["NAME Ana Lee"]),
        ("accession 24-123-00456", ["ID 24-123-00456"]),
        ("patient J. Roe", ["NAME J. Roe"]),
        ("her daughter Ana Roe", ["NAME Ana Roe"]),
        ("mail jroe@gmail.com", ["EMAIL jroe@gmail.com"]),
        ("patient's mother at 608.555.0199", ["PHONE 608.555.0199"]),
        ("call me about the patient's mother, 608-555-0199", ["PHONE 608-555-0199"]),
        ("(608) 555-0199", ["PHONE (608) 555-0199"]),
        ("+44 20 7946 0958", ["PHONE +44 20 7946 0958"]),
        ("PID|1||445566^^^N^MR||ROE^JANE||19620417|F\rPV1|1|I", None),
    ],
)
def test_form_and_cue_give_an_identifier_away(text: str, expected: list[str] | None) -> None:
    if expected is None:
        expected = ["HL7 PID|1||445566^^^N^MR||ROE^JANE||19620417|F", "HL7 PV1|1|I"]
    assert found(text, people(Phi())) == expected


@pytest.mark.parametrize(
    "text",
    [
        "SmartText ETX 3097767 and ETX#3097767, LRP 12345, PRL 304123456",
        "INC0012345 REQ0012345 CHG0030001 TKT-445566 see order INC0012345",
        "error 0x80070005 in version 10.4.1123.2 at 10.20.30.44:8443",
        "OID 1.2.840.113619.2.1",
        "EPT 20 and item 7040 of EPT I 101010",
        "Patients Waiting, Pt. Tracker, Patient Flow Board",
        "the patient portal, Patient Station and Patient Access are down",
        "Patient cannot be found. Patient: Error 1234",
        "Please call me at 608-555-0177 or ext 55217",
        "Tel. 608-555-0177",
        "Karen's line is 608 555 0142, k.brandt@northfield-hospital.example, it@northfield-hospital.example",
        "Mr Brandt from registration",
        "part 123-45-67890",
        "PATIENT SHOWN TWICE",
        "account 1234, order 12345",
        "user account 1234567 is locked",
        "2026-03-05 10:11:12,345 WARN queue 4412",
        "The schedule of 3/5/2026 shows 08:00-08:30",
        "har har, ord er, a fin 12",
        "Workstation WS-4N-017, asset 0045121, badge 100234",
    ],
)
def test_staff_build_records_and_logs_are_left(text: str) -> None:
    assert found(text, people(Phi())) == []


def test_overlapping_places_become_one() -> None:
    assert found("jane.roe@gmail.com", people()) == ["EMAIL jane.roe@gmail.com"]
