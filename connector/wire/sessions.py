"""The one place that makes HTTP sessions, and that turns what goes wrong on them into our own errors.

A `Session` belongs to one thread and one remote. pysnow and zenpy talk through it; neither ever sees an answer that is
not a success, so that none of their own ways with errors (silence, endless waits, bodies in messages) comes to bear.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import requests
import tenacity

from connector.clock import Clock, SystemClock
from connector.errors import Finding, RemoteError, SettingsError, Transient
from connector.jsontext import dump_ascii
from connector.plugins import Allowance, Cost, Limiter, SinkTools
from connector.silence import silence as silence_packages
from connector.wire import answers, exceptions, rates
from connector.wire.answers import LARGEST
from connector.wire.auth import Basic, Bearer, Credential, Header, Token
from connector.wire.deadline import Flight, TimedAdapter
from connector.wire.errors import PLAIN, Dialect, Effect, Row, Seen, Verdict, verdict

__all__ = [
    "LARGEST",
    "PLAIN",
    "ROOT",
    "Answer",
    "Basic",
    "Bearer",
    "Credential",
    "Dialect",
    "Effect",
    "Header",
    "Row",
    "Seen",
    "Session",
    "Token",
    "Verdict",
    "oauth",
    "session",
    "silence",
    "translated",
    "verdict",
]

ROOT: Final = "https://remote.invalid"  # stands for the sink's url in what the libraries ask for (RFC 2606)
CONNECT = 10.0  # seconds
_REPEATED = frozenset({str(Seen.UNREACHABLE), str(Seen.LOST)})
_ATTEMPTS = 3

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the remote said last on a session. `date` is its own clock, `rates` its headers about limits."""

    status: int
    date: datetime | None
    rates: Mapping[str, str] = field(default_factory=dict)
    document: Any = field(default=None, repr=False)


