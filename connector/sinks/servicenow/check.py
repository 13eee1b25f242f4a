"""`check --live` for ServiceNow: what the instance says about the credential, the columns, the choices, the clock."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector.clock import Clock
from connector.errors import Finding, Permanent, RemoteError
from connector.sinks.inspecting import ADVICE, clock_finding, remote_finding
from connector.sinks.servicenow.desk import KEY_FIELDS
from connector.sinks.servicenow.fields import GROUPS, JOURNALS, plain
from connector.sinks.servicenow.people import Directory
from connector.sinks.servicenow.ways import staged
from connector.wire import Session

Rows = Callable[[str, str, Sequence[str], int], list[dict[str, Any]]]

_COLUMNS = 5000
_CHOICES = 1000
_DEEPEST = 10
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
            for part in (self._columns, self._choices, self._groups, self._journals):
                found += part()
        except RemoteError as error:
            found.append(remote_finding(self._name, error))
        return found

    def importing(self, staging: str) -> list[Finding]:
        """What an admin has yet to set up, so that records can be imported through this staging table."""
        try:
            return list(self._staging(staging))
        except RemoteError:
            what = f"this account is not shown how {staging} is transformed"
            remedy = "give it the right to read sys_transform_map and sys_transform_entry, or check the map by hand"
            return [Finding("import-hidden", self._name, what, remedy, ADVICE)]

    def _staging(self, staging: str) -> Iterator[Finding]:
        rows = self._rows("sys_dictionary", f"name={staging}", ("name", "element"), _COLUMNS)
        known = {plain(row.get("element")) for row in rows if plain(row.get("name")) == staging}
        if not known:
            what = f"the instance shows no staging table {staging}"
            yield Finding("no-import-table", self._name, what, "make the table, which extends Import Set Row")
            return
        for column in (*self._planned, *KEY_FIELDS):
            if staged(column) not in known:
                remedy = f"add it, and map it to {column} in the transform map"
                what = f"the staging table {staging} has no column {staged(column)}; its value would be dropped"
                yield Finding("unknown-column", f"{self._name}.{column}", what, remedy)
        yield from self._transform(staging)

    def _transform(self, staging: str) -> Iterator[Finding]:
        asked = ("sys_id", "source_table", "target_table", "active", "run_business_rules")
        query = f"source_table={staging}^target_table={self._table}^active=true"
        rows = self._rows("sys_transform_map", query, asked, 20)
        maps = [row for row in rows if plain(row.get("source_table")) == staging]
        maps = [row for row in maps if plain(row.get("target_table")) == self._table]
        if not maps:
            what = f"no active transform map leads from {staging} to {self._table}"
            yield Finding("no-transform-map", self._name, what, "make one, and map every column")
        for found in maps:
            map_id = plain(found.get("sys_id"))
            entries = self._rows("sys_transform_entry", f"map={map_id}", ("map", "target_field", "coalesce"), _CHOICES)
            ours = [row for row in entries if plain(row.get("map")) == map_id and plain(row.get("coalesce")) == "true"]
            if "correlation_id" not in {plain(row.get("target_field")) for row in ours}:
                what = "the transform map does not coalesce on correlation_id: a row sent twice would make two records"
                yield Finding("no-coalesce", self._name, what, "tick coalesce in the map's field for correlation_id")
            if plain(found.get("run_business_rules")) == "true":
                what = "the transform map runs business rules, which send notices and may overwrite times of old"
                yield Finding("business-rules", self._name, what, "untick Run business rules in the map", ADVICE)

    def _journals(self) -> Iterator[Finding]:
        """Without the right to read them a remote says so, or, as it does with most rules for rows, shows none."""
        remedy = "give the account the right to read sys_journal_field, if people are to hear what analysts write"
        try:
            shown = self._rows("sys_journal_field", "", ("sys_id",), 1)
        except Permanent:
            yield Finding("no-journals", self._name, "this account may not read comments", remedy, ADVICE)
            return
        if not shown and self._rows(self._table, "sys_mod_count>0", ("sys_id",), 1):
            what = "the instance shows this account no comment at all, of nobody"
            yield Finding("no-journals", self._name, what, remedy, ADVICE)

    def _columns(self) -> Iterator[Finding]:
        tables = self._family()
        rows = self._rows("sys_dictionary", f"nameIN{','.join(tables)}", ("name", "element"), _COLUMNS)
        known = {plain(row.get("element")) for row in rows if plain(row.get("name")) in tables} - {""}
        if not known:
            remedy = "give the account the right to read sys_dictionary, or check the columns by hand"
            what = "the instance does not show its columns to this account"
            yield Finding("no-dictionary", self._name, what, remedy, ADVICE)
            return
        for column in (*self._planned, *KEY_FIELDS):
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
