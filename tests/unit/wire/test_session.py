"""What a session does with every kind of answer, over real sockets."""

from __future__ import annotations

import gzip
import logging
import re
import socket
import threading
from typing import Any

import pytest

from connector import wire
from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.plugins import ONE_REQUEST, Allowance, Cost
from tests.conftest import FakeClock
from tests.unit.wire.conftest import Paid, Script, answer

SECRET = "ticket text of Mrs Example"


def refused(session: wire.Session, method: str) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        session.request(method, "/api/x", params={"sysparm_query": "email=a@b.example"}, json={"text": SECRET})
    assert SECRET not in str(caught.value)
    assert "a@b.example" not in str(caught.value)
    return caught.value


def test_success_gives_document_date_and_rates(script: Script, session: wire.Session) -> None:
    script.parts = [answer(b'{"a": 1}', "200 OK", "Date: Sun, 06 Nov 1994 08:49:37 GMT", "X-RateLimit-Limit: 100")]
    session.get("/api/x")
    assert session.last.document == {"a": 1}
    assert session.last.date is not None
    assert session.last.date.isoformat() == "1994-11-06T08:49:37+00:00"
    assert session.last.rates == {"x-ratelimit-limit": "100"}


def test_reads_pay_and_writes_do_not(script: Script, session: wire.Session, limiter: Paid) -> None:
    script.parts = [answer(), answer(), answer()]
    session.get("/a")
    session.post("/b", json={})
    assert limiter.taken == 1
    with session.single_call():
        session.get("/c")
    assert limiter.taken == 1
    assert limiter.left == 3


def test_a_read_that_is_repeated_pays_again(script: Script, session: wire.Session, limiter: Paid) -> None:
    script.parts = [lambda connection: connection.shutdown(socket.SHUT_RDWR)] * 2 + [answer()]
    session.get("/a")
    assert limiter.taken == limiter.left == len(limiter.news) == 3


class Held(Paid):
    """A remote that has asked to wait since the call was paid for."""

    def sent(self, cost: Cost = ONE_REQUEST) -> None:
        raise Transient("the remote asked to wait")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_leaves_while_the_remote_asks_to_wait(script: Script, clock: FakeClock, method: str) -> None:
    script.parts = [answer()]
    held = Held()

    def desk() -> wire.Session:
        return wire.session("desk", script.url, None, clock=clock, limiter=held)

    token = wire.oauth(desk, "/oauth/tokens", {"grant_type": "client_credentials"}, clock)
    with wire.session("desk", script.url, token, clock=clock, limiter=held) as session, pytest.raises(Transient):
        session.request(method, "/x")
    with pytest.raises(Transient):
        wire.oauth(desk, "/oauth/tokens", {}, clock).renew("")
    assert script.asked == []
    assert held.news == []


CLASSES = wire.Dialect(
    endpoints=(
        wire.Endpoint("update", "tickets-update", "PUT", re.compile(r"/tickets/\d+")),
        wire.Endpoint("update_each", "tickets-update-per-ticket", "PUT", re.compile(r"/tickets/(\d+)"), 600.0),
    )
)


def test_what_an_answer_says_about_limits_is_heard(script: Script, session: wire.Session, limiter: Paid) -> None:
    session.dialect = CLASSES
    script.parts = [
        answer(
            b"{}",
            "200 OK",
            "RateLimit-Limit: 700",
            "RateLimit-Remaining: 3",
            "RateLimit-Reset: 9",
            "Zendesk-RateLimit-Tickets-Update: total=100; remaining=99; resets=43",
        )
    ]
    session.put("/tickets/35", json={})
    update = Allowance("update", 100, 60.0, 99, 43.0)
    assert limiter.news == [[update, Allowance("", 700, 60.0, 3, 9.0)]]


@pytest.mark.parametrize(
    ("headers", "held"),
    [
        (["RateLimit-Limit: 9", "RateLimit-Remaining: 0", "RateLimit-Reset: 7", "Retry-After: 5"], [(5.0, "")]),
        (["RateLimit-Limit: 9", "RateLimit-Remaining: 0", "RateLimit-Reset: 7"], [(7.0, "")]),
        (["Zendesk-RateLimit-Tickets-Update: total=9; remaining=0; resets=7", "Retry-After: 5"], [(5.0, "update")]),
        (["Zendesk-RateLimit-Tickets-Update: total=9; remaining=4; resets=7", "Retry-After: 5"], [(5.0, "")]),
        (["Zendesk-RateLimit-Tickets-Update-Per-Ticket: total=9; remaining=0; resets=7"], [(7.0, "update_each/35")]),
        (["Zendesk-RateLimit-Something-Else: total=9; remaining=0; resets=7", "Retry-After: 5"], [(5.0, "")]),
        ([], [(None, "")]),
    ],
)
def test_429_holds_the_class_that_its_headers_name(
    script: Script, session: wire.Session, limiter: Paid, headers: list[str], held: list[tuple[float | None, str]]
) -> None:
    session.dialect = CLASSES
    script.parts = [answer(b"slow down", "429 Too Many Requests", *headers)]
    with pytest.raises(Transient) as caught:
        session.put("/tickets/35", json={})
    assert limiter.held == held
    assert caught.value.retry_after == held[0][0]


