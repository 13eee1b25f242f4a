from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.sources.build_records import BUILD, PATIENT, Codes, code_of
from connector.ticket import BuildRecord

CODES = Codes()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see ETX 3097767.", ["ETX 3097767"]),
        ("ETX#3097767 and LRP: 55012", ["ETX 3097767", "LRP 55012"]),
        ("SmartText 3097767", ["ETX 3097767"]),
        ("SmartText WRISTBAND HEADER [3097767]", ["ETX 3097767 (WRISTBAND HEADER)"]),
        ("report LRP X12345", ["LRP X12345"]),
        ("etx 3097767", []),
        ("LASER 12345 CONCER 777", []),
        ("ETX 30977671234567890123", []),
        ("ETX item 50", []),
        ("EPT 20", []),
        ("EPT I 7040", []),
        ("EPT 1234567", ["EPT 1234567"]),
        ("CSN: 300123456", ["CSN 300123456"]),
        ("HAR#12345", []),
        ("XYZ 1234567", []),
        ("DEP1234567", []),
    ],
)
def test_records_in_text(text: str, wanted: list[str]) -> None:
    assert [str(record) for record in CODES.found(text)] == wanted


def test_records_are_sorted_once_by_where_they_belong() -> None:
    named = [BuildRecord(type=kind, id="1", name=name) for kind, name in (("ETX", "first"), ("EPT", ""), ("ETX", ""))]
    sort = CODES.sort(named)
    assert [str(record) for record in sort.build] == ["ETX 1 (first)"]
    assert [str(record) for record in sort.patient] == ["EPT 1"]


def test_no_code_is_in_both_lists() -> None:
    assert not BUILD.keys() & PATIENT.keys()


def test_a_code_is_written_in_capitals() -> None:
    assert [code_of(kind) for kind in ("etx", "SmartText", "workqueue")] == ["ETX", "ETX", "workqueue"]


@settings(deadline=None)
@given(st.text(st.sampled_from("ETXSRmart [#:]12345678 \n"), max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    assert all(record.id for record in CODES.found(text))


def test_only_so_many_are_taken() -> None:
    assert len(list(CODES.found("ETX 3097767 " * 1000))) == 50
