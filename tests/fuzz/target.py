"""What is fuzzed: a reader, and samples to start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from connector.plugins import Reading, Record
from connector.sources.reading import Split, whole


@dataclass(frozen=True)
class Target:
    """One reader. `source` is the id that its tickets carry.

    `split` takes a file's bytes apart as the source does on its way to `read`. `faults` are the codes of findings
    by which a reader admits a fault of its own (`unreadable-mail`): to the fuzzer these are failures.
    """

    read: Callable[[Record], Reading]
    samples: tuple[bytes, ...]
    split: Split = whole
    faults: frozenset[str] = frozenset()
    source: str = "fuzz"


def files(folder: Path, *patterns: str) -> tuple[bytes, ...]:
    """The contents of all files under a folder that match, in the order of their names."""
    found = sorted({path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()})
    return tuple(path.read_bytes() for path in found)
