"""A generic payload in the making, filled in from keys and values that come one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.sources.ehr_button.aliases import key_of

_GROWS = frozenset({"description", "error_text", "steps_tried"})
# ServiceNow's numbers for impact and urgency, alone or with their label: `2`, `2 - Medium`.
_NUMBERED: Mapping[str, Mapping[str, str]] = {
    "impact": {"1": "site", "2": "unit", "3": "user"},
    "urgency": {"1": "high", "2": "medium", "3": "low"},
}
_CONTENT = re.compile(r"\s*(?:data:|[A-Za-z0-9+/_=-]{60})", re.IGNORECASE)  # no address begins like this
_NUMBER = re.compile(r"\s*([123])(?:\s*-.{0,40})?\s*")


class Form:
    """Filled in key by key; what fits nowhere, or says otherwise than an earlier value, is kept under `extra`."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        """`targets` says where the values of keys belong, as `aliases.ALIASES` does."""
        self._targets = targets
        self._made: dict[str, Any] = {}
        self._lines: dict[str, list[str]] = {}

    def fill(self, key: str, value: Any) -> None:
        """Take in a value by the key that it came under."""
        target = self._targets.get(key_of(key), "")
        if isinstance(value, dict | list) or not target:
            self.keep(key, value)
        else:
            self.put(target, value, key)

    def place(self, key: str) -> str:
        """Where the values of a key belong; empty where nobody knows."""
        return self._targets.get(key_of(key), "")

    def put(self, target: str, value: Any, key: str = "") -> None:
        """Take in a value whose place is known. A text that may have several parts grows; else the first counts."""
        if value is None or value == "":
            return
        group, _, name = target.rpartition(".")
        if group == "records":
            self._list("records").append({"type": name, "id": value})
        elif target == "records":
            self._list("records").append(value)
        elif target in _GROWS:
            self._lines.setdefault(target, []).append(str(value))
        elif target == "attachments":
            self.attach({"content_base64" if _CONTENT.match(str(value)) else "url": value})
        else:
            self._first(self._made.setdefault(group, {}) if group else self._made, name, value, key)

    def keep(self, key: str, value: Any) -> None:
        """Keep a value that has no place."""
        if value is not None and value != "":
            extra = self._made.setdefault("extra", {})
            if key not in extra:
                extra[key] = value
            elif isinstance(extra[key], list):
                extra[key].append(value)
            else:
                extra[key] = [extra[key], value]

    def attach(self, file: Mapping[str, Any]) -> None:
        """Take in a file, as a generic payload carries it."""
        self._list("attachments").append(file)

    def payload(self) -> dict[str, Any]:
        """The generic payload. Where nobody described anything, its description is its summary, or the error."""
        made = {**self._made, **{target: "\n".join(lines) for target, lines in self._lines.items()}}
        if "description" not in made and (said := made.get("summary") or made.get("error_text")):
            made["description"] = said
        return made

    def _first(self, holder: dict[str, Any], name: str, value: Any, key: str) -> None:
        worded = _worded(name, value)
        if name not in holder:
            holder[name] = worded
        elif holder[name] != worded:
            self.keep(key or name, value)

    def _list(self, name: str) -> list[Any]:
        found: list[Any] = self._made.setdefault(name, [])
        return found


def _worded(name: str, value: Any) -> Any:
    words = _NUMBERED.get(name)
    number = _NUMBER.fullmatch(str(value)) if words else None
    return words[number[1]] if words and number else value
