"""Rate rules, and the headers and cookies that every answer carries."""

from __future__ import annotations

from connector.sandbox.messages import Answer, Call
from connector.sandbox.servicenow.errors import refusal
from connector.sandbox.servicenow.instance import Instance
from connector.sandbox.servicenow.seed import identifier

_HOUR = 3600


class Limits:
    """Counts calls an hour. A refused call does nothing else."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._hour = -1
        self._count = 0

    def check(self, call: Call) -> Answer | None:
        """The refusal that this call meets, if any."""
        settings = self._instance
        if settings.rate_limit is None:
            return None
        now = self._instance.clock.now()
        if int(now // _HOUR) != self._hour:
            self._hour, self._count = int(now // _HOUR), 0
        self._count += 1
        if self._count > settings.rate_limit:
            return self.refused((self._hour + 1) * _HOUR - now)
        return None

    def refused(self, seconds: float) -> Answer:
        """429 by a rate rule."""
        limit = self._instance.rate_limit or 0
        detail = f"Rate limit of {limit} requests per hour for Table API exceeded"
        answer = refusal(429, "Rate limit exceeded", detail).answer
        answer.headers.append(("Retry-After", str(max(int(seconds + 0.999), 0))))
        return answer

    def mark(self, call: Call, answer: Answer) -> None:
        """The headers of every answer, and cookies on the first of a session."""
        number = f"{self._instance.chance.getrandbits(48):012x}"
        logged_in = "false" if answer.status == 401 else "true"
        answer.headers += [("X-Is-Logged-In", logged_in), ("X-Transaction-ID", number), ("Server", "ServiceNow")]
        answer.headers += [("Cache-Control", "no-store"), ("Server-Timing", "sem_wait;dur=0, sesh_wait;dur=0")]
        bare = answer.status == 429 and answer.header("Retry-After") is None
        if self._instance.rate_limit is not None and not bare:
            reset = str((self._hour + 1) * _HOUR)
            answer.headers += [("X-RateLimit-Limit", str(self._instance.rate_limit)), ("X-RateLimit-Reset", reset)]
            answer.headers.append(("X-RateLimit-Rule", identifier("sys_rate_limit_rules")))
        if "JSESSIONID" not in call.headers.get("cookie", ""):
            flags = "Path=/; Secure; HttpOnly; SameSite=None"
            answer.headers += [
                ("Set-Cookie", f"JSESSIONID={number.upper()}; {flags}"),
                ("Set-Cookie", f"glide_user_route=glide.{number}; Max-Age=2147483647; {flags}"),
                ("Set-Cookie", f"glide_session_store={number.upper()}; Max-Age=1800; {flags}"),
            ]
