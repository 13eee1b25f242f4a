"""The page behind the survey's link. Looking at it says nothing, because programs look at links too; a button does."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from connector.clock import Clock
from connector.intake import body
from connector.intake.answers import Refused
from connector.ledger import ratings
from connector.ledger.database import Database
from connector.ledger.ratings import Asked
from connector.ledger.telling import survey_secret
from connector.report import SCORES
from connector.survey import ticket_of

# An answer is one word.
MOST_BYTES = 1000
_FORM = "application/x-www-form-urlencoded"


class Survey:
    """`GET` and `POST /survey/TOKEN`."""

    def __init__(self, db: Database, clock: Clock, room: body.Room) -> None:
        self._db = db
        self._clock = clock
        self._room = room
        self._secret = survey_secret(db)

    async def show(self, request: Request) -> Response:
        """The question, and what was answered before."""
        found = await self._find(request)
        return _page(None, 404) if found is None else _page(found[1])

    async def take(self, request: Request) -> Response:
        """Keep the answer, and show it. Raises Refused for what is no answer."""
        found = await self._find(request)
        with self._room.place() as place:
            said = await body.read(request, place, MOST_BYTES)
        if found is None:
            return _page(None, 404)
        ticket_id, asked = found
        score = _score(request, said)
        if score != asked.score:
            await run_in_threadpool(ratings.rate, self._db, ticket_id, score, self._clock.wall())
        # Relative, because a proxy may know this page by another address.
        return Response(status_code=303, headers={**_headers(), "Location": request.path_params["token"]})

    async def _find(self, request: Request) -> tuple[int, Asked] | None:
        ticket_id = ticket_of(self._secret, request.path_params["token"])
        asked = None if ticket_id is None else await run_in_threadpool(ratings.asked, self._db, ticket_id)
        return None if ticket_id is None or asked is None else (ticket_id, asked)


def _score(request: Request, said: bytes) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        given = parse_qs(said.decode("ascii"), max_num_fields=5) if kind == _FORM else {}
    except ValueError:
        given = {}
    score = given.get("score", [""])[0]
    if score not in SCORES:
        raise Refused(400, "no-answer", "this is no answer to the survey", "open the link, and use its buttons")
    return score


def _page(asked: Asked | None, status: int = 200) -> Response:
    text = _template().render(asked=asked, scores=SCORES, style=Markup(_style()))  # noqa: S704 - ours
    return Response(text, status, _headers(), media_type="text/html; charset=utf-8")


@cache
def _headers() -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
    return {
        "Content-Security-Policy": policy + "base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-store",
    }


@cache
def _style() -> str:
    return resources.files(__package__).joinpath("survey.css").read_text("utf-8")


@cache
def _template() -> Template:
    loader = PackageLoader("connector.intake", ".")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made.get_template("survey.html")
