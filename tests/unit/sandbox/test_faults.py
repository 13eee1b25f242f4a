"""The fault switch: each way to fail does what it says, and no more."""

from __future__ import annotations

import pytest
import requests

from connector.sandbox import KINDS, Fault

NEW = {"short_description": "x"}


def made(box) -> int:
    return len(box.servicenow.rows("incident"))


def test_a_lost_request_did_nothing(box, sn):
    box.faults.add("POST /api/now/table/incident", "lose_request")
    with pytest.raises(requests.ConnectionError):
        sn.post("/table/incident", json=NEW)
    assert made(box) == 0


def test_a_lost_answer_was_done(box, sn):
    box.faults.add(Fault("POST /api/now/table/incident", "lose_answer"))
    with pytest.raises(requests.ConnectionError):
        sn.post("/table/incident", json=NEW)
    assert made(box) == 1


def test_a_hanging_answer_was_done(box, sn):
    box.faults.add("POST *", "hang", seconds=0.5)
    with pytest.raises(requests.ReadTimeout):
        sn.post("/table/incident", json=NEW, timeout=0.1)
    assert made(box) == 1


def test_a_late_one_is_done_when_the_clock_passes(box, sn):
    box.faults.add("POST *", "late", seconds=40)
    with pytest.raises(requests.ConnectionError):
        sn.post("/table/incident", json=NEW)
    box.clock.advance(30)
    assert made(box) == 0
    box.clock.advance(3600)
    (row,) = box.servicenow.rows("incident")
    age = box.clock.now() - box.servicenow.clock_seconds(row["sys_created_on"])
    assert 3600 - 12 < age < 3600  # it happened at its own moment, not when the clock stopped


def test_late_ones_happen_in_the_order_of_their_moments(box, sn):
    for text, seconds in (("second", 20), ("first", 10)):
        box.faults.add("POST *", "late", seconds=seconds)
        with pytest.raises(requests.ConnectionError):
            sn.post("/table/incident", json={"short_description": text})
    box.clock.settle()
    assert [row["short_description"] for row in box.servicenow.rows("incident")] == ["first", "second"]
    assert box.clock.waiting == 0


def test_a_late_one_is_seen_by_the_next_request(box, sn):
    box.faults.add("POST *", "late", seconds=0)
    with pytest.raises(requests.ConnectionError):
        sn.post("/table/incident", json=NEW)
    assert len(sn.get("/table/incident").json()["result"]) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("desk", ["sn", "zd"])
def test_a_status_did_nothing(box, request, desk, status):
    session = request.getfixturevalue(desk)
    box.faults.add("POST *", "status", status=status)
    path, body = ("/table/incident", NEW) if desk == "sn" else ("/tickets", {"ticket": {"comment": {"body": "x"}}})
    answer = session.post(path, json=body)
    assert answer.status_code == status
    assert "Retry-After" not in answer.headers
    assert made(box) == 0
    assert box.zendesk.tickets == {}
    assert session.post(path, json=body).status_code == 201


@pytest.mark.parametrize("desk", ["sn", "zd"])
def test_too_many_requests_may_say_when_to_come_back(box, request, desk):
    box.faults.add("GET *", "status", status=429, retry_after=7)
    path = "/table/incident" if desk == "sn" else "/tickets"
    assert request.getfixturevalue(desk).get(path).headers["Retry-After"] == "7"


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_error_after_the_work(box, sn, status):
    box.faults.add("POST *", "error_after", status=status)
    assert sn.post("/table/incident", json=NEW).status_code == status
    assert made(box) == 1


def test_a_sleeping_instance_says_200_in_html(box, sn, zd):
    box.faults.add("*", "html", times=2)
    answer = sn.post("/table/incident", json=NEW)
    assert (answer.status_code, made(box)) == (200, 0)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "Your instance is hibernating" in answer.text
    assert zd.get("/tickets").headers["Content-Type"].startswith("text/html")


def test_rows_may_be_followed_by_an_error(box, sn):
    sn.post("/table/incident", json=NEW)
    box.faults.add("GET *", "tail")
    answer = sn.get("/table/incident")
    assert answer.status_code == 200
    assert len(answer.json()["result"]) == 1
    assert answer.json()["error"]["message"] == "Transaction cancelled: maximum execution time exceeded"
    assert answer.json()["status"] == "failure"


def test_a_slow_one_is_done_in_the_end(box, sn):
    box.faults.add("POST *", "slow", seconds=0.05)
    assert sn.post("/table/incident", json=NEW).status_code == 201


def test_a_body_may_be_cut(box, sn):
    box.faults.add("POST *", "cut")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        sn.post("/table/incident", json=NEW)
    assert made(box) == 1


def test_turns_are_counted(box, sn):
    box.faults.add("POST *", "status", status=503, times=2, after=1, every=2)
    said = [sn.post("/table/incident", json=NEW).status_code for _ in range(7)]
    assert said == [201, 201, 503, 201, 503, 201, 201]


def test_other_requests_pass(box, sn, zd):
    box.faults.add("POST /api/now/table/incident", "status", status=503, times=None)
    assert sn.get("/table/incident").status_code == 200
    assert zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}}).status_code == 201
    assert sn.post("/v2/table/incident", json=NEW).status_code == 503


def test_versions_and_suffixes_may_be_left_out(box, zd):
    box.faults.add("POST /api/v2/tickets", "status", status=503)
    assert zd.post("/tickets.json", json={}).status_code == 503


def test_chance_is_the_same_for_the_same_seed(box, sn):
    def story() -> list[int]:
        box.faults.clear()
        box.faults.add("GET *", "status", status=503, probability=0.5, times=None)
        return [sn.get("/table/incident").status_code for _ in range(20)]

    told = story()
    assert set(told) == {200, 503}
    assert story() == told


def test_chaos_is_the_same_for_the_same_seed_and_heals(box, sn):
    def story() -> list[str | None]:
        box.reset()
        box.faults.chaos(seed=3, rate=0.6, kinds=dict.fromkeys((kind for kind in KINDS if kind != "slow"), 1.0))
        for _ in range(40):
            try:
                sn.post("/table/incident", json=NEW, timeout=5)
            except requests.RequestException:
                continue
        return [entry.fault for entry in box.requests]

    told = story()
    assert len(set(told)) > 6
    assert story() == told
    box.faults.clear()
    box.clock.settle()
    before = made(box)
    assert sn.post("/table/incident", json=NEW).status_code == 201
    assert made(box) == before + 1


def test_chaos_leaves_other_requests_alone(box, sn, zd):
    box.faults.chaos(seed=1, rate=1.0, kinds={"status": 1.0}, on="* /api/v2/*")
    assert sn.get("/table/incident").status_code == 200
    assert zd.get("/tickets").status_code >= 400
