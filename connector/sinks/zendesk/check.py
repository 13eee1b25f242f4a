"""`check --live` for Zendesk: what the account says about the credential, the fields, the groups, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from connector.clock import Clock
from connector.errors import Finding, Permanent, RemoteError
from connector.sinks.inspecting import ADVICE, clock_finding, remote_finding
from connector.sinks.zendesk.catalogue import Catalogue, CustomField
from connector.sinks.zendesk.fields import CUSTOM
from connector.wire import Session

REFUSED = RemoteError.exit_code
_WRITERS = frozenset({"agent", "admin"})
_PAST = 600.0  # an export begins in the past, by the remote's own clock


class Inspection:
    """One look at an account. `planned` names the fields that a mapping writes, each with its literal values;
    `imports` says that tickets are made through the Import API."""

    def __init__(self, name: str, catalogue: Catalogue, planned: Mapping[str, frozenset[str]], imports: bool) -> None:
        self._name = name
        self._catalogue = catalogue
        self._planned = planned
        self._imports = imports

    def findings(self, session: Callable[[], Session], clock: Clock) -> list[Finding]:
        found: list[Finding] = []
        try:
            found += self._account(session())
            found += clock_finding(self._name, session().last.date, clock)
            refused = any(each.exit_code for each in found)
            for part in (self._fields, self._groups):
                found += part()
            found += [] if refused else self._export(session(), clock)
        except RemoteError as error:
            found.append(remote_finding(self._name, error))
        return found

    def _account(self, session: Session) -> Iterator[Finding]:
        session.get("/api/v2/users/me.json")
        user = session.part("user", dict)
        if not user.get("id"):  # a bad credential may be answered with 200 and an anonymous user
            remedy = "check the sink's auth, and the secret it points to"
            yield Finding("unauthorised", self._name, "Zendesk takes this credential for nobody's", remedy, REFUSED)
        elif user.get("role") not in _WRITERS:
            what = "the account is not an agent, so it cannot set fields or write for others"
            yield Finding("forbidden", self._name, what, "give it the role of an agent or administrator", REFUSED)
        elif self._imports:
            yield from self._import(str(user["role"]))

    def _import(self, role: str) -> Iterator[Finding]:
        if role != "admin":
            what = "mode: import needs an administrator, and the account is none"
            yield Finding("forbidden", self._name, what, "give it that role, or set mode: live", REFUSED)
        what = "with mode: import no trigger runs, nobody is told, and metrics and SLAs of these tickets are wrong"
        remedy = "have the mapping tag them, leave the tag out of reports, and set mode: live for new requests"
        yield Finding("imports", self._name, what, remedy, ADVICE)

    def _export(self, session: Session, clock: Clock) -> Iterator[Finding]:
        date = session.last.date
        params = {"start_time": f"{(date.timestamp() if date else clock.wall()) - _PAST:.0f}", "per_page": "1"}
        try:
            session.get("/api/v2/incremental/tickets/cursor.json", params=params)
        except Permanent:
            what = "the account may not read the incremental export, so each open ticket is asked for changes by itself"
            yield Finding("no-export", self._name, what, "make it an administrator; else changes come later", ADVICE)

    def _fields(self) -> Iterator[Finding]:
        for name in self._planned:
            if not name.startswith(CUSTOM):
                continue
            custom = self._catalogue.custom(name)
            where = f"{self._name}.{name}"
            if isinstance(custom, Finding):
                yield Finding(custom.code, where, custom.what, custom.remedy)
                continue
            yield from _options(custom, sorted(self._planned[name]), where)

    def _groups(self) -> Iterator[Finding]:
        for name in sorted(self._planned.get("group", ())):
            found = self._catalogue.group(name, f"{self._name}.group")
            if isinstance(found, Finding):
                yield Finding(found.code, found.where, f'"{name}": {found.what}', found.remedy)


def _options(custom: CustomField, values: list[str], where: str) -> Iterator[Finding]:
    for value in values:
        found = custom.value(value, where)
        if isinstance(found, Finding):
            yield Finding(found.code, where, f'"{value}": {found.what}', found.remedy)
