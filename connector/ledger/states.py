"""How a statement asks for a delivery's state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Text, literal_column, or_

from connector.delivery import State
from connector.ledger.schema import delivery


def stands(*states: State, of: Any = delivery) -> ColumnElement[bool]:
    """It is in one of these states.

    They are spelt out in the statement, each by itself. Where a value that comes with the parameters decides whether a
    partial index may be used, SQLite plans the statement anew for each set of them, which takes ten times as long as
    carrying it out; and for a list it takes no such index.
    """
    return or_(*(of.c.state == literal_column(f"'{state.value}'", Text) for state in states))
