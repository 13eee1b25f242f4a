"""What every sink's `check` says alike."""

from __future__ import annotations

from datetime import datetime

from connector.clock import Clock, utc
from connector.errors import Finding, RemoteError

ADVICE = 0  # the exit code of what is worth a word and stops nothing
SKEW = 60.0  # seconds between our clock and the remote's that are worth a word


def clock_finding(name: str, date: datetime | None, clock: Clock) -> list[Finding]:
    """Whether this machine's clock agrees with the remote's `Date`."""
    if date is None:
        what = "its answers carry no Date, without which a lost answer is never proved undone"
        return [Finding("no-date", name, what, "ask whoever runs the proxy between to let the header pass", ADVICE)]
    seconds = (utc(clock.wall()) - date).total_seconds()
    if abs(seconds) <= SKEW:
        return []
    way = "ahead of" if seconds > 0 else "behind"
    return [
        Finding(
            "clock", name, f"this machine's clock is {abs(seconds):.0f} s {way} the remote's", "set the clock", ADVICE
        )
    ]


def remote_finding(name: str, error: RemoteError) -> Finding:
    """An error met while checking, as a finding."""
    return Finding(error.code, name, error.what, error.remedy, error.exit_code)


def settling_finding(name: str, given: float, least: float) -> list[Finding]:
    """Whether `settle_after` lets a remote finish what it may still be doing after a lost answer."""
    if given >= least:
        return []
    what = f"settle_after is {given:g} s; the remote may still write {least:g} s after a lost answer"
    return [Finding("settle-after", name, what, f"set it to {least:g} or more", ADVICE)]
