"""What `connector mapping fields` lists can be mapped, all of it."""

from __future__ import annotations

import pytest

from connector.mapping import ticket_fields, transforms
from connector.plugins import Clearance
from tests.unit.mapping.conftest import Load


@pytest.mark.parametrize("clearance", list(Clearance))
def test_every_listed_name_can_be_used(loaded: Load, clearance: Clearance) -> None:
    entries = list(ticket_fields(clearance))
    lines = [
        f"  u_{i}: {{template: '{{% if {entry.name} is present %}}{{% endif %}}'}}" for i, entry in enumerate(entries)
    ]
    assert len(loaded("fields:\n" + "\n".join(lines), clearance=clearance).names) == len(entries)
    assert any(entry.name == "phi.mrn" for entry in entries) is (clearance is Clearance.FULL)


def test_the_list_says_what_things_are() -> None:
    listed = {entry.name: (entry.kind, entry.help) for entry in ticket_fields()}
    assert listed["urgency"] == ("text", "one of high, medium, low")
    assert listed["records.type"] == ("a list (text)", "")
    assert listed["conversation.slots.NAME"][0] == "text"
    assert "context" not in listed
    assert all(help for name, (_, help) in listed.items() if name.endswith("_block"))
    assert {entry.name: entry.kind for entry in transforms()}["truncate"] == "length, end='…'"
