"""`Idempotency-Key` on single creates: registered when the create commits, alive for two hours of sandbox time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk.account import Remembered

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

_HEADER = "idempotency-key"


def replay(account: Account, call: Call) -> Answer | None:
    """The first answer again, for a key that is known. Refuses another body under the same key."""
    key = call.headers.get(_HEADER)
    known = account.keys.get(key) if key else None
    if known is None or known.expires <= account.clock.now():
        return None
    if known.body != call.body:
        text = "Request parameters don't match the given idempotency key"
        raise Refusal(json_answer(400, {"error": "IdempotentRequestError", "description": text}))
    return Answer(201, known.answer, [("Location", known.location), ("x-idempotency-lookup", "hit")])


def remember(account: Account, call: Call, answer: Answer) -> Answer:
    """Register the key of a create that was done."""
    if key := call.headers.get(_HEADER):
        expires = account.clock.now() + account.idempotency_seconds
        account.keys[key] = Remembered(expires, call.body, answer.body, answer.header("Location") or "")
        answer.headers.append(("x-idempotency-lookup", "miss"))
    return answer
