"""The way into the emulated instance: authentication, limits, and answers that no path gives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from connector.sandbox.messages import Answer, Call, Refusal
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import FAILED, refusal
from connector.sandbox.servicenow.instance import Instance
from connector.sandbox.servicenow.limits import Limits

_WORDED = {
    400: ("Exception while reading request", "The payload is not valid JSON"),
    401: ("User is not authenticated", "Required to provide Auth information"),
    403: (FAILED, "ACL Exception Insert Failed due to security constraints"),
    404: ("No Record found", "Record doesn't exist or ACL restricts the record retrieval"),
    500: ("Transaction cancelled: maximum execution time exceeded", ""),
}


class Service(Instance, ABC):
    """An instance with a way in. `serve` is what it does for those who may come in."""

    name = "servicenow"

    def _start(self) -> None:
        super()._start()
        self.limits = Limits(self)

    def answer(self, call: Call) -> Answer:
        """Serve one call."""
        try:
            if call.path == "/oauth_token.do":
                return self.doorman.token(call)
            account = self.doorman.admit(call)
            answer = self.limits.check(call) or self.serve(call, account)
        except Refusal as refused:
            answer = refused.answer
        self.limits.mark(call, answer)
        return answer

    def crowded(self) -> Answer:
        """A bare 429: nothing says when to come back."""
        return Answer(429, b"", [], "text/plain")

    def status(self, status: int, retry_after: float | None = None) -> Answer:
        """An answer with this status as the platform would word it, for the fault switch."""
        if status in _WORDED:
            return refusal(status, *_WORDED[status]).answer
        if status == 429 and retry_after is not None:
            return self.limits.refused(retry_after)
        return Answer(status, f"<html><body><h1>{status}</h1></body></html>".encode(), [], "text/html;charset=UTF-8")

    def asleep(self) -> Answer:
        """What a hibernating developer instance says, with 200."""
        page = '<html><body class="instance-hibernating-page"><h1>Your instance is hibernating</h1></body></html>'
        return Answer(200, page.encode(), [], "text/html;charset=UTF-8")

    @abstractmethod
    def serve(self, call: Call, account: Account) -> Answer:
        """Serve a call of somebody who is known already. Raises `Refusal`."""
