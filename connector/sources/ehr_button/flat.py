"""Flat contexts: one object of plain values, or a form body, whose keys the site's alias table explains.

This is what an EHR's toolbar button hands over when its link carries the context as parameters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from connector.plugins import Reading
from connector.sources.document import Unreadable
from connector.sources.ehr_button import generic
from connector.sources.ehr_button.aliases import key_of
from connector.sources.ehr_button.form import Form
from connector.sources.ehr_button.format import Origin
from connector.sources.ehr_button.settings import EhrButtonSettings

_FORM = re.compile(r"\s*[A-Za-z_][\w.%+\[\]-]{0,80}=")
_MOST_KEYS = 1000


def matches(payload: Mapping[str, Any], settings: EhrButtonSettings) -> bool:
    """Plain values only, at least one under a key that means something here and nothing in a generic payload."""
    if any(isinstance(value, dict | list) for value in payload.values()):
        return False
    return any(key not in generic.KEYS and settings.flat_targets.get(key_of(key)) for key in payload)


def reading(payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Reading:
    """The ticket; raises Unreadable where nothing in it says what is wrong."""
    form = Form(settings.flat_targets)
    for key, value in payload.items():
        form.fill(key, value)
    return generic.reading(form.payload(), origin, settings)


def is_form(text: str) -> bool:
    """Does it begin as a form body or a query does (`application/x-www-form-urlencoded`, WHATWG URL)?"""
    return _FORM.match(text) is not None


def form_body(text: str) -> dict[str, Any]:
    """The keys and values of a form body; one said twice has two lines. Raises Unreadable for too many."""
    try:
        pairs = parse_qsl(text.strip(), max_num_fields=_MOST_KEYS, errors="replace")
    except ValueError:
        raise Unreadable("too-many-values", f"a form of more than {_MOST_KEYS:,} keys", "send fewer") from None
    said: dict[str, list[str]] = {}
    for key, value in pairs:
        said.setdefault(key, []).append(value)
    return {key: "\n".join(values) for key, values in said.items()}
