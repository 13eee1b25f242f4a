"""The error tree. A class says what to do next, a message says what happened and names the remedy.

    ConnectorError
    ├── SettingsError      settings, mapping or usage are wrong; carries every finding at once   (exit 2)
    ├── Busy               others hold all that was asked for                                     (exit 4)
    ├── NoSuchTicket       the name given on the command line fits no ticket, or several          (exit 2)
    ├── StaleRow           somebody else moved this delivery first
    └── RemoteError        a remote system answered, or failed to
        ├── Transient      not done, or safe to repeat; may carry `retry_after`
        ├── Permanent      not done, and will not be without a change
        └── Uncertain      nobody knows whether it was done

A `scope` of ACCOUNT says that the credential or the whole remote is concerned, not the one row (exit 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a file, a setting, a record or a value: where, what, and what to do about it.

    `code` is a stable word in kebab case (`unknown-field`); `where` is `file:line`, a setting's path or a
    record's place. None of the texts may hold a secret or text of a ticket. `exit_code` is what `check` ends with:
    2 where something is to be mended here, 3 where a remote system is at fault, 0 for advice.
    """

    code: str
    where: str
    what: str
    remedy: str = ""
    exit_code: int = 2

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}" + (f" ({self.remedy})" if self.remedy else "")


class Scope(StrEnum):
    """What an error concerns: the one delivery, or everything that goes to this remote account."""

    ROW = "row"
    ACCOUNT = "account"


def told_of(name: str, what: str) -> str:
    """What is said of the source or sink `name`, which it names once."""
    return what if what.startswith(f"{name} ") else f"{name}: {what}"


class ConnectorError(Exception):
    """Root of all errors that a person is meant to read; `str()` is the message, `remedy` the way out."""

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} ({self.remedy})" if self.remedy else self.what


class SettingsError(ConnectorError):
    """Settings, mapping or usage are wrong. `findings` holds all of them, in file order."""

    exit_code = 2

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in self.findings))


class NoSuchTicket(ConnectorError):
    """No ticket, or more than one, answers to the name given."""

    exit_code = 2


class Busy(ConnectorError):
    """Other processes hold everything that this run was asked to do."""

    exit_code = 4


class StaleRow(ConnectorError):
    """The delivery is no longer in the state that this change started from; nothing was written."""


class RemoteError(ConnectorError):
    """A remote system refused, failed, or did not answer."""

    exit_code = 3

    def __init__(
        self,
        what: str,
        remedy: str = "",
        *,
        code: str = "remote",
        scope: Scope = Scope.ROW,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(what, remedy)
        self.code = code
        self.scope = scope
        self.status = status
        self.retry_after = retry_after


class Transient(RemoteError):
    """Not done, or safe to repeat. `retry_after` is in seconds where the remote named a time."""


class Permanent(RemoteError):
    """Not done, and it will not be until somebody changes something."""


class Uncertain(RemoteError):
    """The answer was lost: the remote may or may not have done it. Never repeat before looking."""
