"""Records of an Epic EHR named by master file code and id, such as `ETX 3097767`: configuration, or about a patient.

The codes and their meaning come from public Epic glossaries; a site adds its own in the settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from connector.ticket import BuildRecord

BUILD: dict[str, str] = {
    "ETX": "SmartText",
    "LRP": "report",
    "LPR": "profile",
    "LPG": "print group",
    "LVN": "navigator",
    "LOR": "workflow rule",
    "E2R": "role",
    "E2U": "menu button",
    "E2N": "activity",
    "ECL": "security class",
    "EAP": "procedure",
    "EDP": "procedure category",
    "ERX": "medication",
    "PRL": "order set",
    "LGL": "alert",
    "FLO": "flowsheet row",
    "FLT": "flowsheet template",
    "SDE": "SmartData element",
    "SER": "provider",
    "EMP": "user",
    "DEP": "department",
    "EAF": "facility",
    "LWS": "workstation",
    "LRR": "lab component",
    "EDG": "diagnosis",
    "ELG": "allergen",
    "CER": "rule",
    "WQF": "workqueue",
    "LQF": "form",
    "LQL": "question",
    "FDI": "integration",
    "LSD": "system definitions",
}
PATIENT: dict[str, str] = {
    "EPT": "patient",
    "HNO": "note",
    "ORD": "order",
    "OVR": "result",
    "HAR": "hospital account",
    "EAR": "guarantor account",
    "CVG": "coverage",
    "CLM": "claim",
    "RFL": "referral",
    "SAR": "authorisation",
    "ORL": "surgical log",
    "INP": "inpatient data",
    "TAR": "transaction",
    "ETR": "transaction",
    "HTR": "transaction",
    "LPL": "problem, allergy or immunisation",
    "WPR": "portal account",
    "CSN": "encounter",
}
_NAMES = {"SmartText": "ETX", "SmartData element": "SDE"}
_FIRST = r"[A-Z](?<![A-Za-z0-9][A-Z])"  # a lookbehind in front of the letter would cost at every character
_ID = r"(?!I\d)[A-Z]?\d{2,18}"
_FOUND = re.compile(
    rf"({_FIRST}(?:[A-Z0-9]{{2}}|{'|'.join(name[1:] for name in _NAMES)}))"
    rf"(?:(?:[ \t]{{1,2}}|[ \t]?[#:][ \t]?)({_ID})|[ \t]([A-Za-z][^\[\]\n]{{0,60}}?)[ \t]?\[({_ID})\])(?![A-Za-z0-9])"
)
_ITEM_DIGITS = 6
_MOST = 50


@dataclass(frozen=True, slots=True)
class Sorted:
    """Records by where they belong: with the ticket, or with the patient data."""

    build: tuple[BuildRecord, ...] = ()
    patient: tuple[BuildRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that a site knows, in capitals."""

    build: frozenset[str] = frozenset(BUILD)
    patient: frozenset[str] = frozenset(PATIENT)

    def sort(self, records: Iterable[BuildRecord]) -> Sorted:
        """Each record once, in order; one whose code is in neither list counts as patient data."""
        once = {(record.type, record.id): record for record in reversed(tuple(records))}
        ordered = tuple(reversed(once.values()))
        build = tuple(record for record in ordered if record.type in self.build and record.type not in self.patient)
        return Sorted(build, tuple(record for record in ordered if record not in build))

    def found(self, text: str) -> Iterator[BuildRecord]:
        """Records named in a text, 50 at most.

        Codes count in capitals only, for `SER` and `ORD` are parts of words. A short number after a patient-level
        code (`EPT 20`) is an item of the record, not a record.
        """
        for number, match in enumerate(_FOUND.finditer(text)):
            if number == _MOST:
                return
            code = _NAMES.get(match[1], match[1])
            identity = match[2] or match[4]
            if code in self.build or (code in self.patient and len(identity) >= _ITEM_DIGITS):
                yield BuildRecord(type=code, id=identity, name=match[3] or "")


def code_of(kind: str) -> str:
    """The code that a record's type is written as, or means (`SmartText`)."""
    return _NAMES.get(kind, kind.upper() if len(kind) == 3 else kind)
