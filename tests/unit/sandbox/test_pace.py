"""Latency, threads, work, and what the tally says of it."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from connector.sandbox import Sandbox
from connector.sandbox.settings import read

AUTH = ("sync", "sandbox")
HEADERS = {"Accept": "application/json"}


def post(box, path="/api/now/table/incident", document=None):
    url = box.url + path
    return requests.post(url, json=document or {"short_description": "x"}, auth=AUTH, headers=HEADERS, timeout=10)


def batch(count):
    body = b64encode(b"{}").decode()
    headers = [{"name": name, "value": "application/json"} for name in ("Accept", "Content-Type")]
    path = "/api/now/table/incident"
    items = [{"id": str(n), "method": "POST", "url": path, "headers": headers, "body": body} for n in range(count)]
    return {"batch_request_id": "1", "rest_requests": items}


def test_the_network_takes_its_time_once_a_request(box):
    box.latency = 0.05
    began = time.monotonic()
    assert post(box, "/api/now/v1/batch", batch(20)).status_code == 200
    assert time.monotonic() - began >= 0.05
    box.reset()
    assert box.latency == 0


def test_work_is_done_by_so_many_threads_and_the_rest_is_turned_away(box):
    box.servicenow.threads, box.servicenow.queue, box.servicenow.work = 2, 3, 0.15
    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        answers = list(pool.map(lambda _: post(box), range(8)))
    assert time.monotonic() - began >= 0.45, "five records by two threads"
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * 5 + [429] * 3
    assert all(not a.content and "Retry-After" not in a.headers for a in answers if a.status_code == 429)
    assert len(box.servicenow.rows("incident")) == 5
    assert box.tally.refused == {"servicenow": 3}
    assert box.tally.peak["servicenow"] >= 5
    assert post(box).status_code == 201, "all threads are free again"


def test_a_batch_holds_one_thread_for_all_its_items(box):
    box.servicenow.threads, box.servicenow.work = 1, 0.02
    began = time.monotonic()
    document = post(box, "/api/now/v1/batch", batch(10)).json()
    assert time.monotonic() - began >= 0.2
    assert len(document["serviced_requests"]) == 10


def test_a_batch_that_works_too_long_is_cut(box):
    box.servicenow.batch_item_seconds = 4.0
    document = post(box, "/api/now/v1/batch", batch(10)).json()
    assert document["unserviced_requests"] == ["7", "8", "9"]


def test_items_of_a_batch_may_count_against_the_rate_rule(box):
    box.servicenow.rate_limit, box.servicenow.batch_charged = 4, True
    document = post(box, "/api/now/v1/batch", batch(5)).json()
    assert [item["status_code"] for item in document["serviced_requests"]] == [201, 201, 201, 429, 429]


def test_a_single_write_to_zendesk_takes_its_time(box, zd):
    box.zendesk.work = 0.3
    began = time.monotonic()
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}})
    assert time.monotonic() - began >= 0.3


def test_the_tally_sees_who_comes_too_early(box, zd):
    box.zendesk.rate_limit = 1
    zd.get("/tickets")
    over = zd.get("/tickets")
    assert over.status_code == 429
    zd.get("/tickets")
    assert box.tally.early["zendesk"] == 0, "it may have been on its way"
    box.clock.advance(0.5)
    zd.get("/groups")
    assert box.tally.early["zendesk"] == 1
    box.clock.advance(61)
    zd.get("/tickets")
    assert box.tally.early["zendesk"] == 1
    assert box.tally.refused["zendesk"] == 3
    assert box.tally.endpoints["GET /api/v2/tickets"] == 4


def test_an_endpoint_that_is_closed_closes_no_other(box, zd):
    box.zendesk.endpoint_limits, box.zendesk.totals = True, {"tickets-index": 1}
    box.clock.advance(60 - box.clock.now() % 60)
    zd.get("/tickets")
    assert zd.get("/tickets.json").status_code == 429
    box.clock.advance(0.5)
    assert zd.get("/groups").status_code == 200
    assert box.tally.early["zendesk"] == 0
    zd.get("/tickets.json")
    assert box.tally.early["zendesk"] == 1


@pytest.mark.parametrize(
    ("spelling", "names"),
    [
        ("2023", {"rate-limit", "rate-limit-reset", "rate-limit-remaining", "zendesk-rate-limit-tickets-index"}),
        ("2024", {"ratelimit-limit", "ratelimit-reset", "ratelimit-remaining", "zendesk-ratelimit-tickets-index"}),
        ("none", set()),
    ],
)
def test_headers_are_spelt_as_in_their_year(box, zd, spelling, names):
    box.zendesk.rate_limit, box.zendesk.endpoint_limits, box.zendesk.spelling = 700, True, spelling
    said = {name.lower() for name in zd.get("/tickets").headers if "rate" in name.lower()}
    assert said == names | ({"x-rate-limit", "x-rate-limit-remaining"} if names else set())


def test_settings_come_as_json(box):
    text = '{"latency": 0.01, "hardened": true, "servicenow": {"threads": 4, "denied": [["incident", "read"]]}}'
    with Sandbox(**read(text)) as other:
        assert (other.latency, other.servicenow.threads) == (0.01, 4)
        assert other.servicenow.denied == {("incident", "read")}
        assert not other.servicenow.honours_sys_id
    answer = requests.post(box.url + "/sandbox/settings", json={"zendesk": {"job_speed": 4}}, timeout=5)
    assert answer.status_code == 200
    assert box.zendesk.job_speed == 4.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "settings are a JSON object"),
        ("{", "this is no JSON"),
        ("[" * 100_000, "this is no JSON"),
        ('{"latancy": 1}', "there is no setting latancy; known are hardened, latency"),
        ('{"zendesk": {"job_sped": 1}}', "there is no setting zendesk.job_sped"),
        ('{"zendesk": []}', "zendesk: Input should be a valid dictionary"),
        ('{"servicenow": {"threads": "four"}}', "servicenow.threads: "),
    ],
)
def test_wrong_settings_are_named(text, said):
    with pytest.raises(ValueError, match=said):
        read(text)


def test_a_wrong_setting_changes_nothing(box):
    wrong = {"latency": 5, "zendesk": {"nonsense": 1}}
    answer = requests.post(box.url + "/sandbox/settings", data=json.dumps(wrong), timeout=5)
    assert answer.status_code == 400
    assert box.latency == 0
