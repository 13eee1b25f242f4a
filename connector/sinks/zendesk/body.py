"""What a mapping rendered, with names looked up: the body, still under the rendered names, so that it can be told which
of them were left out. `zendesk_fields.ticket` makes of it what is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connector.errors import Finding
from connector.plugins import Do, Resolved
from connector.sinks.zendesk.catalogue import Catalogue, CustomField
from connector.sinks.zendesk.fields import COMMENT, CUSTOM, IMPORTED, PEOPLE_LISTS, instant, tag_list

_EMAIL = re.compile(r"[^\s,<>\"\x00-\x1f@]{1,64}@[A-Za-z0-9.-]{1,190}")
_IDS = frozenset({"form", "brand", "organization_id", "custom_status_id"})


class Body:
    """Builds one body and gathers what is to be said about it."""

    def __init__(self, catalogue: Catalogue, unknown_requester: str | None) -> None:
        self._catalogue = catalogue
        self._unknown_requester = unknown_requester
        self._findings: list[Finding] = []
        self._body: dict[str, Any] = {}

    def of(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        if do is Do.COMMENT:
            return Resolved({"text": str(fields.get("text") or ""), "public": bool(fields.get("public", True))})
        if do is Do.LINK:
            return Resolved({"problem": str(fields.get("problem") or "")})
        for name, value in fields.items():
            if name in IMPORTED:
                self._add_time(do, name, value)
            elif name.startswith(CUSTOM):
                self._add_custom(name, value)
            elif name == "tags":
                self._body[name] = _tags(do, value)
            elif name not in COMMENT:
                self._add(name, value)
        if do is Do.CREATE:
            self._body["comment"] = _first_comment(fields)
        return Resolved(self._body, tuple(self._findings))

    def _add(self, name: str, value: Any) -> None:
        if name == "follow_up_of":
            self._body[name] = _whole_number(value)
        elif name == "requester":
            self._add_requester(value)
        elif name == "assignee":
            self._add_assignee(value)
        elif name == "group":
            self._add_group(value)
        elif name in PEOPLE_LISTS:
            self._body[name] = [each for item in value or () if (each := _copied(item)) is not None]
        elif name in _IDS:
            self._body[name] = _whole_number(value)
        else:
            self._body[name] = value if value != "" else None

    def _add_requester(self, value: Any) -> None:
        email, name = _address(value)
        if not email and self._unknown_requester:
            email, name = _address(self._unknown_requester)
        if email:
            self._body["requester"] = {"email": email, "name": name or email.partition("@")[0]}
        else:
            what = "the requester has no valid e-mail address, so the connector's own account becomes the requester"
            self._findings.append(Finding("unknown-person", "requester", what, "set unknown_requester on the sink"))

    def _add_assignee(self, value: Any) -> None:
        email, _ = _address(value)
        if email:
            self._body["assignee"] = email
        elif value:
            self._findings.append(Finding("unknown-person", "assignee", "an assignee is given by e-mail; left out"))

    def _add_group(self, value: Any) -> None:
        if value in (None, ""):
            self._body["group"] = None
            return
        found = self._catalogue.group(str(value), "group")
        if isinstance(found, Finding):
            self._findings.append(found)
        else:
            self._body["group"] = found

    def _add_time(self, do: Do, name: str, value: Any) -> None:
        if do is not Do.CREATE or value in (None, ""):
            return
        found = instant(str(value))
        if found is None:
            what = "this field takes a time with its zone (ISO 8601); it was left out"
            self._findings.append(Finding("not-a-time", name, what))
        else:
            self._body[name] = f"{found:%Y-%m-%dT%H:%M:%SZ}"

    def _add_custom(self, name: str, value: Any) -> None:
        custom = self._catalogue.custom(name)
        found = custom.value(value, name) if isinstance(custom, CustomField) else custom
        if isinstance(custom, Finding) or isinstance(found, Finding):
            self._findings.append(found)
            return
        self._body[name] = {"id": custom.id, "value": found}


def _tags(do: Do, value: Any) -> Any:
    changes = value if isinstance(value, Mapping) else {"add": value}
    if do is Do.CREATE:
        return tag_list(changes.get("add"))
    return {way: tag_list(changes.get(way)) for way in ("add", "remove")}


def _first_comment(fields: Mapping[str, Any]) -> dict[str, Any]:
    public = bool(fields.get("comment_public", True))
    if fields.get("comment_html"):
        return {"html_body": str(fields["comment_html"]), "public": public}
    # Zendesk refuses a ticket whose first comment is blank.
    text = str(fields.get("comment") or "").strip() or str(fields.get("subject") or "").strip() or "-"
    return {"body": text, "public": public}


def _address(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping):
        email, name = str(value.get("email") or "").strip(), str(value.get("name") or "").strip()
    else:
        email, name = str(value or "").strip(), ""
    return (email if _EMAIL.fullmatch(email) else ""), name


def _copied(value: Any) -> dict[str, str] | None:
    email, name = _address(value)
    if not email:
        return None
    named = {"user_name": name} if name else {}
    return {"user_email": email, "action": "put", **named}


def _whole_number(value: Any) -> int | None:
    return int(str(value)) if str(value).isascii() and str(value).isdigit() else None
