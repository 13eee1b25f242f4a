"""Credentials: what goes out, when a token is fetched again, and that none shows its secret."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from connector import wire
from connector.errors import Permanent, Scope, Transient
from connector.wire import Basic, Header
from tests.conftest import FakeClock

URL = "https://desk.example"
GRANT = {"client_id": "me", "client_secret": "s3cret", "grant_type": "password", "username": "u", "password": "p"}


@pytest.fixture
def bearer(clock: FakeClock) -> wire.Bearer:
    return wire.oauth(lambda: wire.session("desk", URL, None, clock=clock), "/oauth_token.do", GRANT, clock)


@pytest.fixture
def session(bearer: wire.Bearer, clock: FakeClock) -> wire.Session:
    return wire.session("desk", URL, bearer, clock=clock)


def token(value: str, **more: Any) -> None:
    responses.post(f"{URL}/oauth_token.do", json={"access_token": value, "expires_in": 1800, **more})


def asked(path: str) -> list[Any]:
    return [call.request for call in responses.calls if urllib.parse.urlsplit(call.request.url).path == path]


def forms() -> list[dict[str, str]]:
    return [dict(urllib.parse.parse_qsl(str(request.body))) for request in asked("/oauth_token.do")]


@responses.activate
def test_a_token_is_fetched_when_first_needed_and_kept_until_shortly_before_its_end(
    session: wire.Session, clock: FakeClock
) -> None:
    token("one")
    token("two")
    responses.get(f"{URL}/x", json={})
    session.get("/x")
    clock.advance(1700)
    session.get("/x")
    assert forms() == [GRANT]
    clock.advance(41)
    session.get("/x")
    assert [request.headers["Authorization"] for request in asked("/x")] == ["Bearer one", "Bearer one", "Bearer two"]
    assert asked("/oauth_token.do")[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "?" not in asked("/oauth_token.do")[0].url


@responses.activate
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_one_401_gets_another_token_and_the_call_is_sent_again(session: wire.Session, method: str) -> None:
    token("one", refresh_token="r1")
    token("two")
    responses.add(method, f"{URL}/x", status=401, json={"error": {}})
    responses.add(method, f"{URL}/x", json={"result": {}})
    session.request(method, "/x", json={"a": 1})
    assert [request.headers["Authorization"] for request in asked("/x")] == ["Bearer one", "Bearer two"]
    assert forms()[1] == {
        "client_id": "me",
        "client_secret": "s3cret",
        "grant_type": "refresh_token",
        "refresh_token": "r1",
    }
    assert asked("/x")[0].body == asked("/x")[1].body


@responses.activate
def test_a_second_401_is_the_accounts_trouble(session: wire.Session) -> None:
    token("one")
    token("two")
    responses.post(f"{URL}/x", status=401, json={"error": {}})
    with pytest.raises(Permanent) as caught:
        session.post("/x", json={})
    assert caught.value.scope is Scope.ACCOUNT
    assert len(asked("/x")) == 2


@responses.activate
def test_a_refresh_token_that_has_ended_is_forgotten(session: wire.Session, clock: FakeClock) -> None:
    token("one", refresh_token="r1")
    responses.post(f"{URL}/oauth_token.do", status=400, json={"error": "invalid_grant"})
    token("three")
    responses.get(f"{URL}/x", json={})
    session.get("/x")
    clock.advance(1790)
    session.get("/x")
    assert [form["grant_type"] for form in forms()] == ["password", "refresh_token", "password"]
    assert asked("/x")[-1].headers["Authorization"] == "Bearer three"


@responses.activate
def test_a_refused_client_says_so_without_its_secret(session: wire.Session) -> None:
    responses.post(f"{URL}/oauth_token.do", status=401, json={"error": "invalid_client", "error_description": "s3cret"})
    with pytest.raises(Permanent, match="invalid_client") as caught:
        session.post("/x", json={})
    assert caught.value.scope is Scope.ACCOUNT
    assert "s3cret" not in str(caught.value)


@responses.activate
@pytest.mark.parametrize("status", [500, 503])
def test_a_token_server_that_fails_means_that_a_write_was_not_sent(session: wire.Session, status: int) -> None:
    responses.post(f"{URL}/oauth_token.do", status=status, json={})
    with pytest.raises(Transient):
        session.post("/x", json={})


@responses.activate
@pytest.mark.parametrize("body", [{}, {"access_token": ""}, {"access_token": 5}, {"access_token": "a\nb"}, []])
def test_an_answer_without_a_token(session: wire.Session, body: Any) -> None:
    responses.post(f"{URL}/oauth_token.do", body=json.dumps(body))
    with pytest.raises(Permanent, match="without an access token"):
        session.get("/x")


@pytest.mark.parametrize("life", ["", None, "soon", "nan", -5, 1e300])
def test_odd_lifetimes(life: Any, clock: FakeClock) -> None:
    made = wire.Token(GRANT, lambda form: {"access_token": "a", "expires_in": life}, clock)
    assert made.value() == "a"


def test_threads_share_one_token(clock: FakeClock) -> None:
    fetched: list[int] = []
    start = threading.Barrier(8)

    def ask(form: Any) -> dict[str, Any]:
        fetched.append(1)
        return {"access_token": f"t{len(fetched)}", "expires_in": 600}

    made = wire.Token(GRANT, ask, clock)

    def use() -> None:
        start.wait()
        made.value()
        made.value(refused="t1")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fetched) == 2, "one for all, and one more for all whom the remote refused"


@pytest.mark.parametrize(
    ("make", "header", "value"),
    [
        (lambda: Basic("ü", "p€"), "Authorization", "Basic w7w6cOKCrA=="),
        (lambda: Header("x-sn-apikey", "k3y"), "x-sn-apikey", "k3y"),
    ],
)
def test_basic_and_header(make: Callable[[], Any], header: str, value: str) -> None:
    credential = make()
    request = credential(requests.Request("GET", URL).prepare())
    assert request.headers[header] == value
    assert "k3y" not in repr(credential)
    assert "p€" not in repr(credential)
