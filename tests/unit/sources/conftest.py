"""An inbox whose clock is moved by hand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from connector.plugins import Page, Record, SourceTools
from connector.sources.files import Files
from connector.sources.reading import Lines, Opener, Whole, pages

NOW = 1_800_000_000.0


class InboxClock:
    """Time that passes only when somebody sleeps or says so; `meanwhile` happens during the next sleep."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept: list[float] = []
        self.meanwhile = lambda: None

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.meanwhile()


class Inbox:
    """A folder, and a reader of it that remembers its cursor as a ledger does."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.folder = base / "inbox"
        self.folder.mkdir()
        self.clock = InboxClock()
        self.cursor: dict[str, str] = {}
        self.path = "inbox"
        self.endings: tuple[str, ...] = (".json", ".ndjson")
        self.quiet = 2.0

    def put(self, name: str, content: bytes | str, age: float = 1000.0) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.written(file, age)

    def append(self, name: str, content: str, age: float = 500.0) -> Path:
        file = self.folder / name
        with file.open("a") as opened:
            opened.write(content)
        return self.written(file, age)

    def written(self, file: Path, age: float) -> Path:
        os.utime(file, (self.clock.now - age, self.clock.now - age))
        return file

    def files(self) -> Files:
        growing = lambda path: path.endswith(".ndjson")  # noqa: E731
        tools = SourceTools(self.base, self.clock)
        return Files(self.path, tools, self.quiet, endings=self.endings, growing=growing)

    def pages(self, opener: Opener | None = None) -> Iterable[Page]:
        return pages(self.files(), dict(self.cursor), opener or _opened)

    def read(self) -> list[Record]:
        """The records of one pass, whose cursor is kept."""
        found: list[Record] = []
        for page in self.pages():
            found.extend(page.records)
            self.keep(page.cursor)
        return found

    def said(self) -> list[tuple[str, bytes]]:
        return [(record.place, record.data) for record in self.read()]

    def keep(self, cursor: Mapping[str, str | None]) -> None:
        for entry, value in cursor.items():
            if value is None:
                del self.cursor[entry]
            else:
                self.cursor[entry] = value


def _opened(file, found, known):  # type: ignore[no-untyped-def]
    return Lines(file, found, known) if found.path.endswith(".ndjson") else Whole(file, found, known)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)
