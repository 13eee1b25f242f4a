"""People, fields, authentication and limits of the emulated account."""

from __future__ import annotations

import pytest
import requests

NURSE = "agnes.twumasi@northfield-hospital.example"


# -- people and fields


def test_people_are_found(box, zd):
    me = zd.get("/users/me").json()["user"]
    assert (me["email"], me["role"]) == ("sync@northfield-hospital.example", "admin")
    found = zd.get("/users/search", params={"query": NURSE}).json()["users"]
    assert [user["name"] for user in found] == ["Agnes Twumasi"]
    assert zd.get(f"/users/{found[0]['id']}.json").json()["user"]["role"] == "end-user"
    assert zd.get("/users/1").status_code == 404
    agents = zd.get("/users", params={"role": "agent"}).json()["users"]
    assert {user["role"] for user in agents} == {"agent"}
    many = zd.get("/users/show_many", params={"ids": f"{me['id']},1"}).json()["users"]
    assert [user["id"] for user in many] == [me["id"]]


def test_people_are_made_and_changed(box, zd):
    person = {"user": {"name": "New", "email": "New@elsewhere.example", "external_id": "E1"}}
    made = zd.post("/users/create_or_update", json=person)
    assert made.status_code == 201
    person["user"]["name"] = "Newer"
    again = zd.post("/users/create_or_update", json=person)
    assert (again.status_code, again.json()["user"]["name"]) == (200, "Newer")
    by_key = zd.post("/users/create_or_update", json={"user": {"external_id": "e1", "phone": "1"}})
    assert (by_key.status_code, by_key.json()["user"]["id"]) == (200, made.json()["user"]["id"])
    assert zd.get("/users/search", params={"external_id": "e1"}).json()["users"] == []  # the index lags
    box.clock.advance(3)
    assert len(zd.get("/users/search", params={"external_id": "e1"}).json()["users"]) == 1
    double = zd.post("/users", json={"user": {"name": "x", "email": NURSE}})
    assert double.json()["details"]["email"][0]["error"] == "DuplicateValue"
    assert zd.post("/users", json={"user": {"name": "x", "email": "x"}}).status_code == 422
    assert zd.post("/users", json={"user": {"name": "x", "email": "x@y.example"}}).status_code == 201
    changed = zd.put(f"/users/{made.json()['user']['id']}", json={"user": {"notes": "n"}})
    assert changed.json()["user"]["notes"] == "n"
    assert zd.put("/users/1", json={"user": {}}).status_code == 404


def test_groups_fields_and_forms_describe_the_account(zd):
    groups = zd.get("/groups/assignable").json()["groups"]
    assert "Service Desk" in [group["name"] for group in groups]
    assert zd.get(f"/groups/{groups[0]['id']}").json()["group"] == groups[0]
    assert zd.get("/groups/1").status_code == 404
    fields = zd.get("/ticket_fields.json").json()["ticket_fields"]
    by_title = {field["title"]: field for field in fields}
    assert by_title["Status"]["removable"] is False
    environment = by_title["EHR environment"]
    assert environment["type"] == "tagger"
    assert {"name": "PRD", "value": "env_prd"}.items() <= environment["custom_field_options"][0].items()
    assert {"Workstation", "EHR application", "Build record", "Patient care affected"} <= set(by_title)
    assert zd.get(f"/ticket_fields/{environment['id']}").json()["ticket_field"]["title"] == "EHR environment"
    assert zd.get("/ticket_fields/1").status_code == 404
    (form,) = zd.get("/ticket_forms").json()["ticket_forms"]
    assert form["ticket_field_ids"] == [field["id"] for field in fields]
    assert len(zd.get("/ticket_fields?page[size]=3").json()["ticket_fields"]) == 3


# -- authentication


