"""Mail of other ticket systems: they strip our ids from their answers, but name their own number in the subject."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from connector.sources.email.people import is_one_of


def number_of(subject: str, sender: str, systems: Mapping[str, tuple[str, ...]]) -> str:
    """By which name the talk goes: sender and number, such as `vendor.example:case-4711`; empty where there is none.

    `systems` holds the prefixes of numbers for each sender (address or domain).
    """
    for entry, prefixes in systems.items():
        if is_one_of(sender, (entry,)):
            found = _pattern(prefixes).search(subject)
            if found is not None:
                return f"{entry}:{found[1]}{found[2]}".lower()
    return ""


@lru_cache(maxsize=64)
def _pattern(prefixes: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(prefix) for prefix in prefixes)
    return re.compile(rf"(?<![A-Za-z0-9])({words})\s?[#:]?\s?(\d{{2,20}})(?!\d)", re.IGNORECASE)
