"""What the door answers: JSON, whether it took a post or refused it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Refused(Exception):
    """Nothing was stored. `code` is a stable word in kebab case; no text quotes the post or a secret.

    `retry_after` is in seconds. `closes` says that the rest of the request is not worth reading.
    """

    def __init__(
        self,
        status: int,
        code: str,
        what: str,
        remedy: str = "",
        *,
        retry_after: int | None = None,
        closes: bool = False,
    ) -> None:
        super().__init__(what)
        self.status = status
        self.code = code
        self.what = what
        self.remedy = remedy
        self.retry_after = retry_after
        self.closes = closes


def overloaded(what: str) -> Refused:
    """Not now: there is more than can be stored in time."""
    return Refused(
        503, "overloaded", what, "post the same again; a repeated post is stored once", retry_after=RETRY_AFTER
    )


RETRY_AFTER = 5


def answer(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A document as the answer."""
    return JSONResponse(document, status, {**_HEADERS, **(headers or {})})


def refusal(refused: Refused) -> JSONResponse:
    """The answer to a refused request: `{"error": {"code", "what", "remedy"}}`."""
    headers = {"Connection": "close"} if refused.closes else {}
    if refused.retry_after is not None:
        headers["Retry-After"] = str(refused.retry_after)
    if refused.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer({"error": error(refused.code, refused.what, refused.remedy)}, refused.status, headers)


def error(code: str, what: str, remedy: str = "") -> dict[str, str]:
    """An error as every answer says it."""
    return {"code": code, "what": what, "remedy": remedy}
