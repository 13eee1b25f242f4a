"""What the headers of an answer say about limits, and which calls have a limit of their own. Pure.

The names changed over the years, so hyphens and the `x-` are optional: `X-RateLimit-Limit` (ServiceNow), and Zendesk's
`x-rate-limit`, `rate-limit` and `ratelimit-limit`, with `-remaining` and `-reset`. A single endpoint's limit comes as
`zendesk-ratelimit-<controller>-<action>: total=100; remaining=99; resets=43`. Whatever cannot be read is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.plugins import Allowance, Cost

_ACCOUNT = re.compile(r"(?:x-)?rate-?limit(?:-(limit|remaining|reset))?")
_ENDPOINT = re.compile(r"zendesk-rate-?limit-([a-z0-9_-]{1,80})")
_PAIR = re.compile(r"(total|remaining|resets)\s*=\s*([0-9]{1,12})")
_NUMBER = re.compile(r"[0-9]{1,12}")
_LONGEST = 24 * 3600.0
_EPOCH = 1e9  # what is larger is no length of time but a moment: seconds since 1970


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Calls with a limit of their own: `word` names it in headers, `name` is its class of allowance.

    `path` fits the whole path of a call. Where it has a group, each of what the group fits is counted for itself:
    `update_each/35`.
    """

    name: str
    word: str
    method: str
    path: re.Pattern[str]
    seconds: float = 60.0

    def budget(self, method: str, path: str) -> str | None:
        """The budget that a call is counted in, None where it is none of these."""
        found = self.path.fullmatch(path) if method == self.method else None
        if found is None:
            return None
        return f"{self.name}/{found[1]}" if self.path.groups else self.name


def cost(endpoints: Sequence[Endpoint], method: str, path: str) -> Cost:
    """What one request costs."""
    named = (endpoint.budget(method, path) for endpoint in endpoints)
    return {"": 1, **{name: 1 for name in named if name is not None}}


def allowances(
    headers: Mapping[str, str], endpoints: Sequence[Endpoint], asked: Cost, window: float, now: float
) -> list[Allowance]:
    """What an answer's headers say; `headers` by their names in lower case.

    `asked` is what the request cost, `window` for how many seconds the account's own limit holds, `now` the time of
    the answer in seconds since 1970, by which a moment in a header becomes a length of time.
    """
    whole: dict[str, int] = {}
    said = []
    for header, value in headers.items():
        if (found := _ACCOUNT.fullmatch(header)) is not None:
            if (number := _NUMBER.match(value.strip())) is not None:
                whole[found[1] or "limit"] = int(number[0])
        elif (found := _ENDPOINT.fullmatch(header)) is not None:
            pairs = {name: int(number) for name, number in _PAIR.findall(value[:200])}
            said += _of_endpoint(found[1], pairs, endpoints, asked)
    account = list(_allowance("", whole.get("limit"), window, whole.get("remaining"), whole.get("reset"), now))
    return said + [part for each in account for part in (*_unlimited(each, endpoints, asked, said), each)]


def _unlimited(
    account: Allowance, endpoints: Sequence[Endpoint], asked: Cost, said: Sequence[Allowance]
) -> list[Allowance]:
    """The classes asked for of which an answer says nothing, though it speaks of the account: that is their limit."""
    named = {each.name for each in said}
    announced = {endpoint.name for endpoint in endpoints if not endpoint.path.groups}
    return [Allowance(name, account.allowed, account.seconds) for name in asked if name in announced - named]


def _of_endpoint(word: str, pairs: Mapping[str, int], endpoints: Sequence[Endpoint], asked: Cost) -> list[Allowance]:
    found = next((endpoint for endpoint in endpoints if endpoint.word == word), None)
    if found is None:
        return []
    single = (name for name in asked if name.startswith(f"{found.name}/"))
    name = next(single, found.name)
    return list(_allowance(name, pairs.get("total"), found.seconds, pairs.get("remaining"), pairs.get("resets"), 0.0))


def _allowance(
    name: str, allowed: int | None, seconds: float, remaining: int | None, reset: int | None, now: float
) -> Iterator[Allowance]:
    if allowed is None or not 0 < allowed < _EPOCH:
        return
    resets = None if reset is None else float(reset - now if reset > _EPOCH else reset)
    if resets is not None:
        resets = min(max(resets, 0.0), _LONGEST)
    yield Allowance(name, allowed, seconds, remaining, resets)
