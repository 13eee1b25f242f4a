"""Rate limits of the account and of single endpoints, with their headers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]


@dataclass(frozen=True)
class Limit:
    """So many requests in so many seconds, for each of what `per` makes different."""

    name: str
    method: str
    path: re.Pattern[str]
    total: int
    seconds: int
    per: str = ""


def _limit(name: str, method: str, path: str, total: int, seconds: int = 60, per: str = "") -> Limit:
    return Limit(name, method, re.compile(path), total, seconds, per)


# The documented limits of a small plan; `totals` of the account's settings replaces numbers.
LIMITS = (
    _limit("tickets-update-per-ticket", "PUT", r"/api/v2/tickets/(\d+)(?:/.+)?", 30, 600, "record and user"),
    _limit("tickets-update", "PUT", r"/api/v2/tickets/\d+", 100),
    _limit("ticket-request-create-by-user-and-ip", "POST", r"/api/v2/tickets", 300),
    _limit("tickets-index", "GET", r"/api/v2/tickets", 100),
    _limit("tickets-destroy", "DELETE", r"/api/v2/tickets/\d+", 400),
    _limit("incremental-exports", "GET", r"/api/v2/incremental/.+", 10),
    _limit("search-export", "GET", r"/api/v2/search/export", 100),
    _limit("search-index", "GET", r"/api/v2/search", 2500),
    _limit("users-create-or-update", "POST", r"/api/v2/users/create_or_update", 1, 1),
    _limit("users-update", "PUT", r"/api/v2/users/(\d+)", 5, 60, "record"),
    _limit("users-update-per-account", "PUT", r"/api/v2/users/\d+", 1, 1),
)


class Limits:
    """Counts requests in windows of sandbox time. A refused request does nothing else."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._counts: dict[tuple[str, str], tuple[int, int]] = {}

    def check(self, call: Call, path: str, who: Record) -> tuple[Answer | None, list[tuple[str, str]]]:
        """The refusal that this call meets, if any, and the headers for its answer."""
        headers: list[tuple[str, str]] = []
        waits: list[tuple[int, re.Pattern[str] | None]] = []
        spelling = self._account.spelling
        if (total := self._account.rate_limit) is not None:
            left, wait = self._take(("account", ""), total, 60)
            headers += _account_headers(spelling, total, max(left, 0), wait)
            waits += [(wait, None)] if left < 0 else []
        for limit in LIMITS if self._account.endpoint_limits else ():
            match = limit.path.fullmatch(path) if limit.method == call.method else None
            if match is not None:
                total = self._account.totals.get(limit.name, limit.total)
                left, wait = self._take((limit.name, _whose(limit, match, who)), total, limit.seconds)
                headers += _endpoint_header(spelling, limit.name, total, max(left, 0), wait)
                waits += [(wait, _closing(limit, call, path))] if left < 0 else []
        return (refused(*max(waits, key=lambda one: one[0])) if waits else None), headers

    def _take(self, key: tuple[str, str], total: int, seconds: int) -> tuple[int, int]:
        """How many are left after this one, and the seconds until the window ends."""
        now = self._account.clock.now()
        window = int(now // seconds)
        started, count = self._counts.get(key, (window, 0))
        count = count + 1 if started == window else 1
        self._counts[key] = (window, count)
        return total - count, int((window + 1) * seconds - now) + 1


def _whose(limit: Limit, match: re.Match[str], who: Record) -> str:
    """What is counted apart: each record, each user."""
    record = match[1] if "record" in limit.per else ""
    return record + (f" by {who['id']}" if "user" in limit.per else "")


def _closing(limit: Limit, call: Call, path: str) -> re.Pattern[str]:
    """Which requests have to wait once this limit is reached."""
    place = re.escape(path) if "record" in limit.per else limit.path.pattern
    return re.compile(rf"{call.method} {place}(?:\.json)?")


def _account_headers(spelling: str, total: int, left: int, wait: int) -> list[tuple[str, str]]:
    """The account's limit, as it was spelt over the years."""
    if spelling == "none":
        return []
    headers = [("x-rate-limit", str(total)), ("x-rate-limit-remaining", str(left))]
    for year, prefix in (("2023", "rate-limit"), ("2024", "ratelimit")):
        if spelling in (year, "both"):
            reset = (f"{prefix}-reset", str(wait))
            headers += [(f"{prefix}-limit" if year == "2024" else prefix, str(total)), reset]
            headers.append((f"{prefix}-remaining", str(left)))
    return headers


def _endpoint_header(spelling: str, name: str, total: int, left: int, wait: int) -> list[tuple[str, str]]:
    prefixes = {"2023": ("rate-limit",), "2024": ("ratelimit",), "both": ("rate-limit", "ratelimit")}
    text = f"total={total}; remaining={left}; resets={wait}"
    return [(f"zendesk-{prefix}-{name}", text) for prefix in prefixes.get(spelling, ())]


def refused(seconds: float | None, closes: re.Pattern[str] | None = None) -> Answer:
    """429, in plain text."""
    headers = [("Retry-After", str(max(int(seconds + 0.999), 0)))] if seconds is not None else []
    text = b"Number of allowed API requests per minute exceeded"
    return Answer(429, text, headers, "text/plain; charset=utf-8", closes)