class Session(requests.Session):
    """A requests session bound to one remote; every failure is a RemoteError.

    - TLS is verified, the environment (proxies, .netrc, CA paths) is not read, redirects are never followed.
    - One deadline covers a whole call: waiting for a token, connecting, sending, headers, body.
    - Reads pay the limiter and are repeated after a failed connection. Writes are sent once.
    - JSON goes out as canonical bytes, so that two attempts of one body are equal.
    """

    authorized = True  # zenpy asks for it before it uses a foreign session

    def __init__(
        self, name: str, url: str, credential: Credential | None, timeout: float, limiter: Limiter, clock: Clock
    ) -> None:
        super().__init__()
        self.name = name
        self.base = url.rstrip("/")
        self.trust_env = False
        self.dialect = PLAIN
        self.harmless = False
        self.last = Answer(0, None)
        self._said: Sequence[Allowance] = ()
        self._credential = credential
        self._timeout = timeout
        self._limiter = limiter
        self._clock = clock
        self._flight = Flight(clock)
        self._joined = False
        adapter = TimedAdapter(self._flight)
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    @contextmanager
    def single_call(self) -> Iterator[None]:
        """Requests in here share one deadline and are paid for already: together they are one thing to do."""
        self._flight.begin(self._timeout)
        self._joined = True
        try:
            yield
        finally:
            self._joined = False

    @contextmanager
    def keyed(self, key: str) -> Iterator[None]:
        """Requests in here carry this `Idempotency-Key`."""
        self.headers["Idempotency-Key"] = key
        try:
            yield
        finally:
            del self.headers["Idempotency-Key"]

    def request(self, method: str, url: str, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        """One call. `harmless` says that a POST changes nothing that anybody sees, so it may be judged as a read."""
        reads = method.upper() in ("GET", "HEAD", "OPTIONS")
        harmless = bool(kwargs.pop("harmless", False)) or self.harmless
        effect = Effect.READ if reads or harmless else Effect.WRITE
        call = self._call(method, url, kwargs)
        cost = rates.cost(self.dialect.endpoints, call["method"], urllib.parse.urlsplit(call["url"]).path)
        # The engine pays for a write before it claims the row: nothing may wait between claim and send.
        pays = reads and not self._joined
        if pays:
            self._limiter.take(cost)
        if not self._joined:
            self._flight.begin(self._timeout)
        if not reads:
            return self._attempt(call, url, effect, cost)
        return self._repeated(lambda: self._attempt(call, url, effect, cost), cost if pays else {})

    def part(self, name: str, kind: type[Part]) -> Part:
        """What the last answer, to a read, holds under `name`. Raises Transient where that is of another kind."""
        document = self.last.document
        value = document.get(name) if isinstance(document, dict) else None
        if not isinstance(value, kind):
            raise verdict(Seen.GARBLED, Effect.READ, self.name, status=self.last.status)
        return value

    def _call(self, method: str, url: str, kwargs: dict[str, Any]) -> dict[str, Any]:
        """What requests is told. The caller's own timeouts and redirects do not count."""
        call = {name: kwargs[name] for name in ("params", "data", "headers", "files") if kwargs.get(name) is not None}
        if kwargs.get("json") is not None and "data" not in call:
            call["data"] = dump_ascii(kwargs["json"])
            call["headers"] = {"Content-Type": "application/json", **call.get("headers", {})}
        return {"method": method.upper(), "url": self._absolute(url), "auth": self._credential, **call}

    def _absolute(self, url: str) -> str:
        if url.startswith(ROOT):
            return self.base + url[len(ROOT) :]
        if url.startswith("/") and not url.startswith("//"):
            return self.base + url
        if url == self.base or url.startswith(self.base + "/"):
            return url
        # The credential belongs to one remote: an address that an answer named is not trusted with it.
        raise verdict(Seen.UNSENDABLE, Effect.READ, self.name, detail="an address of another host")

    def _repeated(self, attempt: Callable[[], requests.Response], cost: Cost) -> requests.Response:
        def wait(seconds: float) -> None:
            self._clock.sleep(seconds)
            self._limiter.take(cost)

        def worth(error: BaseException) -> bool:
            return isinstance(error, Transient) and error.code in _REPEATED and self._flight.remaining() > 0

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(_ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=0.1, max=1.0),
            retry=tenacity.retry_if_exception(worth),
            sleep=wait,
            reraise=True,
        )
        return retrying(attempt)

    def _attempt(self, call: Mapping[str, Any], asked: str, effect: Effect, cost: Cost) -> requests.Response:
        response = self._sent(call, effect, cost)
        if response.status_code == 401 and isinstance(self._credential, Bearer):
            # A 401 was not carried out, whatever it asked for, so it may be sent again with another token.
            with translated(self.name, Effect.READ):
                self._credential.renew(str(response.request.headers.get("Authorization", "")))
            response = self._sent(call, effect, cost)
        self._judge(response, effect)
        # zenpy picks its parser by the address that it asked for.
        response.url = asked
        response.request.url = asked
        return response

    def _sent(self, call: Mapping[str, Any], effect: Effect, cost: Cost) -> requests.Response:
        self._limiter.sent(cost)
        self._said = ()
        try:
            response = self._exchanged(call, effect)
            self._said = self._rates(response, cost)
        finally:
            self._limiter.heard(self._said)
        return response

    def _exchanged(self, call: Mapping[str, Any], effect: Effect) -> requests.Response:
        self._flight.again()
        left = max(self._flight.remaining(), 0.001)
        try:
            response = super().request(**call, timeout=(min(CONNECT, left), left), allow_redirects=False, stream=True)
            answers.read(response)
        except RemoteError:
            raise
        except Exception as error:
            seen = exceptions.exception(error, self._flight.left)
            if seen is Seen.ODD and effect is Effect.READ:
                raise
            raise verdict(seen, effect, self.name, detail=self._place(seen, error)) from None
        return response

    def _place(self, seen: Seen, error: Exception) -> str:
        """Where we knocked in vain, and why nobody opened."""
        if seen not in (Seen.UNREACHABLE, Seen.PROXY, Seen.CERTIFICATE):
            return ""
        parts = urllib.parse.urlsplit(self.base)
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
        reason = exceptions.why(error) if seen is Seen.UNREACHABLE else ""
        return f"{host}: {reason}" if reason else host

    def _rates(self, response: requests.Response, cost: Cost) -> Sequence[Allowance]:
        """What the answer's headers say about limits."""
        headers = answers.rates(response)
        date = answers.http_date(response.headers.get("Date", ""))
        now = self._clock.wall() if date is None else date.timestamp()
        return rates.allowances(headers, self.dialect.endpoints, cost, self.dialect.window, now)

    def _judge(self, response: requests.Response, effect: Effect) -> None:
        """Remember what the answer says, and raise unless it is a whole success."""
        date, limits = answers.http_date(response.headers.get("Date", "")), answers.rates(response)
        self.last = Answer(response.status_code, date, limits)
        document = self.judged(response.status_code, response.headers, response.content, effect)
        self.last = Answer(response.status_code, date, limits, document)

    def judged(
        self, status: int, headers: Mapping[str, str], content: bytes, effect: Effect, obeyed: bool = False
    ) -> Any:
        """The document of an answer, or of one that came inside another (`headers` by their names in lower case).
        Raises unless it is a whole success. What asks to wait holds all, unless one beside it has been `obeyed`."""
        html = "html" in headers.get("content-type", "").lower()
        seen, document = answers.seen(status, html, content, self.dialect)
        if seen is None:
            return document
        detail = self.dialect.detail(answers.text(content))
        retry_after = answers.retry_after(headers.get("retry-after", ""), self.last.date)
        if not obeyed:
            retry_after = self._obeyed(seen, retry_after)
        raise verdict(seen, effect, self.name, status=status, detail=detail, retry_after=retry_after)

    def _obeyed(self, seen: Seen, retry_after: float | None) -> float | None:
        """Hold what the remote refuses: where its headers show which classes are used up these, else everything."""
        if seen is Seen.DOWN and retry_after is not None:
            self._limiter.hold(retry_after)
        if seen is not Seen.BUSY:
            return retry_after
        spent = {said.name: said.resets for said in self._said if said.remaining == 0} or {"": None}
        waits = {name: resets if retry_after is None else retry_after for name, resets in spent.items()}
        for name, seconds in waits.items():
            self._limiter.hold(seconds, name)
        return max((seconds for seconds in waits.values() if seconds is not None), default=None)


