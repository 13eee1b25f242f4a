"""People and groups of an instance: names become sys_ids. Reads only; every row that comes back is checked again,
because ServiceNow drops a query's condition that it does not understand and then answers with any row."""

from __future__ import annotations

import difflib
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from connector.clock import Clock
from connector.errors import Finding, Permanent
from connector.sinks.remembered import Remembered
from connector.sinks.servicenow.fields import is_sys_id, plain
from connector.wire import Seen

Rows = Callable[[str, str, Sequence[str], int], list[dict[str, Any]]]  # (table, query, fields, limit)
Name = TypeVar("Name")

# Neither lets through what an encoded query gives a meaning to: carets, commas, and values that begin `javascript:`.
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?`{|}~-]{1,64}@[\w.-]{1,190}")
_LOGIN = re.compile(r"[\w.@\\/+' -]{1,100}")
_LISTED = re.compile(r"(?!javascript:)[^\x00-\x1f,^]{1,200}", re.IGNORECASE)  # a name that can stand in a list
_NAME = re.compile(r"(?!javascript:)[^\x00-\x1f]{1,200}", re.IGNORECASE)
_MANY_GROUPS = 1000
_MANY_USERS = 5000
_USER = ("sys_id", "user_name", "email", "active")
_GROUP = ("sys_id", "name", "active")
_ADDRESS = 6000  # characters of a query, as they stand in an address; servers take 8190 for all of it


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

    def ahead(self, people: Iterable[Asked], groups: Iterable[str]) -> None:
        """Look many up by few requests. Whoever is left out by them is looked up when asked for."""
        self._people.ahead((asked for asked in people if asked != Asked()), self._many_people)
        listed = (name for name in groups if _LISTED.fullmatch(name) and not is_sys_id(name))
        self._groups.ahead(listed, self._many_groups)

    def _many_people(self, wanted: Sequence[Asked]) -> dict[Asked, str | Finding]:
        found: dict[Asked, str | Finding] = {}
        for some in parts(wanted, lambda asked: f"{asked.email},{asked.login},"):
            emails = ",".join(dict.fromkeys(asked.email for asked in some if asked.email))
            logins = ",".join(dict.fromkeys(asked.login for asked in some if asked.login))
            conditions = [f"emailIN{emails}"] * bool(emails) + [f"user_nameIN{logins}"] * bool(logins)
            rows = self._all("sys_user", "^OR".join(conditions), _USER, _MANY_USERS)
            if rows is None:
                continue
            by_email, by_login = _index(rows, "email"), _index(rows, "user_name")
            for asked in some:
                found[asked] = chosen(asked, [*by_email.get(asked.email.casefold(), ()), *_others(asked, by_login)])
        return found

    def _many_groups(self, names: Sequence[str]) -> dict[str, str | Finding]:
        """Of the groups whose name is one group's; the others are worth a question of their own."""
        found: dict[str, str | Finding] = {}
        for some in parts(names, lambda name: f"{name},"):
            query = f"nameIN{','.join(some)}^active=true"
            by_name = _index(self._all("sys_user_group", query, _GROUP, _MANY_GROUPS) or (), "name")
            for name in some:
                rows = by_name.get(name.casefold(), ())
                if len(rows) == 1:
                    found[name] = plain(rows[0].get("sys_id"))
        return found

    def _all(self, table: str, query: str, fields: Sequence[str], most: int) -> list[dict[str, Any]] | None:
        """The rows that a query finds, None where they may be more than those that came."""
        try:
            rows = self._rows(table, query, fields, most)
        except Permanent as error:
            if error.code == Seen.TOO_LARGE:
                return None
            raise
        return rows if len(rows) < most else None

    def _person(self, asked: Asked) -> str | Finding:
        conditions = []
        if asked.email:
            conditions.append(f"email={term(asked.email)}")
        if asked.login:
            conditions.append(f"user_name={term(asked.login)}")
        if not conditions:
            return Finding("unknown-person", "", "there is no e-mail and no login to find the user by")
        return chosen(asked, self._rows("sys_user", "^OR".join(conditions), _USER, 50))

    def _group(self, name: str) -> str | Finding:
        if not _NAME.fullmatch(name):
            return Finding("unknown-group", "", "this is not a name that a group can have")
        rows = self._rows("sys_user_group", f"name={term(name)}^active=true", _GROUP, 10)
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


def parts(names: Sequence[Name], text: Callable[[Name], str]) -> Iterator[list[Name]]:
    """The names in parts, each short enough for a query in an address."""
    part: list[Name] = []
    size = 0
    for name in names:
        length = len(urllib.parse.quote_plus(text(name)))
        if part and size + length > _ADDRESS:
            yield part
            part, size = [], 0
        part.append(name)
        size += length
    if part:
        yield part


def _index(rows: Iterable[Mapping[str, Any]], column: str) -> dict[str, list[Mapping[str, Any]]]:
    """The rows by what they hold, without regard to case."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(plain(row.get(column)).casefold(), []).append(row)
    return found


def _others(asked: Asked, by_login: Mapping[str, list[Mapping[str, Any]]]) -> list[Mapping[str, Any]]:
    """Those with the login whom the e-mail does not find already."""
    return [row for row in by_login.get(asked.login.casefold(), ()) if not _has(row, "email", asked.email)]


def _has(row: Mapping[str, Any], column: str, value: str) -> bool:
    return bool(value) and plain(row.get(column)).casefold() == value.casefold()


def _placed(answer: str | Finding, where: str) -> str | Finding:
    if isinstance(answer, str):
        return answer
    return Finding(answer.code, where, answer.what, answer.remedy)