def test_503_holds_where_it_names_a_time(script: Script, session: wire.Session, limiter: Paid) -> None:
    script.parts = [answer(b"", "503 Service Unavailable"), answer(b"", "503 Service Unavailable", "Retry-After: 8")]
    for _ in range(2):
        refused(session, "POST")
    assert limiter.held == [(8.0, "")]


def test_json_goes_out_as_the_same_bytes_whatever_its_order(script: Script, session: wire.Session) -> None:
    script.parts = [answer(), answer()]
    session.post("/x", json={"b": 1, "a": {"d": "ü", "c": None}})
    session.post("/x", json={"a": {"c": None, "d": "ü"}, "b": 1})
    first, second = (request.partition(b"\r\n\r\n")[2] for request in script.asked)
    assert first == second == b'{"a":{"c":null,"d":"\\u00fc"},"b":1}'


def test_idempotency_key_is_sent_with_one_call_only(script: Script, session: wire.Session) -> None:
    script.parts = [answer(), answer()]
    with session.keyed("abc"):
        session.post("/x", json={})
    session.post("/x", json={})
    assert [b"Idempotency-Key: abc" in request for request in script.asked] == [True, False]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_listens(clock: FakeClock, method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    with wire.session("desk", f"http://127.0.0.1:{port}", None, clock=clock) as session:
        error = refused(session, method)
    assert isinstance(error, Transient)
    assert (error.code, error.scope) == ("unreachable", Scope.ACCOUNT)
    assert error.what == f"desk cannot be reached (127.0.0.1:{port}: connection refused)"
    assert len(clock.slept) == (2 if method == "GET" else 0)


def test_a_proxy_that_refuses(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        proxy = f"http://127.0.0.1:{door.getsockname()[1]}"
    with wire.session("desk", "https://desk.example", None, proxy=proxy, clock=clock) as session:
        error = refused(session, "POST")
    assert isinstance(error, Transient)
    assert error.code == "proxy"


def test_a_proxy_that_answers_407_to_connect(script: Script, clock: FakeClock) -> None:
    script.parts = [answer(b"", "407 Proxy Authentication Required")]
    with wire.session("desk", "https://desk.example", None, proxy=script.url, clock=clock) as session:
        error = refused(session, "POST")
    assert isinstance(error, Transient), "what was said to the proxy was not yet the request"


def test_no_tls_on_the_other_side(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def plainly() -> None:
            with door.accept()[0] as connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        threading.Thread(target=plainly, daemon=True).start()
        with wire.session("desk", f"https://127.0.0.1:{door.getsockname()[1]}", None, clock=clock) as session:
            error = refused(session, "POST")
    assert isinstance(error, Transient)
    assert error.code == "unreachable"


@pytest.mark.parametrize(("method", "kind"), [("GET", Transient), ("POST", Uncertain)])
def test_hung_up_after_the_request(script: Script, session: wire.Session, method: str, kind: type) -> None:
    script.parts = [lambda connection: connection.shutdown(socket.SHUT_RDWR)] * 3
    error = refused(session, method)
    assert isinstance(error, kind)
    assert error.code == "lost"
    assert len(script.asked) == (3 if method == "GET" else 1), "a write is sent once"


@pytest.mark.parametrize(("method", "kind"), [("GET", Transient), ("POST", Uncertain)])
def test_cut_in_the_body(script: Script, session: wire.Session, method: str, kind: type) -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"result": [')
        connection.shutdown(socket.SHUT_RDWR)

    script.parts = [cut] * 3
    assert isinstance(refused(session, method), kind)


@pytest.mark.parametrize("drip", [b"1\r\nx\r\n", b"X-Header: y\r\n"])
def test_an_answer_that_drips_is_given_up_at_the_deadline(script: Script, drip: bytes) -> None:
    class Hurrying(FakeClock):
        def monotonic(self) -> float:
            self.ticks += 0.5  # every packet costs half a second
            return self.ticks

    def slowly(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        connection.sendall(start + (b"\r\n" if drip[:1] == b"1" else b""))
        while True:
            connection.sendall(drip[:1])
            connection.sendall(drip[1:])

    script.parts = [slowly]
    with wire.session("desk", script.url, None, timeout=20, clock=Hurrying()) as session:
        error = refused(session, "POST")
    assert isinstance(error, Uncertain)


def test_nothing_leaves_after_the_deadline(script: Script, clock: FakeClock) -> None:
    class Stopped:
        """A credential whose fetching takes an hour: the process was stopped meanwhile."""

        def __call__(self, request: Any) -> Any:
            clock.advance(3600)
            return request

    script.parts = [answer()]
    with wire.session("desk", script.url, Stopped(), timeout=75, clock=clock) as session:
        error = refused(session, "POST")
    assert isinstance(error, Transient), "provably not done"
    assert script.asked == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_longer_than_any_should_be(script: Script, session: wire.Session, packed: bool) -> None:
    body = b" " * (wire.LARGEST + 1)
    extra = ("Content-Encoding: gzip",) if packed else ()
    script.parts = [answer(gzip.compress(body, 1) if packed else body, "200 OK", *extra)] * 3
    error = refused(session, "POST")
    assert isinstance(error, Uncertain)
    assert error.code == "garbled"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_is_not_followed(script: Script, session: wire.Session, method: str) -> None:
    script.parts = [answer(b"", "302 Found", "Location: /login.do"), answer()]
    error = refused(session, method)
    assert isinstance(error, Permanent)
    assert error.scope is Scope.ACCOUNT
    assert "SSO" in str(error)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    ("body", "code", "kind"),
    [
        (b"<html class='instance-hibernating-page'>Your instance is hibernating", "asleep", Transient),
        (b"<html><form action=login.do><input name=p type='password'>", "login", Permanent),
        (b"<html>something else</html>", "page", Uncertain),
    ],
)
def test_a_web_page_with_200(script: Script, session: wire.Session, body: bytes, code: str, kind: type) -> None:
    script.parts = [answer(body, kind="text/html; charset=utf-8")]
    error = refused(session, "POST")
    assert (error.code, error.scope) == (code, Scope.ACCOUNT)
    assert isinstance(error, kind)


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        ("400 Bad Request", Permanent, Permanent),
        ("401 Unauthorized", Permanent, Permanent),
        ("404 Not Found", Permanent, Permanent),
        ("408 Request Timeout", Transient, Uncertain),
        ("418 I am a teapot", Transient, Uncertain),
        ("429 Too Many Requests", Transient, Transient),
        ("500 Internal Server Error", Transient, Uncertain),
        ("503 Service Unavailable", Transient, Uncertain),
        ("599 Whatever", Transient, Uncertain),
    ],
)
def test_statuses(script: Script, session: wire.Session, status: str, read: type, write: type) -> None:
    body = f'{{"error": "{SECRET}"}}'.encode()
    script.parts = [answer(body, status), answer(body, status)]
    assert isinstance(refused(session, "GET"), read)
    assert isinstance(refused(session, "PUT"), write)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 17", 17.0),
        ("Retry-After: Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Retry-After: nonsense", None),
        ("Retry-After: -5", None),
        ("X-Nothing: 1", None),
    ],
)
def test_429_holds_everybody(
    script: Script, session: wire.Session, limiter: Paid, header: str, seconds: float | None
) -> None:
    script.parts = [answer(b"slow down", "429 Too Many Requests", "Date: Sun, 06 Nov 1994 08:49:37 GMT", header)]
    error = refused(session, "POST")
    assert error.retry_after == seconds
    assert limiter.held == [(seconds, "")]


