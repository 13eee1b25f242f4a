"""Refusals in the shapes of Zendesk; they differ by layer, as on the real system."""

from __future__ import annotations

from typing import Any

from connector.sandbox.messages import Answer, Refusal, json_answer

COLLISION = "Requester creation collision - please try again"


def missing() -> Refusal:
    """404 for a record."""
    return Refusal(json_answer(404, {"error": "RecordNotFound", "description": "Not found"}))


def no_endpoint() -> Refusal:
    """404 for a path."""
    return Refusal(json_answer(404, {"error": "InvalidEndpoint", "description": "Not found"}))


def unauthenticated() -> Refusal:
    """401."""
    return Refusal(json_answer(401, {"error": "Couldn't authenticate you"}))


def forbidden() -> Refusal:
    """403."""
    document = {"error": "Forbidden", "description": "You do not have access to this page."}
    return Refusal(json_answer(403, document))


def invalid(**details: list[dict[str, Any]]) -> Refusal:
    """422 with the reasons by field."""
    document = {"error": "RecordInvalid", "description": "Record validation errors", "details": details}
    return Refusal(json_answer(422, document))


def reason(description: str, code: str | None = "InvalidValue") -> list[dict[str, Any]]:
    """One reason for `invalid`."""
    return [{"description": description, "error": code}]


def bad_attribute(message: str) -> Refusal:
    """400 in the older shape, where `error` is an object."""
    return Refusal(json_answer(400, {"error": {"title": "Invalid attribute", "message": message}}))


def too_many(limit: int = 100) -> Refusal:
    """400 for a bulk call with too many records."""
    text = f"Parameter  cannot specify more than {limit} values"
    return Refusal(json_answer(400, {"error": "TooManyValues", "description": text, "max_count": limit}))


def plain(status: int, text: str) -> Refusal:
    """The layers that answer in plain text."""
    return Refusal(Answer(status, text.encode(), [], "text/plain; charset=utf-8"))


def conflict() -> Refusal:
    """409 of a safe update."""
    text = "Safe Update prevented the update due to outdated ticket data. Please fetch the latest ticket data."
    return Refusal(json_answer(409, {"error": "UpdateConflict", "description": text}))
