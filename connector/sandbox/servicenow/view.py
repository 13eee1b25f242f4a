"""How a row looks to a client: raw, displayed or both; references with links; journals as one text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Call
from connector.sandbox.servicenow.schema import Column
from connector.sandbox.servicenow.values import display_column

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance

Row = dict[str, str]


@dataclass(frozen=True)
class Look:
    """What the sysparm_* parameters ask for."""

    display: str
    links: bool
    fields: tuple[str, ...]
    base: str

    @staticmethod
    def of(call: Call) -> Look:
        """Read the parameters of a call."""
        fields = tuple(name for name in call.param("sysparm_fields").split(",") if name)
        links = call.param("sysparm_exclude_reference_link").lower() != "true"
        return Look(call.param("sysparm_display_value", "false").lower(), links, fields, call.base)


class View:
    """Renders rows of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._references: dict[str, tuple[int, tuple[str, ...]]] = {}

    def render(self, table: str, row: Row, look: Look) -> dict[str, Any]:
        """A row as JSON-ready values; unknown names in `fields` are simply absent."""
        if not look.fields and look.display not in ("true", "all"):
            return self._raw(table, row, look)
        known = self._instance.tables[table].columns
        names = look.fields or tuple(known)
        found = {}
        for name in names:
            column = known.get(name) or self._instance.reader.column(table, name)
            if column is not None:
                value = self._instance.reader.value(table, row, name)
                found[name] = self._cell(table, row, name, column, value, look)
        return found

    def _raw(self, table: str, row: Row, look: Look) -> dict[str, Any]:
        """The common case, without a look at each column."""
        if not look.links:
            return row
        found: dict[str, Any] = dict(row)
        for name, reference in self._reference_columns(table):
            if value := row[name]:
                found[name] = {"link": f"{look.base}/api/now/table/{reference}/{value}", "value": value}
        return found

    def _reference_columns(self, table: str) -> list[tuple[str, str]]:
        columns = self._instance.tables[table].columns
        return [(column.name, column.reference) for column in columns.values() if column.type == "reference"]

    def _cell(self, table: str, row: Row, name: str, column: Column, value: str, look: Look) -> Any:
        link = f"{look.base}/api/now/table/{column.reference}/{value}" if column.type == "reference" and value else ""
        if look.display not in ("true", "all"):
            return {"link": link, "value": value} if link and look.links else value
        shown = self.shown(column.table if "." in name else table, row, column, value)
        if look.display == "true":
            return {"display_value": shown, "link": link} if link and look.links else shown
        both: dict[str, Any] = {"display_value": shown, "value": value}
        if column.type == "choice" and not value:
            both["display_value"] = None
        return both | ({"link": link} if link and look.links else {})

    def shown(self, table: str, row: Row, column: Column, value: str) -> str:
        """What people see."""
        if column.type == "choice":
            return self._instance.choices.label(table, column.name, value) or value
        if column.type == "reference":
            target = self._instance.tables.get(column.reference)
            referred = target.rows.get(value) if target else None
            return referred[display_column(column.reference)] if referred else value
        if column.type in ("journal_input", "journal_list"):
            return self._journal(row, ("comments", "work_notes") if column.type == "journal_list" else (column.name,))
        return value

    def _journal(self, row: Row, elements: tuple[str, ...]) -> str:
        """All entries as one text, newest first."""
        users = self._instance.tables["sys_user"]
        parts = []
        for entry in reversed(self._instance.journal(row["sys_id"])):
            if entry["element"] in elements:
                author = users.first("user_name", entry["sys_created_by"])
                kind = "Additional comments" if entry["element"] == "comments" else "Work notes"
                name = author["name"] if author else entry["sys_created_by"]
                parts.append(f"{entry['sys_created_on']} - {name} ({kind})\n{entry['value']}\n\n")
        return "".join(parts)
