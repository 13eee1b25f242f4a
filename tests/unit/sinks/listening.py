"""Somebody who listens to a sink as the engine does, and remembers what was heard."""

from __future__ import annotations

from collections import Counter
from typing import Any

from connector.plugins import Change


class Listener:
    """Keeps cursor and stamps of the records named, after each page; `heard` counts versions, `said` comments."""

    def __init__(self, sink: Any, *remote_ids: str) -> None:
        self.sink = sink
        self.cursor: dict[str, str] = {}
        self.stamps = dict.fromkeys(remote_ids, "")
        self.latest: dict[str, Change] = {}
        self.heard: Counter[tuple[str, str]] = Counter()
        self.said: Counter[str] = Counter()
        self.pages = 0

    def listen(self, most: int | None = None) -> list[Change]:
        """Everything there is, or so many pages of it; what changed."""
        found: list[Change] = []
        self.pages = 0
        for page in self.sink.changes(dict(self.cursor), self.known):
            found += page.changes
            self._keep(page)
            self.pages += 1
            if self.pages == most:
                break
        return found

    def known(self, remote_ids: Any) -> dict[str, str]:
        return {each: self.stamps[each] for each in remote_ids if each in self.stamps}

    def _keep(self, page: Any) -> None:
        for change in page.changes:
            self.stamps[change.remote_id] = change.stamp
            self.latest[change.remote_id] = change
            self.heard[change.remote_id, change.stamp] += 1
            self.said.update({said.ref for said in change.said} - set(self.said))
        for entry, value in page.cursor.items():
            if value is None:
                self.cursor.pop(entry, None)
            else:
                self.cursor[entry] = value

    @property
    def once(self) -> bool:
        """Was every version heard once?"""
        return all(times == 1 for times in self.heard.values())
