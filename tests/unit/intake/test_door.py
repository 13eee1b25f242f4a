"""What is posted over a real socket is stored once and has a receipt; what is refused is told why, and not stored."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which

import pytest
from sqlalchemy import text

from connector.clock import SystemClock
from connector.errors import SettingsError
from connector.intake import body as bodies
from connector.intake import server, writer
from connector.intake.posts import slots
from connector.ledger.database import Database
from tests.conftest import FakeClock
from tests.unit.intake.conftest import OLD_SECRET, SECRET, TOKEN, House, Opening, inlets, opened, request

MANUAL = Path(__file__).parents[3] / "docs" / "intake.md"
HEAD = (
    f"POST /intake/bot HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
).encode()
DEEP = b'{"a":' * 100 + b"1" + b"}" * 100


# ── taken ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_post_is_stored_and_has_a_receipt(house: House) -> None:
    before = house.stored()
    answer = house.press(request(1))
    assert answer.status_code == 202
    assert house.stored() == before + 1
    said = answer.json()
    assert re.fullmatch("[a-z2-7]{24}", said["receipt"])
    assert said["repeated"] is False
    assert answer.headers["Location"] == f"receipts/{said['receipt']}"
    followed = house.get(f"/intake/receipts/{said['receipt']}")
    assert followed.headers["Cache-Control"] == "no-store"
    assert followed.json()["state"] == "received"
    assert followed.json()["tickets"] == [{"state": "received", "number": None}]
    assert "printer" not in followed.text


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/fhir+json", "text/json"])
def test_json_has_many_names(house: House, kind: str) -> None:
    assert house.press(request(kind=kind), Content_Type=kind).status_code == 202


def test_an_old_secret_counts_beside_a_new_one(house: House) -> None:
    assert house.press(request(2), secret=OLD_SECRET).status_code == 202


def test_a_token_is_enough_where_the_settings_say_so(house: House) -> None:
    assert house.tell(b'[{"type": "message"}]').status_code == 202
    assert house.tell(b"{}", Authorization=f"bearer  {TOKEN}").status_code == 202


def test_the_same_body_is_the_same_post(house: House) -> None:
    first = house.press(request(3))
    before = house.stored()
    again = house.press(request(3), late=10)
    assert again.status_code == 202
    assert again.json() == {"receipt": first.json()["receipt"], "repeated": True}
    assert house.stored() == before


def test_the_same_key_is_the_same_post_whatever_its_body(house: House) -> None:
    first = house.press(request(4), Idempotency_Key="press-4")
    again = house.press(request(5), Idempotency_Key="press-4")
    assert again.json() == {"receipt": first.json()["receipt"], "repeated": True}
    assert house.tell(request(4), Idempotency_Key="press-4").json()["repeated"] is False


def test_a_chunked_body_and_a_connection_used_again(house: House) -> None:
    before = house.stored()
    for number in range(20, 23):
        parts = iter([b'{"description": ', f'"{number} chunks"}}'.encode()])
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        assert house.sent.post(f"{house.url}/intake/bot", data=parts, headers=headers, timeout=10).status_code == 202
    assert house.stored() == before + 3


def test_many_at_once_are_all_stored_each_once(own: Opening) -> None:
    house = own()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: house.press(request(number % 100)), range(200)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["receipt"] for answer in answers}) == 100
    assert house.stored() == 100


# ── refused ──────────────────────────────────────────────────────────────────────────────────────────────────────────

BODY = request(99)
REFUSED = {
    "bad-signature": lambda house: house.press(BODY, secret="another-secret-of-somebody"),
    "stale": lambda house: house.press(BODY, late=301),
    "stale, ahead": lambda house: house.press(BODY, late=-302),
    "not-signed": lambda house: house.post("button", BODY),
    "not-signed, half": lambda house: house.post("button", BODY, X_Connector_Timestamp="1790000000"),
    "not-signed, odd time": lambda house: house.press(BODY, X_Connector_Timestamp="soon"),
    "not-signed, a token where only signatures count": lambda house: house.post(
        "button", BODY, Authorization=f"Bearer {TOKEN}"
    ),
    "bad-token": lambda house: house.tell(BODY, Authorization="Bearer nobody"),
    "no-token": lambda house: house.tell(BODY, Authorization="Basic eDp5"),
    "not-json-type": lambda house: house.press(BODY, Content_Type="text/plain"),
    "encoded": lambda house: house.press(BODY, Content_Encoding="gzip"),
    "bad-key": lambda house: house.press(BODY, Idempotency_Key="x" * 300),
    "too-many-headers": lambda house: house.press(BODY, **{f"X_{number}": "1" for number in range(120)}),
    "not-json": lambda house: house.press(b'{"description": "cut'),
    "empty": lambda house: house.press(b""),
    "not-an-object": lambda house: house.press(b'"help"'),
    "too-deep": lambda house: house.press(DEEP),
    "duplicate-key": lambda house: house.press(b'{"a": 1, "a": 2}'),
    "not-a-number": lambda house: house.press(b'{"a": NaN}'),
    "too-large": lambda house: house.press(b'{"a": "' + b"x" * 100_000 + b'"}'),
    "no-such-source": lambda house: house.post("fax", BODY),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused_is_told_why_and_not_stored(house: House, why: str) -> None:
    before = house.stored()
    answer = REFUSED[why](house)
    error = answer.json()["error"]
    assert error["code"] == why.partition(",")[0]
    assert error["what"]
    assert 400 <= answer.status_code < 500
    assert house.stored() == before
    assert "printer" not in answer.text
    assert house.press(request(98)).status_code == 202  # and the door is open as before


def test_the_signature_is_looked_at_before_the_body_is_understood(house: House) -> None:
    assert house.press(b"{", secret="another-secret-of-somebody").json()["error"]["code"] == "bad-signature"


@pytest.mark.parametrize(("head", "status"), [(HEAD, b"413"), (HEAD.replace(b"Bearer ", b"Bearer x"), b"401")])
def test_the_answer_to_a_large_body_arrives_though_it_is_not_read(house: House, head: bytes, status: bytes) -> None:
    length = 20_000_000  # more than fits on the way: who is cut off while sending never reads the answer
    said = house.raw(head + f"Content-Length: {length}\r\n\r\n".encode() + b" " * length)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"connection: close" in said.lower()


def test_who_announces_nothing_is_stopped_at_the_limit(house: House) -> None:
    parts = iter([b'{"a": "', *[b"x" * 10_000] * 20, b'"}'])
    headers = {**house.signed(b"whatever"), "Content_Type": "application/json"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = house.sent.post(f"{house.url}/intake/button", data=parts, headers=named, timeout=10)
    assert answer.json()["error"]["code"] == "too-large"


def test_who_asks_before_sending_is_refused_before_sending(house: House) -> None:
    head = b"POST /intake/button HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\nExpect: 100-continue\r\n\r\n"
    said = house.raw(head)
    assert said.startswith(b"HTTP/1.1 401")
    assert b'"not-signed"' in said


def test_a_replay_gets_the_receipt_and_later_nothing(own: Opening, clock: FakeClock) -> None:
    house = own()
    signed = house.signed(BODY)
    first = house.post("button", BODY, **signed)
    clock.advance(250)
    assert house.post("button", BODY, **signed).json()["receipt"] == first.json()["receipt"]
    clock.advance(100)
    assert house.post("button", BODY, **signed).json()["error"]["code"] == "stale"
    assert house.stored() == 1
    clock.advance(86_400)
    assert house.press(BODY).json()["repeated"] is False  # said anew on another day, it is another request


def test_what_is_not_there(house: House) -> None:
    assert house.get("/").json()["error"]["code"] == "no-such-page"
    assert house.get("/intake/button").json()["error"]["code"] == "wrong-method"
    assert house.get("/try/key/").status_code == 404
    for receipt in ("a" * 24, "nothing", "%00", "..%2f", "a" * 5000):
        assert house.get(f"/intake/receipts/{receipt}").json()["error"]["code"].startswith("no-such")


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/9\r\n\r\n", b"A" * 100_000 + b"\r\n\r\n"]
)
def test_what_is_not_http_is_refused(house: House, noise: bytes) -> None:
    try:
        said = house.raw(noise + b"\r\n\r\n")
    except ConnectionError:  # cut before all of it was sent
        return
    assert said.startswith(b"HTTP/1.1 400")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "not-http"


def test_who_goes_away_in_the_middle_leaves_nothing(house: House) -> None:
    before = house.stored()
    with socket.create_connection(("127.0.0.1", house.port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 500\r\n\r\n" + b'{"description": "half')
    assert house.get("/healthz").status_code == 200
    assert house.stored() == before


# ── slow, and too many ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_body_that_comes_too_slowly_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE", 0.1)
    before = house.stored()
    said = house.raw(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert said.startswith(b"HTTP/1.1 408")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "too-slow"
    assert house.stored() == before


@pytest.mark.parametrize("earlier", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_head_that_comes_too_slowly_is_refused(house: House, monkeypatch: pytest.MonkeyPatch, earlier: bytes) -> None:
    monkeypatch.setattr(server._Protocol, "head_seconds", 0.1)
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        if earlier:
            connection.sendall(earlier)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.sendall(b"POST /intake/bot HTTP/1.1\r\nHos")
        said = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"HTTP/1.1 408" in said
    assert b'"too-slow"' in said


def test_who_sent_the_head_in_time_may_take_longer_over_the_body(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Protocol, "head_seconds", 0.1)
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        for part in (HEAD, b"Content-Length: 20\r\n\r\n", b'{"description": "x"}'):
            connection.sendall(part)
            time.sleep(0.07)
        assert connection.recv(100).startswith(b"HTTP/1.1 202")


def test_who_says_nothing_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server._Protocol, "head_seconds", 0.1)
    assert house.raw(b"") == b""


def test_beyond_so_many_connections_others_are_turned_away(own: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    house = own()
    monkeypatch.setattr(server._Protocol, "connections_at_most", 3)
    held = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(3)]
    time.sleep(0.1)  # the door has to have seen them
    said = house.raw(b"")
    for connection in held:
        connection.close()
    assert said.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5" in said.lower()


def test_more_than_can_be_stored_is_told_to_come_again(own: Opening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAITING", 2)
    house = own()
    with ThreadPoolExecutor(8) as pool, house.db.write():  # somebody else writes, and takes their time
        asked = [pool.submit(house.press, request(number)) for number in range(8)]
        while sum(one.done() for one in asked) < 3:  # up to three are being written, and two wait
            time.sleep(0.01)
        refused = [one.result() for one in asked if one.done()]
    answers = [one.result() for one in asked]
    assert house.stored() == sum(answer.status_code == 202 for answer in answers) >= 3
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.json()["error"]["code"] == "overloaded"


def test_more_bytes_than_there_is_room_for(own: Opening) -> None:
    house = own(held=1000)
    assert house.press(b'{"a": "' + b"x" * 2000 + b'"}').status_code == 503
    assert house.press(request(1)).status_code == 202
    assert "connector_intake_bytes_held 0.0" in house.get("/metrics").text


def test_a_ledger_that_does_not_answer_loses_nothing(own: Opening) -> None:
    house = own()
    with house.db.write() as connection:
        connection.execute(text("ALTER TABLE inbox RENAME TO gone"))
    answer = house.press(request(1))
    assert answer.status_code == 503 or "bug" in answer.text
    assert house.get("/healthz").status_code in (500, 503)
    with house.db.write() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO inbox"))
    assert house.press(request(1)).json()["repeated"] is False
    assert house.get("/healthz").json() == {"status": "ok"}


# ── one page, two doors, one manual ──────────────────────────────────────────────────────────────────────────────────


def test_the_page_has_an_address_of_its_own(own: Opening) -> None:
    house = own(key="a-key-for-trying")
    there = house.get("/try/a-key-for-trying/")
    assert there.status_code == 200
    assert "default-src 'none'" in there.headers["Content-Security-Policy"]
    assert there.headers["Referrer-Policy"] == "no-referrer"
    assert house.get("/try/a-key-for-trying/sources.json").json() == ["button"]
    assert house.get("/try/guessed/").status_code == 404
    bearer = {"Authorization": "Bearer a-key-for-trying"}
    assert house.post("button", request(1), **bearer).status_code == 202
    assert house.post("bot", request(1), **bearer).json()["error"]["code"] == "bad-token"
    assert house.post("button", request(2), Authorization="Bearer guessed").status_code == 401


def test_two_doors_live_on_one_ledger(own: Opening) -> None:
    one, other = own(), own()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(house.press, request(n // 2)) for n in range(20) for house in (one, other)]
        receipts = {done.result().json()["receipt"] for done in asked}
    assert len(receipts) == one.stored() == 10
    assert {other.get(f"/intake/receipts/{receipt}").json()["state"] for receipt in receipts} == {"received"}


@pytest.mark.skipif(not which("curl") or not which("openssl"), reason="curl or openssl is missing")
def test_the_example_of_the_manual_runs(tmp_path: Path, db: Database) -> None:
    example = re.findall(r"^```sh\n(.*?)^```", MANUAL.read_text("utf-8"), re.M | re.S)[0]
    with opened(tmp_path, SystemClock(), db) as house:
        known = {**os.environ, "URL": house.url, "BUTTON_SECRET": SECRET}
        done = subprocess.run(["sh", "-c", example], capture_output=True, env=known, check=True)
        receipt = json.loads(done.stdout)["receipt"]
        assert house.get(f"/intake/receipts/{receipt}").json()["state"] == "received"


# ── the end, and the beginning ───────────────────────────────────────────────────────────────────────────────────────


def _lets_in(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionError:
        return False
    return True


def test_what_is_under_way_at_the_end_is_finished(own: Opening) -> None:
    house = own()
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        connection.sendall(HEAD + b"Content-Length: 20\r\n\r\n" + b'{"descrip')
        while "connector_intake_bytes_held 9.0" not in house.get("/metrics").text:
            time.sleep(0.01)
        house.closing.set()
        while _lets_in(house.port):
            time.sleep(0.01)
        connection.sendall(b'tion": "x"}')
        assert connection.recv(100).startswith(b"HTTP/1.1 202")
    assert house.stored() == 1


def test_measures_name_sources_and_nothing_else(house: House) -> None:
    house.post("fax-of-mrn-12345", BODY)
    house.press(request(55))
    told = house.get("/metrics")
    assert told.headers["Content-Type"].startswith("text/plain")
    assert 'connector_intake_posts_total{outcome="accepted",source="button"}' in told.text
    assert 'connector_inbox_posts{source="bot"}' in told.text
    assert 'outcome="no-such-source",source=""' in told.text
    assert "12345" not in told.text


def test_a_door_with_weak_secrets_does_not_open(tmp_path: Path, clock: FakeClock) -> None:
    known = inlets(tmp_path, clock)
    (tmp_path / "secret").write_text("short\n")
    (tmp_path / "token").unlink()
    with pytest.raises(SettingsError) as refused:
        slots(known, tmp_path, {})
    assert [finding.code for finding in refused.value.findings] == ["weak-secret", "no-secret"]
    assert "short" not in str(refused.value).replace("characters", "")
    assert SECRET not in str(refused.value)