@pytest.mark.parametrize(
    "auth",
    [
        ("sync@northfield-hospital.example/token", "wrong"),
        ("sync@northfield-hospital.example", "sandbox"),  # passwords ended
        ("nobody@elsewhere.example/token", "sandbox"),
    ],
)
def test_bad_credentials_are_401(box, auth):
    answer = requests.get(box.url + "/api/v2/tickets", auth=auth, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"error": "Couldn't authenticate you"})


def test_nobody_is_anonymous(box):
    answer = requests.get(box.url + "/api/v2/users/me.json", timeout=5)
    assert (answer.status_code, answer.json()["user"]["id"]) == (200, None)
    for header in ("Basic !!!", "Bearer x"):
        url = box.url + "/api/v2/users/me"
        assert requests.get(url, headers={"Authorization": header}, timeout=5).status_code == 401


def test_a_token_serves_any_person_with_their_rights(box):
    answer = requests.get(box.url + "/api/v2/tickets", auth=(NURSE + "/token", "sandbox"), timeout=5)
    assert answer.status_code == 403
    agent = "nina.petrov@northfield-hospital.example/token"
    assert requests.get(box.url + "/api/v2/tickets", auth=(agent, "sandbox"), timeout=5).status_code == 200


def token(box, as_form=False, **asked):
    asked = {"client_id": "connector", "client_secret": "sandbox", **asked}
    return requests.post(box.url + "/oauth/tokens", **{"data" if as_form else "json": asked}, timeout=5)


def use(box, access):
    headers = {"Authorization": "Bearer " + access}
    return requests.get(box.url + "/api/v2/tickets", headers=headers, timeout=5).status_code


@pytest.mark.parametrize("as_form", [False, True])
def test_client_credentials_give_a_token_for_half_an_hour(box, as_form):
    document = token(box, as_form, grant_type="client_credentials", scope="read").json()
    assert (document["token_type"], document["expires_in"], document["scope"]) == ("bearer", 1800, "read")
    assert use(box, document["access_token"]) == 200
    box.clock.advance(1801)
    assert use(box, document["access_token"]) == 401


def test_a_refreshed_pair_ends(box):
    first = token(box, grant_type="refresh_token", refresh_token="sandbox-refresh").json()
    assert use(box, first["access_token"]) == 200
    second = token(box, grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert use(box, first["access_token"]) == 401
    assert use(box, second["access_token"]) == 200
    for spent in (first["refresh_token"], "sandbox-refresh", "x"):
        answer = token(box, grant_type="refresh_token", refresh_token=spent)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_an_unknown_client_is_refused(box):
    answer = token(box, grant_type="client_credentials", client_secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert requests.post(box.url + "/oauth/tokens", data=b"{", timeout=5).status_code == 401


# -- limits


def test_the_account_has_a_limit_a_minute(box, zd):
    box.zendesk.rate_limit = 2
    first = zd.get("/tickets")
    assert (first.headers["x-rate-limit"], first.headers["x-rate-limit-remaining"]) == ("2", "1")
    assert first.headers["ratelimit-limit"] == "2"
    zd.get("/tickets")
    over = zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}})
    assert (over.status_code, over.text) == (429, "Number of allowed API requests per minute exceeded")
    assert 0 < int(over.headers["Retry-After"]) <= 61
    assert box.zendesk.tickets == {}
    box.clock.advance(int(over.headers["Retry-After"]))
    assert zd.get("/tickets").status_code == 200


def test_endpoints_have_limits_of_their_own(box, zd):
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}})
    box.zendesk.endpoint_limits = True
    box.clock.advance(600 - box.clock.now() % 600)  # to the beginning of a window
    said = [zd.put("/tickets/1.json", json={"ticket": {"tags": [str(n)]}}) for n in range(31)]
    assert [answer.status_code for answer in said] == [200] * 30 + [429]
    assert said[0].headers["zendesk-ratelimit-tickets-update"].startswith("total=100; remaining=99; resets=")
    assert 500 < int(said[-1].headers["Retry-After"]) <= 601
    assert zd.get("/tickets/1").status_code == 200
