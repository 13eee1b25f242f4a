"""`check --live` for ServiceNow: what the instance says about the credential, the columns, the choices, the clock."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector.clock import Clock
from connector.errors import Finding, RemoteError
from connector.sinks.inspecting import ADVICE, clock_finding, remote_finding
from connector.sinks.servicenow.fields import GROUPS, JOURNALS, plain
from connector.sinks.servicenow.people import Directory
from connector.wire import Session

Rows = Callable[[str, str, Sequence[str], int], list[dict[str, Any]]]

_COLUMNS = 5000
_CHOICES = 1000
_DEEPEST = 10
_ALWAYS = ("correlation_id", "correlation_display")
_OPEN = frozenset({"state"})  # checked by its own process flow, not by a plain list of choices


class Inspection:
    """One look at an instance. `planned` names the columns that a mapping writes, each with its literal values."""

    def __init__(
        self, name: str, table: str, rows: Rows, directory: Directory, planned: Mapping[str, frozenset[str]]
    ) -> None:
        self._name = name
        self._table = table
        self._rows = rows
        self._directory = directory
        self._planned = planned

    def findings(self, session: Callable[[], Session], clock: Clock) -> list[Finding]:
        found: list[Finding] = []
        try:
            self._rows(self._table, "", ("sys_id",), 1)
            found += clock_finding(self._name, session().last.date, clock)
            for part in (self._columns, self._choices, self._groups):
                found += part()
        except RemoteError as error:
            found.append(remote_finding(self._name, error))
        return found

    def _columns(self) -> Iterator[Finding]:
        tables = self._family()
        rows = self._rows("sys_dictionary", f"nameIN{','.join(tables)}", ("name", "element"), _COLUMNS)
        known = {plain(row.get("element")) for row in rows if plain(row.get("name")) in tables} - {""}
        if not known:
            remedy = "give the account the right to read sys_dictionary, or check the columns by hand"
            what = "the instance does not show its columns to this account"
            yield Finding("no-dictionary", self._name, what, remedy, ADVICE)
            return
        for column in (*self._planned, *_ALWAYS):
            if column not in known and column not in JOURNALS:
                near = difflib.get_close_matches(column, known, 1)
                remedy = f"did you mean {near[0]}?" if near else "correct the mapping, or add the column"
                what = f"the table {self._table} has no column {column}; ServiceNow would drop its value in silence"
                yield Finding("unknown-column", f"{self._name}.{column}", what, remedy)

    def _family(self) -> list[str]:
        """The table and those that it inherits columns from."""
        family = [self._table]
        while len(family) < _DEEPEST:
            asked = ("name", "super_class.name")
            rows = self._rows("sys_db_object", f"name={family[-1]}", asked, 2)
            above = [plain(row.get("super_class.name")) for row in rows if plain(row.get("name")) == family[-1]]
            if not above or not above[0].isidentifier() or above[0] in family:
                break
            family.append(above[0])
        return family if len(family) > 1 else [self._table, "task"]

    def _choices(self) -> Iterator[Finding]:
        asked = {column for column, values in self._planned.items() if values} - GROUPS - _OPEN
        fields = ("name", "element", "value", "language", "inactive")
        for column in sorted(asked):
            query = f"nameIN{self._table},task^element={column}^inactive=false^language=en"
            rows = self._rows("sys_choice", query, fields, _CHOICES)
            ours = [row for row in rows if plain(row.get("element")) == column]
            own = [row for row in ours if plain(row.get("name")) == self._table]
            choices = {plain(row.get("value")) for row in own or ours}
            for value in sorted(self._planned[column] - choices) if choices else ():
                near = difflib.get_close_matches(value, choices, 1)
                remedy = f'did you mean "{near[0]}"?' if near else "correct the mapping's values"
                yield Finding(
                    "unknown-choice", f"{self._name}.{column}", f'"{value}" is not one of its choices', remedy
                )

    def _groups(self) -> Iterator[Finding]:
        for column in sorted(GROUPS & self._planned.keys()):
            for name in sorted(self._planned[column]):
                found = self._directory.group(name, f"{self._name}.{column}")
                if isinstance(found, Finding):
                    yield Finding(found.code, found.where, f'"{name}": {found.what}', found.remedy)
