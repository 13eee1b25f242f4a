"""The whole way of outages, counted: what is missing of problems, links, solved incidents and messages, what is double.

500 reports of 7 outages among 5,000 other requests, by button, mail and bot, within two hours, to each help desk. They
come in as they are made, each of them up to a few minutes late.
"""

from __future__ import annotations

import logging
import random
import sys
import time
from pathlib import Path

REPORTS, OUTAGES, UNRELATED, WAVES, SEED = 500, 7, 5_000, 8, 1
LATE = 300.0  # seconds


def outages_row(folder: Path) -> dict[str, float]:
    """500 reports of 7 outages among 5,000 requests, all channels, both help desks: everything once."""
    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures: dict[str, float] = {}
    for kind in ("servicenow", "zendesk"):
        figures |= {f"{kind}: {what}": value for what, value in _counted(folder / kind, kind).items()}
    return figures


def _counted(folder: Path, kind: str) -> dict[str, float]:
    from tests.outages.day import lived, made_up, morning

    began = time.monotonic()
    with morning(folder, kind) as day:
        chance = random.Random(SEED)
        made = made_up(SEED, REPORTS, OUTAGES, UNRELATED)
        reports = sorted(made, key=lambda each: each.at + chance.uniform(0.0, LATE))
        counts = lived(day, reports, WAVES)
        sizes, (precision, recall) = day.outages(), day.agreement(reports)
    told = ", ".join(f"{what} {count.wanted}" for what, count in counts.items())
    print(f"{kind}: {told}; outages of {sizes}; {time.monotonic() - began:.0f} s", file=sys.stderr)
    return {
        "problems": counts["problems"].wanted,
        "problems too many": max(counts["problems"].wanted - OUTAGES, 0),
        "pairwise precision": precision,
        "pairwise recall": recall,
        **{f"{what} missing": len(count.missing) for what, count in counts.items()},
        **{f"{what} double": len(count.double) for what, count in counts.items()},
    }


_TOLD = ("received", "opened", "over", "leads: opened", "leads: over")
_WHAT = ("tickets", "problems", "links", "solves", *(f"told: {what}" for what in _TOLD))
GOALS = {
    f"{kind}: {figure}": goal
    for kind in ("servicenow", "zendesk")
    for figure, goal in (
        ("problems", f">= {OUTAGES}"),
        ("problems too many", "<= 0"),
        ("pairwise precision", ">= 0.98"),
        ("pairwise recall", ">= 0.90"),
        *((f"{what} {fault}", "<= 0") for what in _WHAT for fault in ("missing", "double")),
    )
}
