"""What an account calls its things: groups and custom fields by name. Reads only."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from connector.clock import Clock
from connector.errors import Finding
from connector.sinks.remembered import Remembered
from connector.sinks.zendesk.fields import CUSTOM

Pages = Callable[[str, str], list[dict[str, Any]]]  # (path, name of the list) -> all its rows

_TRUE = frozenset({"true", "yes", "1", "on"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of tickets. `options` maps the value of a choice to its label."""

    id: int
    title: str
    type: str
    options: Mapping[str, str]

    def value(self, rendered: Any, where: str) -> Any | Finding:
        """What is sent for a rendered value, or what is wrong with it. Nothing sent clears the field."""
        if rendered in (None, "", [], ()):
            return None
        if self.type == "multiselect":
            items = rendered.split(",") if isinstance(rendered, str) else list(rendered)
            found = [self._option(str(item), where) for item in items]
            return next((each for each in found if isinstance(each, Finding)), found)
        if self.type == "tagger":
            return self._option(str(rendered), where)
        if self.type == "checkbox":
            return str(rendered).lower() in _TRUE
        return self._typed(rendered, where)

    def _typed(self, rendered: Any, where: str) -> Any | Finding:
        text = ", ".join(map(str, rendered)) if isinstance(rendered, list | tuple) else str(rendered)
        try:
            if self.type == "integer":
                return int(text)
            if self.type == "decimal":
                return float(text)
        except ValueError:
            return Finding("not-a-number", where, f"this field takes a {self.type}; it was left out")
        if self.type == "date":
            found = _DATE.match(text)
            return found[0] if found else Finding("not-a-date", where, "this field takes YYYY-MM-DD; it was left out")
        return text

    def _option(self, rendered: str, where: str) -> str | Finding:
        rendered = rendered.strip()
        if rendered in self.options:
            return rendered
        labels = [value for value, label in self.options.items() if label.casefold() == rendered.casefold()]
        if len(labels) == 1:
            return labels[0]
        near = difflib.get_close_matches(rendered, [*self.options, *self.options.values()], 1)
        remedy = f'did you mean "{near[0]}"?' if near else "add the option in Zendesk, or correct the mapping"
        return Finding("unknown-option", where, "the field has no such option; it was left out", remedy)


Thing = TypeVar("Thing")


@dataclass(frozen=True, slots=True)
class Listed(Generic[Thing]):
    """The things of a list by their ids, each with its title, and by whatever a mapping may call them."""

    titles: Mapping[int, str]
    called: Mapping[str, Sequence[Thing]]

    def near(self, wanted: str) -> str:
        """What to do about a name that nothing has."""
        near = difflib.get_close_matches(wanted, list(self.titles.values()), 1)
        return f'did you mean "{near[0]}"?' if near else "correct the name in the mapping or the route"


class Catalogue:
    """Groups and ticket fields, each list read once."""

    def __init__(self, pages: Pages, clock: Clock) -> None:
        self._pages = pages
        self._groups: Remembered[str, Listed[int]] = Remembered(self._read_groups, clock)
        self._fields: Remembered[str, Listed[CustomField]] = Remembered(self._read_fields, clock)

    def group(self, name: str, where: str) -> int | Finding:
        """The id of the group of this name (or with this id), or what is wrong."""
        groups = self._groups["all"]
        wanted = name.strip()
        found = groups.called.get(wanted.casefold(), ())
        if len(found) == 1:
            return found[0]
        if found:
            return Finding("ambiguous-group", where, "several groups have this name", "give the group's id instead")
        what = "no group has this name; the field was left out"
        return Finding("unknown-group", where, what, groups.near(wanted))

    def group_name(self, number: int) -> str:
        """What the group with this id is called, "" where there is none."""
        return self._groups["all"].titles.get(number, "")

    def custom(self, name: str) -> CustomField | Finding:
        """The custom field that `custom:TITLE` or `custom:ID` means, or what is wrong."""
        wanted = name.removeprefix(CUSTOM).strip()
        fields = self._fields["all"]
        found = fields.called.get(wanted.casefold(), ())
        if len(found) == 1:
            return found[0]
        if found:
            return Finding("ambiguous-field", name, "several fields have this title", "give the field's id instead")
        what = "the account has no active ticket field of this title or id; it was left out"
        return Finding("unknown-field", name, what, fields.near(wanted))

    def ids(self, names: Iterable[str]) -> dict[str, int]:
        """The ids of the custom fields among these rendered names; those unknown are not in it."""
        found = {name: self.custom(name) for name in names if name.startswith(CUSTOM)}
        return {name: each.id for name, each in found.items() if isinstance(each, CustomField)}

    def _read_groups(self, _: str) -> Listed[int]:
        """A name counts before an id that is spelt like it."""
        rows = self._pages("/api/v2/groups.json", "groups")
        titles = {int(row["id"]): str(row.get("name", "")) for row in rows if not row.get("deleted")}
        named = _by_title((title, number) for number, title in titles.items())
        return Listed(titles, {str(number): [number] for number in titles} | named)

    def _read_fields(self, _: str) -> Listed[CustomField]:
        """An id counts before a title that is spelt like it."""
        rows = self._pages("/api/v2/ticket_fields.json", "ticket_fields")
        fields = {each.id: each for row in rows if row.get("active", True) for each in [_custom_field(row)]}
        named = _by_title((each.title, each) for each in fields.values())
        return Listed(
            {number: each.title for number, each in fields.items()},
            named | {str(number): [each] for number, each in fields.items()},
        )


def _by_title(things: Iterable[tuple[str, Thing]]) -> dict[str, Sequence[Thing]]:
    called: dict[str, list[Thing]] = {}
    for title, thing in things:
        called.setdefault(title.casefold(), []).append(thing)
    return {**called}


def _custom_field(row: Mapping[str, Any]) -> CustomField:
    options: Sequence[Mapping[str, Any]] = row.get("custom_field_options") or ()
    labels = {str(each.get("value", "")): str(each.get("name", "")) for each in options}
    return CustomField(int(row["id"]), str(row.get("title", "")), str(row.get("type", "")), labels)
