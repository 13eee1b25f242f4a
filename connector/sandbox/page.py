"""The page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.messages import Answer, Call

if TYPE_CHECKING:
    from connector.sandbox.app import Sandbox


def answer(box: Sandbox, call: Call) -> Answer:
    return Answer(404, b"not found", [], "text/plain")
