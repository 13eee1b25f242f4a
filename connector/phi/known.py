"""What a ticket itself says about its people: whom to look for, and whose contact details to leave alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from connector.phi.dates import Day, dates
from connector.phi.span import PhiKind
from connector.phi.words import words
from connector.ticket import EMPTY_PHI, Person, PersonKind, Phi, Ticket

_WORD = re.compile(r"[^\W\d_]{2,}")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NOT_DIGIT = re.compile(r"[^0-9]+")
_NUMBER = re.compile(r"[A-Za-z]{0,4}[ #:-]{0,2}[0-9][0-9 .-]*")
_NO_NAME = words("""
    jr sr ii iii iv md mr mrs ms miss dr
    """)

# Addresses that anybody can have prove nothing about working at the hospital.
_PUBLIC = words("""
    gmail.com googlemail.com yahoo.com outlook.com hotmail.com live.com msn.com icloud.com me.com aol.com
    protonmail.com proton.me gmx.com mail.com comcast.net verizon.net att.net
    """)

# Slots of a talk with a bot whose value is an identifier, by their name without separators.
_SLOTS: Mapping[str, PhiKind] = {
    **dict.fromkeys(("mrn", "patientmrn", "medicalrecordnumber", "patientid"), PhiKind.MRN),
    **dict.fromkeys(("csn", "fin", "encounter", "encounterid", "visitid"), PhiKind.VISIT),
    **dict.fromkeys(("dob", "dateofbirth", "birthdate", "patientdob"), PhiKind.DATE),
    **dict.fromkeys(("patient", "patientname", "patientfirstname", "patientlastname"), PhiKind.NAME),
    "ssn": PhiKind.SSN,
}
_NOT_LETTER = re.compile(r"[^a-z]+")

SHORTEST_NUMBER = 4
SHORTEST_LITERAL = 3


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom to look for: digits without leading zeros; literals and names (single words), both folded."""

    numbers: tuple[tuple[PhiKind, str], ...]
    literals: tuple[tuple[PhiKind, str], ...]
    names: frozenset[str]
    birth: frozenset[Day]


@dataclass(frozen=True)
class Staff:
    """Whom to leave alone: their addresses and domains, phones (last ten digits) and names (single words), folded."""

    people: tuple[Person, ...]

    @cached_property
    def emails(self) -> frozenset[str]:
        return frozenset(person.email.lower() for person in self.people if person.email)

    @cached_property
    def domains(self) -> frozenset[str]:
        return frozenset(email.rpartition("@")[2] for email in self.emails) - _PUBLIC

    @cached_property
    def phones(self) -> frozenset[str]:
        return frozenset(phone_digits(person.phone) for person in self.people if person.phone)

    @cached_property
    def names(self) -> frozenset[str]:
        return _names(person.name for person in self.people)


@dataclass(frozen=True, slots=True)
class Known:
    """Both, for one ticket; no patient where nothing names one."""

    patient: Patient | None
    staff: Staff


def known_people(ticket: Ticket) -> Known:
    """What compartment and people say. A requester who is a patient is looked for, not left alone."""
    people = _people(ticket)
    patients = [person for person in people if person.kind is PersonKind.PATIENT]
    staff = Staff(tuple(person for person in people if person.kind is not PersonKind.PATIENT))
    slots = _identifying_slots(ticket.conversation.slots) if ticket.conversation is not None else {}
    if not patients and not slots and ticket.phi == EMPTY_PHI:
        return Known(None, staff)
    return Known(_patient(ticket.phi, patients, slots), staff)


def fold(text: str) -> str:
    """The text without case and accents, each character still at its place."""
    if not text.isascii():
        text = _NOT_ASCII.sub(_base, text)
    return text.lower()


def phone_digits(phone: str) -> str:
    """The digits that two spellings of one phone number share."""
    return _NOT_DIGIT.sub("", phone)[-10:]


def _base(match: re.Match[str]) -> str:
    low = unicodedata.normalize("NFD", match[0])[0].lower()
    return low if len(low) == 1 else match[0]


def _people(ticket: Ticket) -> list[Person]:
    people = [ticket.requester, *ticket.watchers, *(comment.author for comment in ticket.comments)]
    return people if ticket.on_behalf_of is None else [*people, ticket.on_behalf_of]


def _identifying_slots(slots: Mapping[str, str]) -> dict[str, PhiKind]:
    kinds = ((value, _SLOTS.get(_NOT_LETTER.sub("", name.lower()))) for name, value in slots.items())
    return {value: kind for value, kind in kinds if kind is not None and "[" not in value}


def _patient(phi: Phi, people: Sequence[Person], slots: Mapping[str, PhiKind]) -> Patient:
    identifiers = [*_identifiers(phi, people), *((kind, value.strip()) for value, kind in slots.items())]
    names = (phi.name, *(person.name for person in people), *_of_kind(slots, PhiKind.NAME))
    births = (phi.birth_date, *_of_kind(slots, PhiKind.DATE))
    return Patient(
        numbers=tuple((kind, digits) for kind, value in identifiers if (digits := _number(value))),
        literals=tuple((kind, fold(value)) for kind, value in identifiers if len(value) >= SHORTEST_LITERAL),
        names=_names(names),
        birth=frozenset(day for value in births for written in dates(fold(value)) for day in written.days),
    )


def _of_kind(slots: Mapping[str, PhiKind], wanted: PhiKind) -> list[str]:
    return [value for value, kind in slots.items() if kind is wanted]


def _identifiers(phi: Phi, people: Iterable[Person]) -> Iterator[tuple[PhiKind, str]]:
    yield PhiKind.MRN, phi.mrn.strip()
    yield PhiKind.VISIT, phi.encounter.strip()
    yield PhiKind.ID, phi.fhir_id.strip()
    yield PhiKind.DATE, phi.birth_date.strip()
    for record in phi.records:
        yield PhiKind.VISIT if record.type == "CSN" else PhiKind.RECORD, record.id.strip()
        yield PhiKind.NAME, record.name.strip()
    for value in phi.extra.values():
        if any(character.isdigit() for character in value):
            yield PhiKind.ID, value.strip()
    for person in people:
        yield PhiKind.EMAIL, person.email.strip()
        yield PhiKind.PHONE, phone_digits(person.phone)
        yield PhiKind.ID, person.id.strip()
        yield PhiKind.ID, person.login.strip()


def _number(value: str) -> str:
    digits = _NOT_DIGIT.sub("", value).lstrip("0") if _NUMBER.fullmatch(value) else ""
    return digits if len(digits) >= SHORTEST_NUMBER else ""


def _names(names: Iterable[str]) -> frozenset[str]:
    return frozenset(word for name in names for word in _WORD.findall(fold(name))) - _NO_NAME
