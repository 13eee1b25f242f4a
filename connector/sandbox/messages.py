"""What goes in and out of an emulated system: a call and its answer, free of sockets, so that both can be replayed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from starlette.routing import compile_path

from connector.sandbox.faults import Fault

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode

_NUMBER = re.compile(r"-?[0-9]{1,18}")

_LONGEST = 1000  # characters of a path that leads anywhere
JSON_TYPE = "application/json;charset=UTF-8"


@dataclass
class Call:
    """One request, body complete. Header names are lower case.

    `at` is when it came, in sandbox time; `fault` is what goes wrong with it.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    at: float = 0.0
    fault: Fault | None = None

    @property
    def flaw(self) -> str:
        """The kind of its fault, "" where it has none."""
        return self.fault.kind if self.fault else ""

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Query parameters in order."""
        return parse_qsl(self.query, keep_blank_values=True) if self.query else []

    @cached_property
    def params(self) -> dict[str, str]:
        """Query parameters by name, the last one wins."""
        return dict(self.pairs)

    def param(self, name: str, default: str = "") -> str:
        """A query parameter, or the default where it is absent or empty."""
        return self.params.get(name) or default

    def whole(self, name: str, default: int) -> int:
        """A query parameter as a number; anything else counts as absent."""
        value = self.params.get(name, "")
        return int(value) if _NUMBER.fullmatch(value) else default

    def numbers(self, name: str) -> list[int]:
        """A query parameter that lists numbers; what is none is left out."""
        parts = (part.strip() for part in self.param(name).split(","))
        return [int(part) for part in parts if _NUMBER.fullmatch(part)]

    @property
    def base(self) -> str:
        """Scheme and host as the client addressed them: links are made from it."""
        return "http://" + self.headers.get("host", "127.0.0.1")

    @property
    def url(self) -> str:
        """The whole address of this call."""
        return self.base + self.path + ("?" + self.query if self.query else "")

    def json(self) -> Any:
        """The body as JSON, to be read only. Raises `ValueError`, also for what nests too deep."""
        return self._document

    @cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


@dataclass
class Answer:
    """One response. With a Retry-After, `closes` says which requests ("METHOD path") it is about; None: all."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = JSON_TYPE
    closes: re.Pattern[str] | None = None

    def header(self, name: str) -> str | None:
        """A header's first value, by its exact name."""
        return next((value for key, value in self.headers if key == name), None)


def json_answer(status: int, document: object, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, _encode(document).encode(errors="replace"), list(headers))


class Refusal(Exception):
    """Ends a call early with an answer that is already known."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[..., Answer]


class Routes:
    """Which function serves which path. Paths are written as in Starlette: `/api/v2/tickets/{id:int}`."""

    def __init__(self, table: Iterable[tuple[str, str, Handler]]) -> None:
        self._fixed: dict[str, dict[str, Handler]] = {}
        self._patterns: list[tuple[Any, Any, dict[str, Handler]]] = []
        for method, path, handler in table:
            self._methods(path)[method] = handler

    def find(self, method: str, path: str) -> tuple[Handler | None, dict[str, Any]] | None:
        """The handler and the values in the path; no handler where only other methods exist; None for no such path."""
        if (fixed := self._fixed.get(path)) is not None:
            return fixed.get(method), {}
        known = False
        for regex, convertors, methods in self._patterns:
            if len(path) <= _LONGEST and (match := regex.match(path)):
                known = True
                if method in methods:
                    return methods[method], {k: convertors[k].convert(v) for k, v in match.groupdict().items()}
        return (None, {}) if known else None

    def _methods(self, path: str) -> dict[str, Handler]:
        if "{" not in path:
            return self._fixed.setdefault(path, {})
        regex, _, convertors = compile_path(path)
        for known, _, held in self._patterns:
            if known.pattern == regex.pattern:
                return held
        methods: dict[str, Handler] = {}
        self._patterns.append((regex, convertors, methods))
        return methods
