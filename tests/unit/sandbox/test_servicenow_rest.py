"""Attachments, batch, authentication and limits of the emulated instance."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest
import requests

DATA = b"\x89PNG not really"


@pytest.fixture
def incident(sn):
    return sn.post("/table/incident", json={}).json()["result"]["sys_id"]


def send(sn, key, name="a.png", data=DATA, **headers):
    params = {"table_name": "incident", "table_sys_id": key, "file_name": name}
    return sn.post("/attachment/file", params=params, data=data, headers={"Content-Type": "image/png", **headers})


def test_a_file_is_sent_and_read_back(box, sn, incident):
    answer = send(sn, incident)
    assert answer.status_code == 201
    row = answer.json()["result"]
    assert (row["size_bytes"], row["hash"]) == (str(len(DATA)), hashlib.sha256(DATA).hexdigest())
    assert (row["state"], row["content_type"]) == ("pending", "image/png")
    assert answer.headers["Location"].endswith("/api/now/attachment/" + row["sys_id"])
    assert sn.get(row["download_link"], headers={"Accept": "*/*"}).content == DATA
    assert sn.get("/attachment/" + row["sys_id"]).json()["result"]["state"] == "available"
    assert len(box.servicenow.rows("sys_attachment", table_sys_id=incident)) == 1


def test_the_same_name_twice_is_two_files(sn, incident):
    send(sn, incident)
    send(sn, incident)
    rows = sn.get("/attachment", params={"sysparm_query": f"table_sys_id={incident}"}).json()["result"]
    assert len(rows) == 2
    assert sn.patch("/attachment/" + rows[0]["sys_id"], json={"file_name": "b.png"}).status_code == 204
    assert sn.delete("/attachment/" + rows[1]["sys_id"]).status_code == 204
    rows = sn.get("/attachment", params={"table_sys_id": incident, "sysparm_fields": "file_name"}).json()["result"]
    assert rows == [{"file_name": "b.png"}]


def test_a_form_counts_up_to_its_file(sn, incident):
    form = {"table_name": (None, "incident"), "table_sys_id": (None, incident), "file": ("c.bin", DATA, "image/gif")}
    answer = sn.post("/attachment/upload", files=form)
    assert answer.status_code == 201, answer.text
    assert answer.json()["result"]["file_name"] == "c.bin"
    assert sn.get("/attachment/" + answer.json()["result"]["sys_id"] + "/file").content == DATA
    wrong = {"file": ("c.bin", DATA), "table_name": (None, "incident"), "table_sys_id": (None, incident)}
    assert sn.post("/attachment/upload", files=wrong).status_code == 400
    assert sn.post("/attachment/upload", data=b"x", headers={"Content-Type": "text/plain"}).status_code == 400


def test_files_are_refused(box, sn, incident):
    assert send(sn, "0" * 32).status_code == 404
    params = {"table_name": "incident", "table_sys_id": incident}
    assert sn.post("/attachment/file", params=params, data=DATA, headers={"Content-Type": "a/b"}).status_code == 400
    params["file_name"] = "x"
    assert sn.post("/attachment/file", params=params, data=DATA).status_code == 400
    assert sn.get("/attachment/" + "0" * 32).status_code == 404
    assert sn.patch("/attachment/" + send(sn, incident).json()["result"]["sys_id"], json=[]).status_code == 400
    box.servicenow.max_attachment = 3
    assert send(sn, incident).status_code == 400
    box.servicenow.denied.add(("sys_attachment", "insert"))
    assert send(sn, incident).status_code == 403


# -- batch


def batch(sn, *requests_, version="/v1"):
    items = []
    for number, (method, url, body) in enumerate(requests_):
        headers = [
            {"name": "Content-Type", "value": "application/json"},
            {"name": "Accept", "value": "application/json"},
        ]
        item = {"id": str(number), "method": method, "url": url, "headers": headers, "exclude_response_headers": True}
        if body is not None:
            item["body"] = base64.b64encode(json.dumps(body).encode()).decode()
        items.append(item)
    return sn.post(version + "/batch", json={"batch_request_id": "b1", "rest_requests": items})


def test_a_batch_tells_of_each_item(box, sn, incident):
    answer = batch(
        sn,
        ("POST", "/api/now/table/incident?sysparm_fields=number", {"short_description": "x"}),
        ("PATCH", "/api/now/table/incident/" + "0" * 32, {}),
        ("GET", f"/api/now/v2/table/incident/{incident}?sysparm_fields=sys_id", None),
    )
    document = answer.json()
    assert (answer.status_code, document["batch_request_id"], document["unserviced_requests"]) == (200, "b1", [])
    assert "result" not in document
    codes = {item["id"]: item["status_code"] for item in document["serviced_requests"]}
    assert codes == {"0": 201, "1": 404, "2": 200}
    bodies = {item["id"]: json.loads(base64.b64decode(item["body"])) for item in document["serviced_requests"]}
    assert set(bodies["0"]["result"]) == {"number"}
    assert bodies["1"]["status"] == "failure"
    assert bodies["2"]["result"] == {"sys_id": incident}
    assert document["serviced_requests"][1]["error_message"] == "No Record found"
    assert len(box.servicenow.rows("incident")) == 2


def test_a_batch_ends_after_thirty_seconds(box, sn):
    box.servicenow.batch_item_seconds = 12
    document = batch(sn, *[("POST", "/api/now/table/incident", {})] * 4).json()
    assert [item["id"] for item in document["serviced_requests"]] == ["0", "1"]
    assert document["unserviced_requests"] == ["2", "3"]
    assert len(box.servicenow.rows("incident")) == 2


def test_a_batch_needs_its_version_and_its_list(sn):
    assert batch(sn, version="").status_code == 400
    assert sn.post("/v1/batch", json={}).status_code == 400
    item = {"id": "1", "method": "POST", "url": "/api/now/table/incident", "body": "%%%"}
    document = sn.post("/v1/batch", json={"rest_requests": [item, "x"]}).json()
    assert [one["status_code"] for one in document["serviced_requests"]] == [400]


# -- authentication


def test_a_wrong_password_is_401(box):
    answer = requests.get(box.url + "/api/now/table/incident", auth=("sync", "wrong"), timeout=5)
    assert answer.status_code == 401
    assert answer.json() == {
        "error": {"message": "User is not authenticated", "detail": "Required to provide Auth information"},
        "status": "failure",
    }
    assert answer.headers["X-Is-Logged-In"] == "false"
    for header in ("Basic !!!", "Bearer nothing", "Nonsense", ""):
        url = box.url + "/api/now/table/incident"
        assert requests.get(url, headers={"Authorization": header}, timeout=5).status_code == 401


def test_five_failures_lock_the_account_for_a_while(box, sn):
    for _ in range(5):
        requests.get(box.url + "/api/now/table/incident", auth=("sync", "wrong"), timeout=5)
    assert sn.get("/table/incident").status_code == 401
    box.clock.advance(901)
    assert sn.get("/table/incident").status_code == 200
    assert box.servicenow.doorman.failed == {}


def test_an_api_key_stands_for_a_user(box):
    for key, status in (("sandbox", 200), ("other", 401)):
        headers = {"x-sn-apikey": key, "Accept": "application/json"}
        assert requests.get(box.url + "/api/now/table/incident", headers=headers, timeout=5).status_code == status


def token(box, **form):
    form = {"client_id": "connector", "client_secret": "sandbox", **form}
    return requests.post(box.url + "/oauth_token.do", data=form, timeout=5)


def use(box, access):
    headers = {"Authorization": "Bearer " + access, "Accept": "application/json"}
    return requests.get(box.url + "/api/now/table/incident", headers=headers, timeout=5).status_code


def test_tokens_live_half_an_hour_and_are_renewed(box):
    first = token(box, grant_type="password", username="sync", password="sandbox").json()
    assert (first["token_type"], first["scope"], first["expires_in"]) == ("Bearer", "useraccount", 1800)
    assert use(box, first["access_token"]) == 200
    box.clock.advance(600)
    again = token(box, grant_type="password", username="sync", password="sandbox").json()
    assert again["access_token"] == first["access_token"]
    assert 1190 < again["expires_in"] <= 1200
    box.clock.advance(1300)
    assert use(box, first["access_token"]) == 401
    renewed = token(box, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert use(box, renewed["access_token"]) == 200


def test_client_credentials_have_nothing_to_renew(box):
    document = token(box, grant_type="client_credentials").json()
    assert use(box, document["access_token"]) == 200
    assert "refresh_token" not in document


@pytest.mark.parametrize(
    "form",
    [
        {"grant_type": "password", "username": "sync", "password": "wrong"},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "client_credentials", "client_secret": "wrong"},
        {"grant_type": "implicit"},
    ],
)
def test_bad_grants_have_a_shape_of_their_own(box, form):
    answer = token(box, **form)
    assert answer.status_code == 401
    assert answer.json() == {"error_description": "access_denied", "error": "server_error"}


def test_credentials_count_in_a_form_only(box):
    form = {"client_id": "connector", "client_secret": "sandbox", "grant_type": "client_credentials"}
    assert requests.post(box.url + "/oauth_token.do", json=form, timeout=5).status_code == 401
    assert requests.post(box.url + "/oauth_token.do", params=form, timeout=5).status_code == 401


def test_further_accounts_are_themselves(box):
    box.servicenow.doorman.add("npetrov", "secret")
    answer = requests.post(
        box.url + "/api/now/table/incident", json={}, headers={"Accept": "*/*"}, auth=("npetrov", "secret"), timeout=5
    )
    assert answer.json()["result"]["sys_created_by"] == "npetrov"


# -- limits


def test_a_rate_rule_counts_by_the_hour(box, sn):
    box.servicenow.rate_limit = 2
    first = sn.get("/table/incident")
    assert first.headers["X-RateLimit-Limit"] == "2"
    assert "X-RateLimit-Reset" in first.headers
    assert "X-RateLimit-Rule" in first.headers
    assert "X-RateLimit-Remaining" not in first.headers
    sn.get("/table/incident")
    over = sn.post("/table/incident", json={})
    assert over.status_code == 429
    assert 0 < int(over.headers["Retry-After"]) <= 3600
    assert over.json()["error"]["message"] == "Rate limit exceeded"
    assert box.servicenow.rows("incident") == []
    box.clock.advance(3601)
    assert sn.get("/table/incident").status_code == 200


def test_a_full_semaphore_is_a_bare_429(box, sn):
    box.servicenow.threads = box.servicenow.queue = 0
    answer = sn.get("/table/incident")
    assert (answer.status_code, answer.content) == (429, b"")
    assert "Retry-After" not in answer.headers
    assert "X-RateLimit-Limit" not in answer.headers
    box.servicenow.threads = 4
    assert sn.get("/table/incident").status_code == 200