def test_the_environment_is_not_read(script: Script, session: wire.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    script.parts = [answer()]
    session.get("/x")
    assert len(script.asked) == 1


@pytest.mark.parametrize("url", ["https://evil.example/api", "//evil.example/api", "http://127.0.0.1:1.evil.example/"])
def test_another_host_is_never_asked(session: wire.Session, url: str) -> None:
    with pytest.raises(Permanent, match="another host"):
        session.get(url)


def test_the_placeholder_becomes_the_url_and_stays_in_the_answer(script: Script, session: wire.Session) -> None:
    script.parts = [answer()]
    response = session.get(f"{wire.ROOT}/api/v2/x.json")
    assert response.url == response.request.url == f"{wire.ROOT}/api/v2/x.json"
    assert script.asked[0].startswith(b"GET /api/v2/x.json ")


def test_the_libraries_say_nothing_at_any_level(
    script: Script, session: wire.Session, caplog: pytest.LogCaptureFixture
) -> None:
    import pysnow  # noqa: F401
    import zenpy.lib.api  # noqa: F401

    wire.silence()
    caplog.set_level(logging.DEBUG)
    for name in ("pysnow", "zenpy.lib.api", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
        logging.getLogger(name).debug("%s", SECRET)
        logging.getLogger(name).error("%s", SECRET)
    script.parts = [answer()]
    session.get("/x", params={"q": SECRET})
    assert SECRET not in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_a_foreign_exception_after_a_write_is_uncertain() -> None:
    with pytest.raises(Uncertain), wire.translated("desk", wire.Effect.WRITE):
        raise KeyError("sys_id")
    with pytest.raises(KeyError), wire.translated("desk", wire.Effect.READ):
        raise KeyError("sys_id")
