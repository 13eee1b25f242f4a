"""Settings that come as JSON: known names, values of the right kind, and a word about what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from connector.sandbox.servicenow.instance import Settings as ServiceNowSettings
from connector.sandbox.zendesk.account import Settings as ZendeskSettings


class Running:
    """What may be said of the sandbox as a whole while it runs."""

    latency: float
    servicenow: dict[str, Any]
    zendesk: dict[str, Any]


class Starting(Running):
    """What may be said when it starts."""

    hardened: bool
    settle: float
    seed: int


def read(text: str) -> dict[str, Any]:
    """Keyword arguments for `Sandbox` from JSON. Raises `ValueError` that names the setting."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is no JSON: {error}") from error
    return check(document, Starting)


def check(document: Any, kind: type = Running) -> dict[str, Any]:
    """The settings, each as its kind. Raises `ValueError` that names the setting."""
    found = _values(document, kind, "")
    for name, inner in (("servicenow", ServiceNowSettings), ("zendesk", ZendeskSettings)):
        if name in found:
            found[name] = _values(found[name], inner, f"{name}.")
    return found


def _values(document: Any, kind: type, place: str) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise ValueError("settings are a JSON object")
    hints = get_type_hints(kind)
    found = {}
    for name, value in document.items():
        if name not in hints:
            raise ValueError(f"there is no setting {place}{name}; known are {', '.join(sorted(hints))}")
        try:
            found[name] = TypeAdapter(hints[name]).validate_python(value)
        except ValidationError as error:
            raise ValueError(f"{place}{name}: {error.errors()[0]['msg']}") from error
    return found
