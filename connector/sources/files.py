"""Which files there are: a file, a folder with all below it, or a glob; new and changed ones told from the rest.

A file is known by its stamp (size, inode, times). A cursor value that begins with the stamp says that the file was
read as it stands; with a `+` before it, that there was more to read. Nothing here opens a file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from connector.durations import Seconds
from connector.errors import Finding, Scope, Transient
from connector.plugins import SourceSettings, SourceTools

_GLOB = re.compile(r"[*?\[]")
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".swp", ".lock", "~")
_EVERYTHING = ("**", "*")
_DEEPEST = 40


class FileSettings(SourceSettings):
    """Settings of a source that reads files. Times are in seconds.

    A file is read when nobody has written to it for `quiet`; a last line without its newline only when nobody has
    for `unfinished_line_after`, for its writer may still be at it.
    """

    ways_in: ClassVar[tuple[str, ...]] = ("path",)

    quiet: Seconds = Field(default=2.0, ge=0, le=3600)
    unfinished_line_after: Seconds = Field(default=60.0, ge=0, le=86400)

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if not any(getattr(self, way) for way in self.ways_in):
            raise ValueError(f"there is nothing to read; say where: {' or '.join(self.ways_in)}")
        return self


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is there. `place` names it within its source; `age` is seconds since it was last written to.

    `trouble` says why a file or folder cannot be looked at; it is empty otherwise.
    """

    path: str
    place: str
    stamp: str = ""
    age: float = 0.0
    trouble: str = ""


def stamp(status: os.stat_result) -> str:
    """Size, inode and times as one word. The change time is part of it because nobody can set it back."""
    return f"{status.st_size}:{status.st_ino}:{status.st_mtime_ns}:{status.st_ctime_ns}"


def reason(error: OSError) -> str:
    """What the system said, without the path."""
    return error.strerror or type(error).__name__


