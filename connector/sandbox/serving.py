"""From the wire to a call and back, with the faults that lie in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from connector.sandbox.clock import Clock, http_date
from connector.sandbox.faults import Fault
from connector.sandbox.messages import Answer, Call
from connector.sandbox.server import hang_up

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_BIGGEST = 256 * 1024 * 1024
_TAIL = b',"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":""},"status":"failure"}'


class System(Protocol):
    """An emulated system, as the wire sees it."""

    name: str
    threads: int | None
    queue: int

    def seconds(self, call: Call) -> float:
        """How long it works on this call, in real time."""

    def crowded(self) -> Answer:
        """An answer to a call for which there is no thread and no place in the queue."""

    def answer(self, call: Call) -> Answer:
        """Do what the call asks for."""

    def status(self, status: int, retry_after: float | None = None) -> Answer:
        """An answer with this status in the system's own words; nothing is done."""

    def asleep(self) -> Answer:
        """A web page with 200; nothing is done."""


def work(system: System, call: Call, fault: Fault | None, clock: Clock) -> Answer | None:
    """Do what the call asks for, as far as the fault lets it; None where no answer is to be sent."""
    if fault is None:
        return system.answer(call)
    match fault.kind:
        case "lose_request":
            return None
        case "late":
            clock.later(fault.seconds, partial(system.answer, replace(call, at=0.0)))
            return None
        case "status":
            return system.status(fault.status, fault.retry_after)
        case "html":
            return system.asleep()
    answer = system.answer(call)
    match fault.kind:
        case "lose_answer":
            return None
        case "error_after":
            return system.status(fault.status)
        case "tail" if answer.body.endswith(b"}"):
            return Answer(200, answer.body[:-1] + _TAIL, answer.headers, answer.content_type)
    return answer


async def toil(system: System, call: Call, fault: Fault | None) -> None:
    """Let the time pass that the work takes."""
    if (seconds := system.seconds(call)) > 0 and not (fault and fault.fails_before):
        await asyncio.sleep(seconds)


async def pause(fault: Fault | None, kind: str) -> None:
    """Wait in real time, where the fault is of this kind."""
    if fault is not None and fault.kind == kind:
        await asyncio.sleep(fault.seconds)


async def read(scope: Scope, receive: Receive) -> Call | None:
    """The whole request; None where it is too big or the client went away."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message["body"])
        size += len(message["body"])
        more = message["more_body"]
        if size > _BIGGEST:
            return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Call(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, b"".join(parts))


async def write(answer: Answer, now: float, send: Send, cut: bool = False) -> None:
    """Send an answer with the sandbox's own date; `cut` ends it in the middle of the body."""
    headers = [(b"date", http_date(int(now)).encode())]
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.status != 204:
        headers.append((b"content-type", answer.content_type.encode("latin-1", "replace")))
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = answer.body[: len(answer.body) // 2] if cut else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": cut})


async def drop(scope: Scope, receive: Receive) -> None:
    """Close the connection without a word."""
    hang_up(scope["state"]["transport"])
    while (await receive())["type"] != "http.disconnect":
        pass
