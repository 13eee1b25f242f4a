"""The way into the emulated account: authentication, limits, and what serves which path."""

from __future__ import annotations

from collections.abc import Callable

from connector.sandbox.faults import called
from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk.account import Account
from connector.sandbox.zendesk.errors import (
    COLLISION,
    bad_attribute,
    forbidden,
    invalid,
    missing,
    no_endpoint,
    plain,
    reason,
    unauthenticated,
)
from connector.sandbox.zendesk.limits import Limits, refused
from connector.sandbox.zendesk.paths import ROUTES

_ANONYMOUS = {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}

_WORDED: dict[int, Callable[[], Refusal]] = {
    400: lambda: bad_attribute("You passed an invalid value for the attribute"),
    401: unauthenticated,
    403: forbidden,
    404: missing,
    409: lambda: plain(409, COLLISION),
    422: lambda: invalid(base=reason("Subject: is invalid")),
}


class Zendesk(Account):
    """An emulated account that answers calls."""

    name = "zendesk"

    def _start(self) -> None:
        super()._start()
        self.limits = Limits(self)

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        headers: list[tuple[str, str]] = []
        try:
            answer = self._serve(call, headers)
        except Refusal as stopped:
            answer = stopped.answer
        answer.headers += [*headers, ("x-zendesk-request-id", f"{self.chance.getrandbits(64):016x}")]
        return answer

    def _serve(self, call: Call, headers: list[tuple[str, str]]) -> Answer:
        path = call.path.removesuffix(".json")
        if path == "/oauth/tokens":
            return self.doorman.token(call)
        if path == "/api/v2/users/me" and "authorization" not in call.headers:
            return json_answer(200, {"user": _ANONYMOUS})
        found = ROUTES.find(call.method, path)
        if path.startswith("/attachments/token/") and found and found[0]:
            return found[0](self, call, {}, **found[1])  # the address itself is the secret
        who = self.doorman.admit(call)
        over, more = self.limits.check(call, path, who)
        headers += more
        if over is not None:
            return over
        handler, values = found or (None, {})
        if handler is None:
            raise no_endpoint()
        return handler(self, call, who, **values)

    def seconds(self, call: Call) -> float:
        """What a single write costs; jobs have a speed of their own."""
        return 0.0 if self.work <= 0 or call.method == "GET" or len(called(call.path)) > 1 else self.work

    def crowded(self) -> Answer:
        """503 of an account that has no more threads."""
        return self.status(503)

    def status(self, status: int, retry_after: float | None = None) -> Answer:
        """An answer with this status as the account would word it, for the fault switch."""
        if status in _WORDED:
            return _WORDED[status]().answer
        if status == 429:
            return refused(retry_after)
        headers = [("Retry-After", str(int(retry_after)))] if retry_after is not None else []
        page = f"<html><body><h1>{status}</h1></body></html>".encode()
        return Answer(status, page, headers, "text/html; charset=utf-8")

    def asleep(self) -> Answer:
        """A web page where JSON was expected, with 200."""
        page = b"<html><body><h1>This help desk is undergoing maintenance</h1></body></html>"
        return Answer(200, page, [], "text/html; charset=utf-8")
