"""People and groups of an instance: names become sys_ids. Reads only; every row that comes back is checked again,
because ServiceNow drops a query's condition that it does not understand and then answers with any row."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.clock import Clock
from connector.errors import Finding
from connector.sinks.remembered import Remembered
from connector.sinks.servicenow.fields import is_sys_id, plain

Rows = Callable[[str, str, Sequence[str], int], list[dict[str, Any]]]  # (table, query, fields, limit)

# Neither lets through what an encoded query gives a meaning to: carets, commas, and values that begin `javascript:`.
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?`{|}~-]{1,64}@[\w.-]{1,190}")
_LOGIN = re.compile(r"[\w.@\\/+' -]{1,100}")
_NAME = re.compile(r"(?!javascript:)[^\x00-\x1f]{1,200}", re.IGNORECASE)
_MANY_GROUPS = 1000


def term(value: str) -> str:
    """A value for an encoded query. The caret separates conditions and is doubled."""
    return value.replace("^", "^^")


@dataclass(frozen=True, slots=True)
class Asked:
    """A person as the mapping renders one."""

    email: str = ""
    login: str = ""

    @classmethod
    def of(cls, value: Any) -> Asked:
        """From `{"email", "login", "name"}` or from a bare e-mail or login."""
        if isinstance(value, Mapping):
            email, login = str(value.get("email") or ""), str(value.get("login") or "")
        else:
            email, login = (str(value), "") if "@" in str(value) else ("", str(value))
        # What does not look like one is not asked for: it could only change the query.
        fits = _EMAIL.fullmatch(email.strip()), _LOGIN.fullmatch(login.strip())
        return cls(email.strip() if fits[0] else "", login.strip() if fits[1] else "")


def is_person(value: Any) -> bool:
    """Is this a person as the mapping renders one?"""
    return isinstance(value, Mapping) and bool(value) and value.keys() <= {"email", "login", "name"}


class Directory:
    """Looks people and groups up, once each."""

    def __init__(self, rows: Rows, clock: Clock) -> None:
        self._rows = rows
        self._people: Remembered[Asked, str | Finding] = Remembered(self._person, clock)
        self._groups: Remembered[str, str | Finding] = Remembered(self._group, clock)

    def person(self, value: Any, where: str) -> str | Finding:
        """The sys_id of the user with this e-mail or login, or what is wrong."""
        if isinstance(value, str) and is_sys_id(value):
            return value
        return _placed(self._people[Asked.of(value)], where)

    def group(self, name: str, where: str) -> str | Finding:
        """The sys_id of the active group of this name, or what is wrong."""
        if is_sys_id(name):
            return name
        return _placed(self._groups[name.strip()], where)

    def _person(self, asked: Asked) -> str | Finding:
        conditions = []
        if asked.email:
            conditions.append(f"email={term(asked.email)}")
        if asked.login:
            conditions.append(f"user_name={term(asked.login)}")
        if not conditions:
            return Finding("unknown-person", "", "there is no e-mail and no login to find the user by")
        fields = ("sys_id", "user_name", "email", "active")
        return chosen(asked, self._rows("sys_user", "^OR".join(conditions), fields, 50))

    def _group(self, name: str) -> str | Finding:
        if not _NAME.fullmatch(name):
            return Finding("unknown-group", "", "this is not a name that a group can have")
        rows = self._rows("sys_user_group", f"name={term(name)}^active=true", ("sys_id", "name", "active"), 10)
        ids = [plain(row.get("sys_id")) for row in rows if plain(row.get("name")).casefold() == name.casefold()]
        if len(ids) == 1:
            return ids[0]
        if ids:
            return Finding("ambiguous-group", "", "several groups have this name", "give the group's sys_id instead")
        near = difflib.get_close_matches(name, self._group_names(), 1)
        remedy = f'did you mean "{near[0]}"?' if near else "correct the name in the mapping or the route"
        return Finding("unknown-group", "", "no active group has this name; the field was left out", remedy)

    def _group_names(self) -> list[str]:
        rows = self._rows("sys_user_group", "active=true^ORDERBYname", ("name",), _MANY_GROUPS)
        return [plain(row.get("name")) for row in rows]


def chosen(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> str | Finding:
    """The one user meant. The e-mail decides; of several who share it the login does; active ones come first."""
    ours = [row for row in rows if _has(row, "email", asked.email) or _has(row, "user_name", asked.login)]
    pool = [row for row in ours if plain(row.get("active")) == "true"] or ours
    by_email = [row for row in pool if _has(row, "email", asked.email)]
    by_login = [row for row in pool if _has(row, "user_name", asked.login)]
    if len(by_email) > 1:
        by_login = [row for row in by_login if row in by_email]
    for found in (by_email, by_login):
        if len(found) == 1:
            return plain(found[0].get("sys_id"))
    if by_email or by_login:
        return Finding("ambiguous-person", "", "several users share this e-mail, and no login tells which; left out")
    return Finding("unknown-person", "", "no user has this e-mail or login")


def _has(row: Mapping[str, Any], column: str, value: str) -> bool:
    return bool(value) and plain(row.get(column)).casefold() == value.casefold()


def _placed(answer: str | Finding, where: str) -> str | Finding:
    if isinstance(answer, str):
        return answer
    return Finding(answer.code, where, answer.what, answer.remedy)