def session(
    name: str,
    url: str,
    credential: Credential | None,
    *,
    timeout: float = 75.0,
    proxy: str | None = None,
    ca_bundle: Path | None = None,
    limiter: Limiter | None = None,
    clock: Clock | None = None,
    dialect: Dialect = PLAIN,
) -> Session:
    """A session for one thread, bound to `url`. `timeout` is for a whole call, in seconds. Raises SettingsError."""
    silence()
    if ca_bundle is not None and not ca_bundle.is_file():
        what = "the sink's ca_bundle names no file that can be read"
        raise SettingsError([Finding("no-ca-bundle", str(ca_bundle), what, "correct the path")])
    made = Session(name, url, credential, timeout, limiter or SinkTools().limiter, clock or SystemClock())
    made.dialect = dialect
    made.headers.update({"Accept": "application/json", "User-Agent": "connector"})
    made.proxies = {"http": proxy, "https": proxy} if proxy else {}
    made.verify = str(ca_bundle) if ca_bundle else True
    return made


def oauth(asking: Callable[[], Session], path: str, grant: Mapping[str, str], clock: Clock) -> Bearer:
    """A bearer credential whose token comes from `path`. `asking` opens the session that asks for it.

    The form travels in the body, never in the address, as RFC 6749 section 2.3.1 demands.
    """

    def ask(form: Mapping[str, str]) -> Mapping[str, Any]:
        with asking() as door:
            door.harmless = True
            door.dialect = _TOKENS
            body = urllib.parse.urlencode(form)
            door.post(path, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
            document = door.last.document
        return document if isinstance(document, dict) else {}

    return Bearer(Token(grant, ask, clock))


def _oauth_word(text: str) -> str:
    found = re.search(r'"error"\s*:\s*"([a-z_]{1,40})"', text)
    return found[1] if found else ""


_TOKENS = Dialect(
    rows=(Row(400, Seen.UNAUTHORISED), Row(403, Seen.UNAUTHORISED), Row(404, Seen.NO_API)), detail=_oauth_word
)


@contextmanager
def translated(name: str, effect: Effect) -> Iterator[None]:
    """Around whatever uses a session: a foreign exception becomes ours. After a write that is `Uncertain`."""
    try:
        yield
    except RemoteError:
        raise
    except SettingsError as error:
        raise verdict(Seen.UNSENDABLE, Effect.READ, name, detail=str(error)) from None
    except Exception as error:
        seen = exceptions.exception(error)
        if seen is Seen.ODD and effect is Effect.READ:
            raise
        if effect is Effect.WRITE and seen in (Seen.GONE, Seen.REFUSED, Seen.UNAUTHORISED):
            seen = Seen.ODD  # the session found the answer good; what a library says of it later proves nothing
        raise verdict(seen, effect, name) from None


_TALKATIVE = ("pysnow", "zenpy", "urllib3", "requests", "requests_oauthlib", "oauthlib", "charset_normalizer")


def silence() -> None:
    """Keep the libraries that talk for us out of the logs; again for every session, because they are imported late."""
    silence_packages(*_TALKATIVE)
