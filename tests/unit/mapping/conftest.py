"""Mappings written on the spot, and the two that are shipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

from connector.mapping import Mapping, load
from connector.plugins import Clearance, FieldSpec
from connector.ticket import Channel, Ticket

SHIPPED = Path(__file__).parents[3] / "mappings"

FIELDS = (
    FieldSpec("short_description", max_length=40),
    FieldSpec("description"),
    FieldSpec("urgency", choices=frozenset("123")),
    FieldSpec("caller_id"),
    FieldSpec("u_*"),
)

Load = Callable[..., Mapping]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads a mapping from its text; the file is called m.yaml."""

    def loaded(
        text: str, fields: Sequence[FieldSpec] = FIELDS, clearance: Clearance = Clearance.NONE, table: str = ""
    ) -> Mapping:
        path = tmp_path / "m.yaml"
        path.write_text(dedent(text), encoding="utf-8")
        return load(path, fields, clearance=clearance, table=table)

    return loaded


def ticket(**fields: object) -> Ticket:
    """A ticket of the button, with these fields."""
    given = {"source": "button", "external_id": "B-1", "channel": Channel.BUTTON, "summary": "Printer is stuck"}
    return Ticket.model_validate({**given, **fields})
