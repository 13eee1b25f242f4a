"""Encoded queries: `active=true^caller_id.email=a@b.c^ORpriority=1^NQ...^ORDERBYnumber`.

As on the real platform, a condition on a column that does not exist vanishes, and what is left applies; if nothing is
left, every row matches (unless the instance property `glide.invalid_query.returns_no_rows` is set).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from connector.sandbox.servicenow.schema import Column, Table

Row = dict[str, str]

_CONDITION = re.compile(
    r"([a-z][a-z0-9_.]*)(!=|>=|<=|=|>|<|NOT IN|NOT LIKE|DOES NOT CONTAIN|CONTAINS|STARTSWITH|ENDSWITH|"
    r"ISNOTEMPTY|ISEMPTY|EMPTYSTRING|ANYTHING|BETWEEN|NSAMEAS|SAMEAS|LIKE|IN)(.*)",
    re.DOTALL,
)
_DATE = re.compile(r"(?:javascript:)?gs\.dateGenerate\('([0-9-]{8,10})',\s*'([0-9:]{5,8})'\)")
_CARET = "\0"


@dataclass(frozen=True)
class Condition:
    """One comparison."""

    field: str
    operator: str
    value: str
    column: Column


@dataclass
class Query:
    """Groups (any of them) of conditions (all of them), each a list of alternatives."""

    groups: list[list[list[Condition]]] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    invalid: bool = False


class Reader:
    """Reads values of a row, following references: `caller_id.email`."""

    def __init__(self, tables: dict[str, Table]) -> None:
        self._tables = tables

    def column(self, table: str, path: str) -> Column | None:
        """The column that a dot-walked name ends at."""
        first, _, rest = path.partition(".")
        known = self._tables.get(table)
        column = known.columns.get(first) if known else None
        return self.column(column.reference, rest) if column and rest else column

    def value(self, table: str, row: Row, path: str) -> str:
        """The raw value at a dot-walked name; empty where a reference is empty or broken."""
        first, _, rest = path.partition(".")
        value = row.get(first, "")
        if not rest:
            return value
        reference = self._tables[table].columns[first].reference
        target = self._tables[reference].rows.get(value) if reference in self._tables else None
        return self.value(reference, target, rest) if target else ""


def parse(text: str, table: str, reader: Reader) -> Query:
    """Read an encoded query; unknown names are dropped and noted in `invalid`."""
    query = Query()
    for group in text.replace("^^", _CARET).split("^NQ"):
        conditions: list[list[Condition]] = []
        kept = True
        for part in group.split("^"):
            alternative = part.startswith("OR") and not part.startswith("ORDERBY")
            part = part.removeprefix("OR") if alternative else part
            if part.startswith("ORDERBY"):
                descending = part.startswith("ORDERBYDESC")
                name = part.removeprefix("ORDERBYDESC" if descending else "ORDERBY")
                if reader.column(table, name):
                    query.order.append((name, descending))
                continue
            if part in ("", "EQ"):
                continue
            condition = _condition(part, table, reader)
            if condition is None:
                query.invalid = True
                kept = kept and alternative
            elif alternative and conditions and kept:
                conditions[-1].append(condition)
            else:
                conditions.append([condition])
                kept = True
        query.groups.append(conditions)
    return query


def _condition(part: str, table: str, reader: Reader) -> Condition | None:
    match = _CONDITION.fullmatch(part)
    column = reader.column(table, match[1]) if match else None
    if match is None or column is None:
        return None
    value = match[3].replace(_CARET, "^")
    return Condition(match[1], match[2], _DATE.sub(r"\1 \2", value), column)


def select(query: Query, table: Table, reader: Reader) -> list[Row]:
    """The rows that match, in the order asked for."""
    rows: Iterable[Row]
    if not any(query.groups) or any(not group for group in query.groups):
        rows = table.rows.values()
    else:
        rows = _candidates(query, table)
    found = [row for row in rows if _matches(query, table.name, row, reader)]
    for name, descending in reversed(query.order):
        column = reader.column(table.name, name)
        found.sort(key=lambda row: _key(column, reader.value(table.name, row, name)), reverse=descending)
    return found


def _candidates(query: Query, table: Table) -> Iterable[Row]:
    """A smaller set to look through: one indexed equality of a single group, or a sys_id."""
    if len(query.groups) == 1:
        for alternatives in query.groups[0]:
            condition = alternatives[0]
            if len(alternatives) > 1 or condition.operator != "=":
                continue
            if condition.field == "sys_id":
                return [table.rows[condition.value]] if condition.value in table.rows else []
            if (rows := table.where(condition.field, condition.value)) is not None:
                return rows
    return table.rows.values()


def _matches(query: Query, table: str, row: Row, reader: Reader) -> bool:
    return any(
        all(any(_holds(condition, table, row, reader) for condition in alternatives) for alternatives in group)
        for group in query.groups
    )


def _key(column: Column | None, value: str) -> tuple[int, float, str]:
    """Numbers as numbers, text without regard to case."""
    if column is not None and column.type in ("integer", "choice", "order"):
        try:
            return (0, float(value), "")
        except ValueError:
            return (1, 0.0, value.casefold())
    return (1, 0.0, value.casefold())


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda have, want: have == want,
    "!=": lambda have, want: have != want,
    "IN": lambda have, want: have in want.split(","),
    "NOT IN": lambda have, want: have not in want.split(","),
    "LIKE": lambda have, want: want in have,
    "CONTAINS": lambda have, want: want in have,
    "NOT LIKE": lambda have, want: want not in have,
    "DOES NOT CONTAIN": lambda have, want: want not in have,
    "STARTSWITH": lambda have, want: have.startswith(want),
    "ENDSWITH": lambda have, want: have.endswith(want),
    "ISEMPTY": lambda have, _: have == "",
    "EMPTYSTRING": lambda have, _: have == "",
    "ISNOTEMPTY": lambda have, _: have != "",
    "ANYTHING": lambda _have, _want: True,
}


def _holds(condition: Condition, table: str, row: Row, reader: Reader) -> bool:
    have = reader.value(table, row, condition.field)
    operator, want = condition.operator, condition.value
    if test := _TESTS.get(operator):
        return test(have.casefold(), want.casefold())
    if operator in ("SAMEAS", "NSAMEAS"):
        return (have == reader.value(table, row, want)) is (operator == "SAMEAS")
    if not have:
        return False
    left = _key(condition.column, have)
    if operator == "BETWEEN":
        low, _, high = want.partition("@")
        return _key(condition.column, low) <= left <= _key(condition.column, high)
    right = _key(condition.column, want)
    return {">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator]
