"""`check --live` for Zendesk: what the account says about the credential, the fields, the groups, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from connector.clock import Clock
from connector.errors import Finding, RemoteError
from connector.sinks.inspecting import clock_finding, remote_finding
from connector.sinks.zendesk.catalogue import Catalogue, CustomField
from connector.sinks.zendesk.fields import CUSTOM
from connector.wire import Session

REFUSED = RemoteError.exit_code
_WRITERS = frozenset({"agent", "admin"})


class Inspection:
    """One look at an account. `planned` names the fields that a mapping writes, each with its literal values."""

    def __init__(self, name: str, catalogue: Catalogue, planned: Mapping[str, frozenset[str]]) -> None:
        self._name = name
        self._catalogue = catalogue
        self._planned = planned

    def findings(self, session: Callable[[], Session], clock: Clock) -> list[Finding]:
        found: list[Finding] = []
        try:
            found += self._account(session())
            found += clock_finding(self._name, session().last.date, clock)
            for part in (self._fields, self._groups):
                found += part()
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
