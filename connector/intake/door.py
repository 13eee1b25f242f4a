"""The door: which address leads where, and an answer for whatever happens."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from connector.clock import Clock, utc
from connector.engine.wiring import Inlet
from connector.errors import ConnectorError, Finding, SettingsError
from connector.intake.answers import RETRY_AFTER, Refused, answer, refusal
from connector.intake.body import Room
from connector.intake.measures import CONTENT_TYPE, Measures
from connector.intake.page import KIND, page
from connector.intake.posts import Posts, slots
from connector.intake.survey import Survey
from connector.intake.writer import Writer
from connector.ledger import inbox
from connector.ledger.database import Database
from connector.ledger.inbox import Followed

log = structlog.get_logger("connector.intake")

# So many bytes of bodies are held at once.
HELD_BYTES = 96 * 1024 * 1024
_RECEIPT = re.compile(r"[a-z2-7]{24}")
# What a post with several requests is said to be: the first of these that one of them is.
_STATES = ("received", "held", "queued", "sent", "dropped", "counted")

Endpoint = Callable[[Request], Awaitable[Response]]


class Door:
    """An ASGI application. Posts are taken while the `writer` lives.

    With a `try_key` there is a page at `/try/KEY` that shows a help button; whoever knows the key may post by it. With
    `survey` people say at `/survey/TOKEN` how content they are. Raises SettingsError where a secret is missing, and
    where no source takes posts, unless there is a survey.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        writer: Writer,
        inlets: Mapping[str, Inlet],
        base: Path,
        try_key: str = "",
        held_bytes: int = HELD_BYTES,
        survey: bool = False,
    ) -> None:
        self._db = db
        self._writer = writer
        self._room = Room(held_bytes)
        self._slots = slots(inlets, base, {KIND: try_key} if try_key else {})
        if not self._slots and not survey:
            remedy = 'write under a source: intake: {hmac: "env:NAME"}'
            raise SettingsError([Finding("no-intake", "sources", "no source takes posts", remedy)])
        measures = Measures(self._waiting, self._now)
        posts = Posts(self._slots, self._room, writer, clock, measures)
        self._document = measures.document
        buttons = [name for name in self._slots if inlets[name].kind == KIND]
        if try_key and not buttons:
            raise SettingsError(
                [Finding("no-button", "sources", f"no source of type {KIND} takes posts", "leave out --try")]
            )
        routes: Sequence[BaseRoute] = [
            Route("/intake/receipts/{receipt}", _answered(self._receipt), methods=["GET"]),
            Route("/intake/{source}", _answered(posts.take), methods=["POST"]),
            Route("/healthz", _answered(self._health), methods=["GET"]),
            Route("/metrics", _answered(self._metrics), methods=["GET"]),
            *(page(try_key, buttons) if try_key else ()),
            *(_survey(Survey(db, clock, self._room)) if survey else ()),
        ]
        self._app = Starlette(routes=routes, exception_handlers={HTTPException: _no_page})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """The ASGI application."""
        await self._app(scope, receive, send)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources that may be posted to."""
        return tuple(self._slots)

    async def _receipt(self, request: Request) -> Response:
        receipt = request.path_params["receipt"]
        known = _RECEIPT.fullmatch(receipt)
        found = await run_in_threadpool(inbox.follow, self._db, receipt) if known else None
        if found is None:
            raise Refused(404, "no-such-receipt", "there is no such receipt", "it is in the answer to the post")
        return answer(_said(receipt, found))

    async def _health(self, request: Request) -> Response:
        if not self._writer.alive:
            raise Refused(503, "no-writer", "nothing can be stored", "start it again")
        await run_in_threadpool(inbox.counts, self._db)
        return answer({"status": "ok"})

    async def _metrics(self, request: Request) -> Response:
        return Response(await run_in_threadpool(self._document), headers={"Content-Type": CONTENT_TYPE})

    def _waiting(self) -> dict[str, int]:
        waiting = inbox.counts(self._db)
        return {slot.name: waiting.get(slot.id, 0) for slot in self._slots.values()}

    def _now(self) -> dict[str, float]:
        return {"posts_to_store": self._writer.waiting, "bytes_held": self._room.held}


def _survey(survey: Survey) -> Sequence[BaseRoute]:
    place = "/survey/{token}"
    return (
        Route(place, _answered(survey.show), methods=["GET"]),
        Route(place, _answered(survey.take), methods=["POST"]),
    )


def _said(receipt: str, found: Followed) -> dict[str, Any]:
    states = {state for state, _ in found.tickets}
    return {
        "receipt": receipt,
        "state": next(state for state in _STATES if state in states),
        "received_at": utc(found.at).isoformat(timespec="seconds"),
        "tickets": [{"state": state, "number": number or None} for state, number in found.tickets],
    }


def _answered(endpoint: Endpoint) -> Endpoint:
    """Every refusal is an answer, and so is every failure."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except Refused as refused:
            return refusal(refused)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except ConnectorError as error:
            log.error("the ledger does not answer", error=str(error))
            what = "the ledger does not answer"
            return refusal(Refused(503, "no-ledger", what, "ask again later", retry_after=RETRY_AFTER))
        except Exception as error:  # noqa: BLE001 - a traceback would quote what was posted
            log.error("this is a bug", path=request.scope["route"].path, error=type(error).__name__)
            return refusal(Refused(500, "bug", "this is a bug in connector", "report it", closes=True))

    return answered


async def _no_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "no-such-page", 405: "wrong-method"}.get(status, "refused")
    what, remedy = "there is nothing here under this name and method", "POST /intake/SOURCE is where requests go"
    response = refusal(Refused(status, code, what, remedy, closes=True))
    response.headers.update(getattr(error, "headers", None) or {})
    return response