class Files:
    """The files that a `path` setting names, relative to the settings' folder; none where there is no such setting.

    In a folder only names with one of `endings` count (lower case here, any case on disk; none means all). `growing`
    tells which paths are appended to: these are offered at once, others when they are quiet. `naming` turns a path
    below the root into the place of its record, for formats that rename their files. Hidden and temporary files are
    left alone, and links are not followed, except where the setting itself names one.
    """

    def __init__(
        self,
        path: str | None,
        tools: SourceTools,
        quiet: float,
        *,
        endings: Sequence[str] = (),
        growing: Callable[[str], bool] = lambda path: False,
        naming: Callable[[str], str] = lambda place: place,
    ) -> None:
        self._path = path or ""
        self._whole = os.path.join(tools.base, os.path.expanduser(self._path))
        self._clock = tools.clock
        self._quiet = quiet
        self._endings = tuple(endings)
        self._growing = growing
        self._naming = naming

    def check(self) -> list[Finding]:
        """A finding when the place cannot be listed."""
        if not self._path:
            return []
        try:
            os.listdir(self._root()[0])
        except OSError as error:
            return [Finding("no-path", self._path, reason(error), "create it, or correct `path` in the settings")]
        return []

    def changed(self, cursor: Mapping[str, str]) -> Listing:
        """What is there, compared with what the cursor knows."""
        return Listing(self._all(), cursor, self._waits, self._wait)

    def _all(self) -> Iterator[Found]:
        """Every file, in the order of names. An unmounted share is not an empty one: Transient, not silence."""
        if not self._path:
            return
        root, patterns, endings = self._root()
        try:
            os.listdir(root)
        except OSError as error:
            what, remedy = f"{self._path}: {reason(error)}", "see whether it is there, mounted and may be read"
            raise Transient(what, remedy, code="no-path", scope=Scope.ACCOUNT) from None
        if not patterns:
            yield self._found(os.path.realpath(self._whole), os.path.basename(self._whole))
            return
        for path, below, trouble in _walk(root, "", patterns, frozenset({0})):
            if trouble:
                yield Found(path, f"{shown(below)}/", trouble=trouble)
            elif not endings or path.lower().endswith(endings):
                yield self._found(path, below)

    def _root(self) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The folder to list, the pattern for each level below it (none where one file is named), the endings."""
        if os.path.isfile(self._whole):
            return os.path.dirname(self._whole), (), ()
        parts = Path(self._whole).parts
        first = next((i for i, part in enumerate(parts) if _GLOB.search(part)), len(parts))
        if os.path.isdir(self._whole) or first == len(parts):
            return self._whole, _EVERYTHING, self._endings
        patterns = (*parts[first:], "*") if parts[-1] == "**" else parts[first:]
        return str(Path(*parts[:first])), patterns, ()

    def _found(self, path: str, below: str) -> Found:
        place = self._naming(shown(below))
        try:
            status = os.stat(path, follow_symlinks=False)
        except OSError as error:
            return Found(path, place, trouble=reason(error))
        now = self._clock.wall()
        # A file copied from elsewhere may bear a time to come; when it arrived here is the better witness then.
        written = status.st_mtime if status.st_mtime <= now else status.st_ctime
        return Found(path, place, stamp(status), max(now - written, 0.0))

    def _waits(self, found: Found) -> bool:
        return not found.trouble and found.age < self._quiet and not self._growing(found.path)

    def _wait(self, fresh: Sequence[Found]) -> Iterator[Found]:
        self._clock.sleep(max(self._quiet - found.age for found in fresh))
        for found in fresh:
            if self._found(found.path, "").stamp == found.stamp:
                yield replace(found, age=self._quiet)


class Listing:
    """New and changed files, once. Fresh ones come last, after a wait that lets their writers finish.

    The wait is the `quiet` setting at most, and there is none when nothing is fresh; a file that changed meanwhile is
    left for the next time. `gone()` is known when all have been listed.
    """

    def __init__(
        self,
        files: Iterator[Found],
        cursor: Mapping[str, str],
        waits: Callable[[Found], bool],
        wait: Callable[[Sequence[Found]], Iterator[Found]],
    ) -> None:
        self._files = files
        self._cursor = cursor
        self._waits = waits
        self._wait = wait
        self._seen: set[str] = set()
        self._closed: list[str] = []

    def __iter__(self) -> Iterator[Found]:
        fresh: list[Found] = []
        for found in self._files:
            self._seen.add(found.place)
            if found.trouble and found.place.endswith("/"):
                self._closed.append(found.place)
            if self._known(found):
                continue
            if self._waits(found):
                fresh.append(found)
            else:
                yield found
        if fresh:
            yield from self._wait(fresh)

    def gone(self) -> list[str]:
        """The cursor's entries whose file is no more. What lies in a folder that cannot be listed is not gone."""
        closed = tuple(self._closed)
        return [place for place in self._cursor if place not in self._seen and not place.startswith(closed or ("\0",))]

    def _known(self, found: Found) -> bool:
        known = self._cursor.get(found.place)
        return bool(found.stamp) and known is not None and known.partition(" ")[0] == found.stamp


def shown(path: str) -> str:
    """The path with `/` between its parts and with escapes for what cannot be printed or is not text."""
    path = path.replace(os.sep, "/")
    if path.isascii() and path.isprintable():
        return path
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in path)


def _walk(folder: str, below: str, patterns: Sequence[str], levels: frozenset[int]) -> Iterator[tuple[str, str, str]]:
    """(path, path below the root, trouble) of files and of folders that cannot be listed.

    `levels` are the patterns that this folder's names are compared with: `**` stands for any number of folders.
    """
    if below.count("/") > _DEEPEST:
        yield folder, below.rstrip("/"), f"more than {_DEEPEST} folders deep"
        return
    levels = _with_skipped(levels, patterns)
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        yield folder, below.rstrip("/"), reason(error)
        return
    last = len(patterns) - 1
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
            continue
        fits = frozenset(i for i in levels if patterns[i] != "**" and fnmatchcase(entry.name, patterns[i]))
        if entry.is_file(follow_symlinks=False):
            if last in fits:
                yield entry.path, below + entry.name, ""
        elif entry.is_dir(follow_symlinks=False) and entry.name != "tmp":
            deeper = frozenset(i for i in levels if patterns[i] == "**") | {i + 1 for i in fits if i < last}
            if deeper:
                yield from _walk(entry.path, f"{below}{entry.name}/", patterns, deeper)


def _with_skipped(levels: frozenset[int], patterns: Sequence[str]) -> frozenset[int]:
    every = set(levels)
    for i in sorted(levels):
        while patterns[i] == "**":
            i += 1
            every.add(i)
    return frozenset(every)
