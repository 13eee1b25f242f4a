"""Outages as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.terminal.screen import clean, item, line, many

SHOWN = 8


def listed(found: Sequence[Mapping[str, Any]]) -> None:
    """Each problem, what binds its tickets, and some of them."""
    if not found:
        line("No outage is suggested or open.")
    for each in found:
        named = " ".join(filter(None, (each["problem"], each["number"], f"({each['state']} at {each['sink']})")))
        count = len(each["tickets"])
        told = [clean(each["title"]), f"{many(count, 'ticket')} from {each['first']} to {each['last']}"]
        told += [clean(f"together by: {', '.join(each['why'])}")] if each["why"] else []
        told += [clean(f"  {one['number'] or one['ticket']}: {one['why']}") for one in each["tickets"][:SHOWN]]
        told += [f"  and {count - SHOWN} more"] if count > SHOWN else []
        item(clean(named), *told)


def done(facts: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
    """What became of each problem; the help desk hears of it by the next sync."""
    for each in [facts] if isinstance(facts, Mapping) else facts:
        head = f"{each['problem']} is {each['state']}, {many(each['tickets'], 'ticket')}: {each['title']}"
        item(clean(head), "" if each["tickets"] else f"nothing belongs to it any more; end it by: {_end_of(each)}")
    line("`connector sync` tells the help desk.")


def _end_of(problem: Mapping[str, Any]) -> str:
    verb = "refuse" if problem["state"] == "suggested" else "resolve"
    return f"connector problems {verb} {problem['problem']}"
