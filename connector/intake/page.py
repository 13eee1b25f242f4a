"""A page with a help button on it, for trying the intake. It posts as a button does; its address is its key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# The type of source whose posts the page makes.
KIND = "ehr_button"
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_FILES = {"": "try.html", "try.js": "try.js", "try.css": "try.css"}
_TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}


def page(key: str, sources: Sequence[str]) -> Iterator[Route]:
    """`/try/KEY/` and what belongs to it. `sources` are those that it may post to."""
    for address, name in _FILES.items():
        text = resources.files(__package__).joinpath(name).read_text("utf-8")
        yield Route(f"/try/{key}/{address}", _file(text, _TYPES[name.rpartition(".")[2]]), methods=["GET"])
    yield Route(f"/try/{key}/sources.json", _file(json.dumps(sources), "application/json"), methods=["GET"])


def _file(text: str, kind: str) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        return Response(text, headers=_SAFE, media_type=kind)

    return endpoint
