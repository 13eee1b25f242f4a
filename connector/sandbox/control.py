"""The sandbox's own endpoints under /sandbox, for those who cannot reach into it: state, clock, fault switch, log."""

from __future__ import annotations

from connector.sandbox.box import Box
from connector.sandbox.faults import Fault
from connector.sandbox.messages import Answer, Call, Routes, json_answer


def about(box: Box, call: Call) -> Answer:
    """`GET /sandbox`: what this is, and after how many seconds everything that was sent has happened."""
    document = {
        "sandbox": True,
        "settle_after": box.settle_after,
        "now": box.clock.now(),
        "waiting": box.clock.waiting,
        "requests": dict(box.counts),
        "tally": box.tally.document(),
    }
    return json_answer(200, document)


def state(box: Box, call: Call) -> Answer:
    """`GET /sandbox/state`."""
    return json_answer(200, {"servicenow": box.servicenow.document(), "zendesk": box.zendesk.document()})


def requests(box: Box, call: Call) -> Answer:
    """`GET /sandbox/requests`."""
    return json_answer(200, {"requests": [entry.document() for entry in box.requests]})


def advance(box: Box, call: Call) -> Answer:
    """`POST /sandbox/clock` with `{"advance": seconds}`, or `{"settle": true}` to let everything happen."""
    document = call.json()
    if document.get("settle"):
        box.clock.settle()
    box.clock.advance(float(document.get("advance", 0)))
    return about(box, call)


def show_faults(box: Box, call: Call) -> Answer:
    """`GET /sandbox/faults`."""
    return json_answer(200, {"faults": box.faults.document()})


def add_fault(box: Box, call: Call) -> Answer:
    """`POST /sandbox/faults` with the fields of a fault, or `{"chaos": {"seed": ..}}`."""
    document = call.json()
    if isinstance(chaos := document.get("chaos"), dict):
        box.faults.chaos(**chaos)
    else:
        box.faults.add(Fault(**document))
    return show_faults(box, call)


def clear_faults(box: Box, call: Call) -> Answer:
    """`DELETE /sandbox/faults`."""
    box.faults.clear()
    return show_faults(box, call)


def settings(box: Box, call: Call) -> Answer:
    """`POST /sandbox/settings` with those that change."""
    box.set(call.json())
    return about(box, call)


def reset(box: Box, call: Call) -> Answer:
    """`POST /sandbox/reset`."""
    box.reset()
    return about(box, call)


_ROUTES = Routes(
    [
        ("GET", "/sandbox", about),
        ("GET", "/sandbox/state", state),
        ("GET", "/sandbox/requests", requests),
        ("POST", "/sandbox/clock", advance),
        ("GET", "/sandbox/faults", show_faults),
        ("POST", "/sandbox/faults", add_fault),
        ("DELETE", "/sandbox/faults", clear_faults),
        ("POST", "/sandbox/settings", settings),
        ("POST", "/sandbox/reset", reset),
    ]
)


def answer(box: Box, call: Call) -> Answer:
    """Serve a call to the sandbox itself."""
    found = _ROUTES.find(call.method, call.path)
    if found is None:
        return json_answer(404, {"error": "no such page in the sandbox"})
    handler, values = found
    if handler is None:
        return json_answer(405, {"error": "method not allowed"})
    try:
        return handler(box, call, **values)
    except (ValueError, TypeError, AttributeError) as error:
        return json_answer(400, {"error": str(error)})
