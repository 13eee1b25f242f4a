"""The sample inbox: 94 records over three channels, shared by `init`, `demo` and the tests. All people are invented.

    channel   tickets   replies   counted   rejected
    button         26                              13
    mail           29         3         3           4      one of the 29 is the same mail a second time
    bot             8                   4           4

Among them: an outage that five people report over three channels, a thread whose reply lies before the mail it
answers, a forward that bypassed the desk, patients named in texts, slots and file names, build records, training
environments, feedback that is no fault, and files that are broken or meant to do harm.

`inbox/` holds what the channels wrote, byte for byte; `expected.json` what each record must become.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from connector.samples.moments import moved, shift

# After the last record was written, and long ago: a file of this very second would be waited for.
_WRITTEN = 1_789_603_200  # 2026-09-17 00:00 UTC


@dataclass(frozen=True, slots=True)
class Expected:
    """What one record must become: `reading` is `ticket`, `reply`, `counted` or `rejected`, by the default settings.

    `sink` is where it goes by the default routes, for a reply where the mail it answers went. `facts` are, as far as
    they are worth checking: `summary`, `email` and `requester` (who asks), `attachments` and `comments` (how many),
    `files`, `watchers`, `records`, `kind`, `category`, `urgency`, `impact`, `patient_care`, `environment`,
    `workstation`, `on_behalf_of`, `articles`, `turns`, `contains` and `lacks` (in the description), `text` and
    `answers` (a reply's words and the place of its original), `same_as` (the place of the same mail), `finding` (a
    rejection's code), `reason` (of counting), `outage` (all of one outage), `phi` (patients are named), `with_agents`
    (what changes when the mailbox knows its agents).
    """

    source: str
    place: str
    reading: str
    sink: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def copy(to: Path, now: datetime | None = None) -> None:
    """Write the inbox below `to`, a folder for each channel: `button`, `mail`, `bot`. With `now`, its records are of
    the day before that, but for an old archive; else they are as they are kept. Raises OSError."""
    _copy(resources.files(__name__).joinpath("inbox"), to, timedelta() if now is None else shift(now))


def _copy(folder: Traversable, to: Path, by: timedelta) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for entry in folder.iterdir():
        place = to / entry.name
        if entry.is_dir():
            _copy(entry, place, by)
        else:
            place.write_bytes(entry.read_bytes() if entry.name.endswith(".mbox") else moved(entry.read_bytes(), by))
            os.utime(place, (_WRITTEN, _WRITTEN))


def _expected() -> Iterator[Expected]:
    for row in json.loads(resources.files(__name__).joinpath("expected.json").read_text("utf-8")):
        named = {name: row.pop(name, "") for name in ("source", "place", "reading", "sink")}
        yield Expected(**named, facts=row)


EXPECTED: tuple[Expected, ...] = tuple(_expected())
