"""Taking a post: who it is from, what it is, and into the inbox with it, in this order."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog
from starlette.requests import Request
from starlette.responses import Response

from connector.clock import Clock
from connector.engine.wiring import Inlet
from connector.errors import Finding, SettingsError
from connector.intake import body
from connector.intake.answers import Refused, answer
from connector.intake.guard import Claim, Guard
from connector.intake.measures import Measures
from connector.intake.writer import Writer
from connector.ledger.inbox import Post, Receipt
from connector.plugins import IntakeSettings
from connector.sources.document import Unreadable, parse

log = structlog.get_logger("connector.intake")

HEADERS = 100
# A document beyond this is looked at in another thread, so that others are answered meanwhile.
LARGE = 512 * 1024
_JSON = re.compile(r"(?:application/(?:[\w.+-]+\+)?json|text/json)\s*(?:;.*)?", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Slot:
    """A source that may be posted to. Its `id` names it in the ledger."""

    name: str
    id: str
    guard: Guard
    settings: IntakeSettings


def slots(inlets: Mapping[str, Inlet], base: Path, pass_for: Mapping[str, str]) -> dict[str, Slot]:
    """The sources that take posts, by name. Those of a type in `pass_for` take its word as a bearer token too.

    Raises SettingsError where a secret is missing.
    """
    found: dict[str, Slot] = {}
    findings: list[Finding] = []
    for name, inlet in inlets.items():
        if inlet.intake is None:
            continue
        more = (pass_for[inlet.kind],) if inlet.kind in pass_for else ()
        try:
            found[name] = Slot(name, inlet.id, Guard.of(inlet.intake, base, *more), inlet.intake)
        except SettingsError as error:
            findings += error.findings
    if findings:
        raise SettingsError(findings)
    return found


class Posts:
    """`POST /intake/SOURCE`."""

    def __init__(
        self, known: Mapping[str, Slot], room: body.Room, writer: Writer, clock: Clock, told: Measures
    ) -> None:
        self._slots = known
        self._room = room
        self._writer = writer
        self._clock = clock
        self._told = told

    async def take(self, request: Request) -> Response:
        """202 and the receipt, once the post is durable. Raises Refused, and then it is not stored."""
        began = time.perf_counter()
        slot = self._slots.get(request.path_params["source"])
        try:
            with self._room.place() as place:
                post = await self._read(request, slot, place)
                receipt = await self._writer.put(post)
        except Refused as refused:
            name = slot.name if slot else ""
            self._told.refused(name, refused.code)
            client = request.client.host if request.client else ""
            log.warning("a post was refused", source=name, code=refused.code, client=client)
            raise
        self._told.accepted(
            request.path_params["source"], receipt.repeated, len(post.data), time.perf_counter() - began
        )
        return _receipt(receipt)

    async def _read(self, request: Request, slot: Slot | None, place: body.Place) -> Post:
        try:
            if slot is None:
                raise Refused(404, "no-such-source", "no source of this name takes posts", "see the settings")
            claim, key = self._look(request, slot)
        except Refused as refused:
            refused.closes = True
            await body.drain(request)
            raise
        data = await body.read(request, place, slot.settings.max_bytes)
        if len(data) > LARGE:
            await asyncio.to_thread(_prove, slot, claim, data)
        else:
            _prove(slot, claim, data)
        return Post(slot.id, data, key, slot.settings.repeats)

    def _look(self, request: Request, slot: Slot) -> tuple[Claim, str]:
        """What can be refused before the body is read; the claim that is to be proved, and the post's own key."""
        headers = request.headers
        if len(headers.raw) > HEADERS:
            raise Refused(431, "too-many-headers", f"more than {HEADERS} header lines", "send fewer")
        claim = slot.guard.admit(headers, self._clock.wall())
        if not _JSON.fullmatch(headers.get("content-type", "")):
            remedy = "send Content-Type: application/json"
            raise Refused(415, "not-json-type", "the content type is not that of JSON", remedy)
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused(415, "encoded", "the body is compressed", "send it as it is")
        key = headers.get("idempotency-key", "")
        if key and not _KEY.fullmatch(key):
            what = "an Idempotency-Key has 1 to 255 printable ASCII characters"
            raise Refused(400, "bad-key", what, "a UUID will do")
        return claim, key


def _prove(slot: Slot, claim: Claim, data: bytes) -> None:
    """The signature first: who did not sign is told nothing about what a body should be."""
    slot.guard.prove(claim, data)
    try:
        document = parse(data, slot.settings.max_bytes)
    except Unreadable as error:
        raise Refused(400, error.code, error.what, error.remedy) from None
    if not isinstance(document, dict | list):
        raise Refused(400, "not-an-object", "it is JSON but neither object nor array", "post each request as {...}")


def _receipt(receipt: Receipt) -> Response:
    said = {"receipt": receipt.id, "repeated": receipt.repeated}
    return answer(said, 202, {"Location": f"receipts/{receipt.id}"})
