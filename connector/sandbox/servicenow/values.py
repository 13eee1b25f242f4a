"""From what a client sent to what a column keeps.

Nothing here refuses: as on the real platform, what does not fit is not kept.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.servicenow.schema import PARENTS, Column

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
READ_ONLY = {
    "sys_id",
    "sys_created_on",
    "sys_created_by",
    "sys_updated_on",
    "sys_updated_by",
    "sys_mod_count",
    "sys_class_name",
}
READ_ONLY |= {"comments_and_work_notes", "priority_computed"}
_DISPLAY = {"incident": "number", "problem": "number", "task": "number", "kb_knowledge": "number"}
_DISPLAY |= {"kb_knowledge_base": "title"}


def display_column(table: str) -> str:
    """The column whose value people see where a row is referred to."""
    return _DISPLAY.get(table, "name")


class Choices:
    """Labels of choice values, read from sys_choice; a table's own list replaces its parent's."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._version = -1
        self._lists: dict[tuple[str, str], list[dict[str, str]]] = {}

    def of(self, table: str, element: str) -> list[dict[str, str]]:
        """The sys_choice rows that are active for a column."""
        rows = self._instance.tables["sys_choice"]
        if rows.version != self._version:
            self._lists.clear()
            self._version = rows.version
        key = (table, element)
        if key not in self._lists:
            self._lists[key] = self._own(table, element) or self._own(PARENTS.get(table, ""), element)
        return self._lists[key]

    def _own(self, table: str, element: str) -> list[dict[str, str]]:
        rows = self._instance.tables["sys_choice"].where("name", table) or []
        return [row for row in rows if row["element"] == element and row["inactive"] != "true"]

    def label(self, table: str, element: str, value: str) -> str | None:
        """What people see for a value; None where the list does not know it."""
        return next((row["label"] for row in self.of(table, element) if row["value"] == value), None)

    def allows(self, table: str, element: str, value: str, parent: str = "") -> bool:
        """Whether the list has this value, for this parent value where entries depend on one."""
        rows = [row for row in self.of(table, element) if row["value"] == value]
        return any(row["dependent_value"] in ("", parent) for row in rows)


def text(value: Any) -> str:
    """Any JSON value as the string that the platform makes of it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict) and "value" in value:
        return text(value["value"])
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def keep(instance: Instance, table: str, row: dict[str, str], values: dict[str, Any], display: bool) -> dict[str, str]:
    """Put the values into the row, as far as the columns take them; returns the journal entries among them."""
    columns = instance.tables[table].columns
    entries: dict[str, str] = {}
    state_sent = "state" in values
    for name, raw in values.items():
        column = columns.get(name)
        if column is None or name in READ_ONLY or (name == "incident_state" and state_sent):
            continue
        value = text(raw)
        if column.journal:
            if value:
                entries[name] = value
            continue
        kept = _fit(instance, table, column, value, display)
        if kept is not None:
            row[name] = kept
    _dependent(instance, table, row, values)
    return entries


def _fit(instance: Instance, table: str, column: Column, value: str, display: bool) -> str | None:
    """The value as this column keeps it; None leaves the column as it was."""
    match column.type:
        case "choice":
            return _choice(instance, table, column, value, display)
        case "reference":
            return _reference(instance, column, value) if display else value
        case "boolean":
            return "true" if value.casefold() in ("true", "1", "yes") else "false"
        case "integer":
            return value if _WHOLE.fullmatch(value) or value == "" else None
        case "glide_date_time" | "due_date":
            return value if _MOMENT.fullmatch(value) or value == "" else ""
        case _:
            return value[: column.max_length]


def _choice(instance: Instance, table: str, column: Column, value: str, display: bool) -> str | None:
    if display:
        labels = {row["label"]: row["value"] for row in instance.choices.of(table, column.name)}
        value = labels.get(value, value)
    if instance.allow_unknown_choices and value:
        return value
    known = any(row["value"] == value for row in instance.choices.of(table, column.name))
    return value if value and known else None


def _reference(instance: Instance, column: Column, value: str) -> str:
    """A display value resolved to a sys_id; empty where nothing has that name."""
    target = instance.tables.get(column.reference)
    if target is None or value in target.rows:
        return value
    found = target.first(display_column(column.reference), value)
    return found["sys_id"] if found else ""


def _dependent(instance: Instance, table: str, row: dict[str, str], values: dict[str, Any]) -> None:
    """A subcategory that does not belong to the category is not kept."""
    if (
        instance.allow_unknown_choices
        or not ("subcategory" in values or "category" in values)
        or "subcategory" not in row
    ):
        return
    if row["subcategory"] and not instance.choices.allows(table, "subcategory", row["subcategory"], row["category"]):
        row["subcategory"] = ""
