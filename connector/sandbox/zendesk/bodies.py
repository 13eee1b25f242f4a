"""JSON bodies, read with care."""

from __future__ import annotations

from typing import Any

from connector.sandbox.messages import Call, Refusal, json_answer
from connector.sandbox.zendesk.errors import plain

Record = dict[str, Any]


def read(call: Call) -> Record:
    """The body as a JSON object. Refuses anything else."""
    if not call.headers.get("content-type", "").startswith("application/json"):
        raise plain(415, "Unsupported Media Type")
    try:
        document = call.json()
    except ValueError as error:
        text = "The request body could not be parsed as JSON"
        raise Refusal(json_answer(400, {"error": "Unprocessable", "message": text})) from error
    if not isinstance(document, dict):
        raise plain(400, "Required parameter missing")
    return document


def read_object(call: Call, name: str) -> Record:
    """The object under a name. Refuses a body without it."""
    value = read(call).get(name)
    if not isinstance(value, dict):
        raise plain(400, f"Required parameter missing: {name}")
    return value


def read_list(call: Call, name: str) -> list[Record]:
    """The list of objects under a name. Refuses a body without it."""
    value = read(call).get(name)
    if not isinstance(value, list):
        raise plain(400, f"Required parameter missing: {name}")
    return [item if isinstance(item, dict) else {} for item in value]
