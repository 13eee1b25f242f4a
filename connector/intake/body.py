"""Reading a body from a client that may be slow, endless or gone; and how many bytes of them are held at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from starlette.requests import ClientDisconnect, Request

from connector.intake.answers import Refused, overloaded

# A client has so long, in seconds, and a second more for every so many bytes that it announced.
GRACE = 20.0
SLOWEST = 50_000
# What is refused unread is still taken off the wire for so long, so that the client comes to read the answer.
LINGER = 3.0


class Room:
    """So many bytes of bodies are held at once, over all connections."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.held = 0

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Room for one body, given back at the end."""
        place = Place(self)
        try:
            yield place
        finally:
            self.held -= place.size

    def take(self, size: int) -> None:
        """Raises Refused where there is no room."""
        if self.held + size > self._most:
            raise overloaded("too much is being posted at once")
        self.held += size


class Place:
    """The room that one body takes up so far."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def grow(self, size: int) -> None:
        """Raises Refused where there is no room."""
        self._room.take(size)
        self.size += size


async def read(request: Request, place: Place, most: int) -> bytes:
    """The whole body. Raises Refused for what is too large or comes too slowly, ClientDisconnect for who went away."""
    announced = announced_size(request)
    parts: list[bytes] = []
    more = True
    try:
        if announced > most:
            raise _too_large(most)
        async with asyncio.timeout(GRACE + max(announced, 0) / SLOWEST):
            while more:
                part, more = await _next(request)
                place.grow(len(part))
                if place.size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError:
        raise Refused(408, "too-slow", "the body did not come in time", "post it again", closes=True) from None
    except Refused as refused:
        refused.closes = more
        if more:
            await drain(request)
        raise
    return b"".join(parts)


async def drain(request: Request) -> None:
    """Take what is still coming off the wire, for a short time: a connection that is cut while its client sends loses
    the answer. Who asked first whether to send (RFC 9110, 100-continue) reads the answer instead.
    """
    if "expect" in request.headers:
        return
    with suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(LINGER):
            while (await _next(request))[1]:
                pass


async def _next(request: Request) -> tuple[bytes, bool]:
    """The next part of the body, and whether more follows."""
    message = await request.receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return message.get("body", b""), message.get("more_body", False)


def announced_size(request: Request) -> int:
    """What Content-Length says, -1 where it says nothing."""
    said = request.headers.get("content-length", "")
    return int(said) if said.isdecimal() else -1


def _too_large(most: int) -> Refused:
    remedy = "leave out what it carries, or raise max_bytes of the source's `intake`"
    return Refused(413, "too-large", f"a post has {most:,} bytes at most here", remedy)
