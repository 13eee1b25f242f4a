"""What a mapping rendered, turned into what the Table API is sent: people and groups by sys_id, values as strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from connector.errors import Finding
from connector.plugins import Do, Resolved
from connector.sinks.servicenow import fields as columns
from connector.sinks.servicenow.people import Asked, Directory, is_person


def look_ahead(directory: Directory, each: Iterable[Mapping[str, Any]]) -> None:
    """Have the directory look up whomever these rendered fields name, all at once."""
    named = [(name, value) for fields in each for name, value in fields.items() if value]
    people = dict.fromkeys(Asked.of(person) for name, value in named for person in _people(name, value))
    groups = dict.fromkeys(str(value).strip() for name, value in named if name in columns.GROUPS)
    directory.ahead(people, groups)


def _people(name: str, value: Any) -> Iterator[Any]:
    """Those whom a column's value names by e-mail or login."""
    if isinstance(value, str) and name not in columns.PEOPLE:  # nearly all are
        return
    for person in value if name in columns.LISTS and isinstance(value, list | tuple) else [value]:
        by_word = isinstance(person, str) and (name in columns.PEOPLE or person is not value)
        if is_person(person) or (by_word and person and not columns.is_sys_id(person)):
            yield person


class Body:
    """Builds one body and gathers what is to be said about it."""

    def __init__(self, directory: Directory, unknown_caller: str | None) -> None:
        self._directory = directory
        self._unknown_caller = unknown_caller
        self._findings: list[Finding] = []

    def of(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        if do is Do.COMMENT:
            public = bool(fields.get("public", True))
            return Resolved({"text": columns.journal(columns.plain(fields.get("text"))), "public": public})
        if do is Do.LINK:
            return Resolved({"problem": columns.plain(fields.get("problem"))})
        body: dict[str, Any] = {}
        for name, value in fields.items():
            if name in columns.OWN or (do is not Do.CREATE and name in columns.JOURNALS):
                continue  # a journal appends at every write, so it is written once, with the create
            # `parent` merely refers; `parent_incident` would make ServiceNow copy states between the two.
            target = "parent" if name == "follow_up_of" else name
            found = self._value(name, value)
            if found is not None:
                body[target] = found
        return Resolved(body, tuple(self._findings))

    def _value(self, name: str, value: Any) -> str | None:
        if name in columns.JOURNALS:
            return columns.journal(columns.plain(value))
        if value in (None, ""):
            return ""
        if name in columns.GROUPS:
            return self._kept(self._directory.group(str(value), name))
        if name in columns.LISTS and isinstance(value, list | tuple):
            return ",".join(dict.fromkeys(filter(None, (self._watcher(name, item) for item in value))))
        if isinstance(value, str):
            return self._person(name, value) if name in columns.PEOPLE else value
        if is_person(value):
            return self._person(name, value)
        if isinstance(value, Mapping):
            self._findings.append(Finding("not-a-value", name, "this column takes a single value; it was left out"))
            return None
        return columns.plain(value)

    def _person(self, name: str, value: Any) -> str | None:
        found = self._kept(self._directory.person(value, name))
        if found is None and name == "caller_id" and self._unknown_caller:
            return self._kept(self._directory.person(self._unknown_caller, "unknown_caller"))
        return found

    def _watcher(self, name: str, value: Any) -> str:
        """A user, or a bare e-mail address where no user has it: these lists take both."""
        if isinstance(value, str) and columns.is_sys_id(value):
            return value
        found = self._directory.person(value, name)
        if isinstance(found, str):
            return found
        email = Asked.of(value).email
        if not email:
            self._findings.append(found)
        return email

    def _kept(self, answer: str | Finding) -> str | None:
        if isinstance(answer, str):
            return answer
        self._findings.append(answer)
        return None
