"""A YAML file that people edit: read safely, with the line of every value, and with all that is wrong with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connector.errors import Finding, SettingsError

SIZE_LIMIT = 200_000  # bytes; the parser needs seconds beyond that
NODE_LIMIT = 20_000  # values after aliases are expanded; a few lines of nested aliases name billions
DEPTH_LIMIT = 32
NAME_LIMIT = 200  # characters of a name; longer ones come from files that are no settings

# What no text that people edit holds: controls but tab and newline, and halves of surrogate pairs. No file name, no
# environment variable and no database takes them, and a terminal obeys some.
_UNTYPED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

Place = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_PLAIN = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null"))


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values (`data`: dict, list, str, int, float, bool, None) and where each of them stands."""

    path: Path
    data: Any
    lines: Mapping[Place, int] = field(repr=False)

    def where(self, place: Iterable[str | int] = ()) -> str:
        """`file:line` of the value at `place`, or of the nearest thing around it that exists."""
        steps = tuple(place)
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return f"{self.path}:{self.lines.get(steps, 1)}"


def read(path: Path) -> Document:
    """The file's content. Raises SettingsError with every duplicate key and every value that is not plain data."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="safe", pure=True)
    text = _text(path)
    try:
        root = yaml.compose(text)
        walk = _Walk(path, yaml.constructor)
        data = None if root is None else walk.value(root, ())
    except MarkedYAMLError as error:
        raise _unparsed(path, error) from None
    except (YAMLError, ValueError):
        raise _broken(str(path), "this is not YAML") from None
    except RecursionError:
        raise _broken(str(path), "nested too deeply") from None
    if walk.findings:
        raise SettingsError(walk.findings)
    return Document(path, data, walk.lines)


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean "…"?` where one of the known words is near, else an empty text."""
    near = difflib.get_close_matches(word[:100].lower(), sorted(known), n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else ""


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        missing = Finding("no-file", str(path), "there is no such file", "`connector init` writes one")
        raise SettingsError([missing]) from None
    except OSError as error:
        raise SettingsError([Finding("no-file", str(path), f"cannot be read: {error.strerror}")]) from None
    if len(content) > SIZE_LIMIT:
        raise _broken(str(path), f"larger than {SIZE_LIMIT} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _broken(f"{path}:{line}", "this is not UTF-8", "save the file as UTF-8") from None


def _broken(where: str, what: str, remedy: str = "") -> SettingsError:
    return SettingsError([Finding("bad-yaml", where, what, remedy)])


# What the parser says, and says it was at, in words for people: no value is repeated, it may be a secret.
_INDENT = "indent it as its neighbours, and put a text with a colon or a quote in quotes"
_FAULTS = (
    (r"'\t'", "a tab stands where the line is indented", "indent with spaces"),
    ("cannot start any token", "a value cannot begin with this character", "put the value in quotes"),
    ("undefined alias", "a value that begins with * names something else in the file", "put the value in quotes"),
    ("another document", "a second document begins", "keep one of them, without the line ---"),
    ("flow sequence", "the list that [ opens{since} does not end", "close it with ]"),
    ("flow mapping", "the mapping that { opens{since} does not end", "close it with }"),
    ("quoted scalar", "the quote that opens{since} does not end", "close it"),
    ("mapping values", "a colon cannot stand here", _INDENT),
    ("expected <block end>", "this does not fit the lines before it", _INDENT),
)


def _unparsed(path: Path, error: Any) -> SettingsError:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    since = f" in line {error.context_mark.line + 1}" if error.context_mark else ""
    seen = f"{error.problem} {error.context}"
    what, remedy = next(((what, remedy) for word, what, remedy in _FAULTS if word in seen), (str(error.problem), ""))
    return _broken(where, f"this is not YAML: {what.replace('{since}', since)}", remedy)


class _Walk:
    """Turns nodes into plain values, noting lines and findings; stops where aliases would explode."""

    def __init__(self, path: Path, constructor: Any) -> None:
        self.path = path
        self.constructor = constructor
        self.lines: dict[Place, int] = {}
        self.findings: list[Finding] = []

    def value(self, node: Any, place: Place) -> Any:
        if len(place) > DEPTH_LIMIT or len(self.lines) > NODE_LIMIT:
            raise _broken(self._where(node), "nested too deeply, or too many values")
        self.lines.setdefault(place, node.start_mark.line + 1)
        kind = str(node.tag)
        if kind in _PLAIN:
            return self._scalar(node)
        if kind == _TAG + "seq":
            return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
        if kind == _TAG + "map":
            return self._mapping(node, place)
        self._find("not-plain", node, "only plain values can stand here", "put the value in quotes")
        return None

    def _mapping(self, node: Any, place: Place) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if str(key_node.tag) not in _PLAIN:
                self._find("bad-key", key_node, "this cannot be a name", "write a plain word; << is not known here")
                continue
            key = self._scalar(key_node)
            if isinstance(key, str) and (len(key) > NAME_LIMIT or not key.isprintable()):
                self._find("bad-key", key_node, "this cannot be a name", "write a plain word")
                continue
            if key in result:
                self._find("duplicate-key", key_node, f'"{key}" stands here twice', "remove one of them")
                continue
            self.lines[*place, key] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*place, key))
        return result

    def _scalar(self, node: Any) -> Any:
        try:
            value = self.constructor.construct_object(node)
        except (LookupError, ValueError):  # a tag such as !!bool before a word that is none
            self._find("not-plain", node, "the value does not fit its tag", "leave the tag out")
            return None
        if isinstance(value, str) and _UNTYPED.search(value):
            self._find("not-text", node, "there is a control character in this text", "write it without")
            return None
        return value

    def _where(self, node: Any) -> str:
        return f"{self.path}:{node.start_mark.line + 1}"

    def _find(self, code: str, node: Any, what: str, remedy: str) -> None:
        self.findings.append(Finding(code, self._where(node), what, remedy))
