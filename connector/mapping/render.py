"""From a ticket to the values of a sink's fields. Pure, and it cannot raise.

What goes wrong with a field becomes a finding that names mapping line and field and holds no text of the ticket.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from connector.errors import Finding
from connector.fields import filled, text_of
from connector.mapping.derived import Subject
from connector.mapping.load import MappedField, Mapping
from connector.mapping.templates import CannotRender
from connector.mapping.transforms import shorten
from connector.ticket import Comment, Ticket

NO_FACTS: Table[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Rendered:
    """Values per sink field, JSON-safe. A field that has no value is absent.

    `findings` block the ticket. `origins` says in words where each value came from.
    """

    fields: dict[str, Any] = field(repr=False)
    findings: tuple[Finding, ...] = ()
    origins: dict[str, str] = field(default_factory=dict)


def render(mapping: Mapping, ticket: Ticket, facts: Table[str, Any] = NO_FACTS, *, update: bool = False) -> Rendered:
    """The ticket in the words of the sink. `update` leaves out the fields that are written once (`on: create`).

    `facts` may hold `site`, `group` (of the route), `withheld` (the files that are not sent), and what the settings
    say of priority and service levels (`weighing`, `levels`).
    """
    subject = Subject(ticket, facts)
    rendered = Rendered({})
    findings: list[Finding] = []
    for mapped in mapping.fields:
        if update and mapped.create_only:
            continue
        _render(mapped, subject, rendered, findings)
    return Rendered(rendered.fields, tuple(findings), rendered.origins) if findings else rendered


def render_comment(mapping: Mapping, ticket: Ticket, comment: Comment, facts: Table[str, Any] = NO_FACTS) -> Rendered:
    """The comment as it will be written: `{"text": str, "public": bool}`."""
    rendered = Rendered({})
    findings: list[Finding] = []
    _render(mapping.comment, Subject(ticket, facts, comment), rendered, findings)
    rendered.fields["public"] = comment.public if mapping.public is None else mapping.public
    return Rendered(rendered.fields, tuple(findings), rendered.origins)


def _render(mapped: MappedField, subject: Subject, rendered: Rendered, findings: list[Finding]) -> None:
    try:
        if mapped.when is not None and not mapped.when(subject):
            return
        value, origin = mapped.make(subject)
        value = fitted(value, mapped) if filled(value) else None
    except CannotRender as fault:
        findings.append(_finding(mapped, "cannot-render", fault.what, fault.remedy))
    except Exception as error:  # noqa: BLE001 - a mapping must never stop a run; str(error) may hold the ticket's text
        what = f"it cannot be made from this ticket ({type(error).__name__})"
        findings.append(_finding(mapped, "cannot-render", what, "`connector mapping preview` shows the ticket"))
    else:
        if value is not None:
            rendered.fields[mapped.name] = value
            rendered.origins[mapped.name] = origin
        elif mapped.required:
            remedy = "give it a `default:`, or complete the ticket"
            findings.append(_finding(mapped, "empty-field", "it is required, and empty for this ticket", remedy))


def _finding(mapped: MappedField, code: str, what: str, remedy: str) -> Finding:
    return Finding(code, mapped.place, f"{mapped.name}: {what}", remedy)


def fitted(value: Any, mapped: MappedField) -> Any:
    """The value as JSON, no longer than the field is. Raises CannotRender where it is not among the choices."""
    plain = json_safe(value)
    if mapped.choices is not None:
        return _chosen(plain, mapped.choices)
    if isinstance(plain, str) and mapped.max_length is not None:
        return shorten(plain, mapped.max_length)
    return plain


def _chosen(plain: Any, choices: frozenset[str]) -> Any:
    words = [text_of(item) for item in plain] if isinstance(plain, list) else [text_of(plain)]
    if any(word not in choices for word in words):
        raise CannotRender("its value is not among the field's choices", "add it to a `values:` table")
    return words if isinstance(plain, list) else words[0]


def json_safe(value: Any) -> Any:
    """The same in str, int, float, bool, list and dict; half a surrogate pair becomes `?`, NaN becomes nothing."""
    if isinstance(value, str):
        return str(value) if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, (tuple, list)):
        return [json_safe(item) for item in value]
    if isinstance(value, Table):
        return {json_safe(text_of(key)): json_safe(item) for key, item in value.items()}
    return json_safe(text_of(value))
