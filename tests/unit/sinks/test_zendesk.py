"""Zendesk's traps, each met over real HTTP in the sandbox."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.plugins import Do, Key, Write
from connector.sandbox import Sandbox
from connector.sandbox.people import PEOPLE
from connector.sinks.zendesk import Settings
from tests.unit.sinks.conftest import Built, created, write

NURSE = PEOPLE[0]
WHO = {"email": NURSE.email, "login": NURSE.login, "name": NURSE.name}
GOOD = {"subject": "Screen stays dark", "comment": "It does.", "requester": WHO}


def ticket(box: Sandbox, remote_id: str) -> dict[str, Any]:
    [found] = [each for each in box.zendesk.list_tickets() if str(each["id"]) == remote_id]
    return found


def set_status(box: Sandbox, remote_id: str, status: str) -> None:
    with box.lock:
        box.zendesk.tickets[int(remote_id)]["status"] = status


# ── create ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_create_carries_both_keys_and_the_same_bytes_every_time(box: Sandbox, zen: Any, zen_built: Built) -> None:
    first = zen.create(write(zen, Do.CREATE, GOOD))
    turned = dict(reversed(GOOD.items()))
    second = zen_built().create(write(zen, Do.CREATE, turned))
    assert first.remote_id == second.remote_id
    one, two = (entry for entry in box.writes() if entry.path.startswith("/api/v2/tickets"))
    assert one.idempotency_key == two.idempotency_key == Key("unit-1", "s", "T", "tickets", "ticket").uuid
    assert one.body == two.body
    assert ticket(box, first.remote_id)["external_id"] == "unit-1:s:T"
    assert (first.number, first.url) == (first.remote_id, f"{box.url}/agent/tickets/{first.remote_id}")


def test_the_key_used_with_other_bytes_means_look(box: Sandbox, zen: Any) -> None:
    created(zen, GOOD)
    with pytest.raises(Uncertain) as caught:
        created(zen, {**GOOD, "subject": "Screen flickers"})
    assert caught.value.code == "maybe-done"
    assert len(box.zendesk.list_tickets()) == 1


def test_the_key_guards_for_less_than_two_hours(zen: Any) -> None:
    asked = write(zen, Do.CREATE, GOOD)
    assert zen.guards(asked, 0)
    assert zen.guards(asked, 6000)
    assert not zen.guards(asked, 7000)
    assert not zen.guards(asked, float("inf"))
    assert not zen.guards(asked, -1), "a clock that was set back proves nothing"
    assert not zen.guards(write(zen, Do.COMMENT, {"text": "x"}, "1"), 0)


def test_a_collision_over_a_new_requester_is_safe_to_repeat(box: Sandbox, zen: Any) -> None:
    box.zendesk.requester_collisions = 1
    fields = {**GOOD, "requester": {"email": "new@elsewhere.example", "name": "New"}}
    with pytest.raises(Transient) as caught:
        created(zen, fields)
    assert caught.value.code == "collision"
    assert created(zen, fields).remote_id


@pytest.mark.parametrize("kind", ["lose_request", "lose_answer", "error_after", "cut"])
def test_a_create_whose_answer_is_not_whole_is_uncertain(box: Sandbox, zen: Any, kind: Any) -> None:
    asked = write(zen, Do.CREATE, GOOD)
    box.faults.add("POST /api/v2/tickets", kind)
    with pytest.raises(Uncertain):
        zen.create(asked)
    assert len(zen.find(asked, None).found) == (0 if kind == "lose_request" else 1)


def test_several_tickets_with_one_key_are_all_shown_oldest_first(box: Sandbox, zen: Any) -> None:
    asked = write(zen, Do.CREATE, GOOD)
    first = zen.create(asked).remote_id
    box.clock.advance(3 * 3600)
    second = zen.create(asked).remote_id
    assert first != second
    assert [found.remote_id for found in zen.find(asked, None).found] == [first, second]


def test_two_writes_hold_each_other_up_only_by_429(box: Sandbox, zen: Any) -> None:
    box.faults.add("POST /api/v2/tickets", "status", status=429, retry_after=7)
    with pytest.raises(Transient) as caught:
        created(zen, GOOD)
    assert caught.value.retry_after == 7


def test_a_follow_up_names_the_closed_ticket(box: Sandbox, zen: Any) -> None:
    old = created(zen, {**GOOD, "tags": ["kept"]}).remote_id
    set_status(box, old, "closed")
    new = zen.create(write(zen, Do.CREATE, {**GOOD, "follow_up_of": old}, part="follow_up:1"))
    sent = json.loads([entry for entry in box.writes() if entry.path.startswith("/api/v2/tickets")][-1].body)
    assert sent["ticket"]["via_followup_source_id"] == int(old)
    assert new.remote_id != old


def test_html_and_an_internal_first_comment(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, {**GOOD, "comment_html": "<b>It does.</b>", "comment_public": False}).remote_id
    [first] = box.zendesk.comments[int(remote_id)]
    assert first["html_body"] == "<b>It does.</b>"
    assert first["public"] is False


def test_a_refusal_names_the_field_and_not_the_person(box: Sandbox, zen: Any) -> None:
    number = box.zendesk.user_by_email[NURSE.email]
    with box.lock:
        box.zendesk.users[number]["suspended"] = True
    with pytest.raises(Permanent, match="requester") as caught:
        created(zen, GOOD)
    assert caught.value.scope is Scope.ROW
    assert NURSE.name not in str(caught.value)


# ── resolve ──────────────────────────────────────────────────────────────────────────────────────────────────────


def resolved(zen: Any, do: Do = Do.CREATE, **fields: Any) -> Any:
    return zen.resolve(do, {"comment": "x", **fields})


@pytest.mark.parametrize(
    ("title", "rendered", "sent"),
    [
        ("Workstation", "WS-1", "WS-1"),
        ("workstation", "WS-1", "WS-1"),
        ("EHR environment", "prd", "env_prd"),
        ("EHR environment", "env_prd", "env_prd"),
        ("Patient care affected", True, True),
        ("Patient care affected", "yes", True),
        ("Patient care affected", "no", False),
        ("Downtime minutes", "15", 15),
        ("Seen on", "2026-03-01T10:00:00Z", "2026-03-01"),
        ("Symptoms", ["Slow", "symptom_error"], ["symptom_slow", "symptom_error"]),
        ("Steps tried", ["reboot", "cable"], "reboot, cable"),
        ("EHR environment", "", None),
    ],
)
def test_custom_fields_by_title(box: Sandbox, zen: Any, title: str, rendered: Any, sent: Any) -> None:
    found = resolved(zen, **{f"custom:{title}": rendered})
    assert not found.findings
    field = found.body[f"custom:{title}"]
    assert field["value"] == sent
    by_id = resolved(zen, **{f"custom:{field['id']}": rendered})
    assert by_id.body[f"custom:{field['id']}"] == field


@pytest.mark.parametrize(
    ("name", "rendered", "code", "hint"),
    [
        ("custom:Workstaton", "x", "unknown-field", "Workstation"),
        ("custom:Channel", "E-mial", "unknown-option", "E-mail"),
        ("custom:Downtime minutes", "some", "not-a-number", ""),
        ("custom:Seen on", "yesterday", "not-a-date", ""),
        ("group", "EHR Pharmcy", "unknown-group", "EHR Pharmacy"),
        ("assignee", {"name": "Nobody"}, "unknown-person", ""),
    ],
)
def test_what_cannot_be_resolved_is_left_out(zen: Any, name: str, rendered: Any, code: str, hint: str) -> None:
    found = resolved(zen, **{name: rendered})
    assert name not in found.body
    [finding] = [finding for finding in found.findings if finding.where == name]
    assert finding.code == code
    assert hint in finding.remedy


def test_a_requester_without_an_address(zen: Any, zen_built: Built) -> None:
    found = resolved(zen, requester={"login": "x", "name": "Jane Q. Sample", "email": "not an address"})
    assert "requester" not in found.body
    assert "Sample" not in str(found.findings)
    stand_in = zen_built(unknown_requester="desk@elsewhere.example")
    body = resolved(stand_in, requester={"name": "Jane"}).body
    assert body["requester"] == {"email": "desk@elsewhere.example", "name": "desk"}


def test_tags_are_written_as_zendesk_keeps_them(zen: Any) -> None:
    assert resolved(zen, tags=["Four West", "a&b", "", "four west"]).body["tags"] == ["four_west", "a_b"]


def test_a_blank_first_comment_is_never_sent(zen: Any) -> None:
    assert zen.resolve(Do.CREATE, {"subject": "S", "comment": " "}).body["comment"]["body"] == "S"
    assert "comment" not in zen.resolve(Do.UPDATE, {"subject": "S", "comment": "again"}).body


def test_lists_are_asked_for_once(box: Sandbox, zen: Any) -> None:
    for _ in range(3):
        resolved(zen, group="EHR Pharmacy", **{"custom:Workstation": "x"})
    assert len([entry for entry in box.requests if entry.method == "GET"]) == 2


# ── update ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_tags_of_others_stay(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, {**GOOD, "tags": ["ours", "old"]}).remote_id
    with box.lock:
        box.zendesk.tickets[int(remote_id)]["tags"] = ["ours", "old", "theirs"]
    asked = write(zen, Do.UPDATE, {"tags": {"add": ["new"], "remove": ["old"]}}, remote_id)
    assert not zen.find(asked, None).found
    receipt = zen.update(asked)
    assert set(ticket(box, remote_id)["tags"]) == {"ours", "new", "theirs"}
    assert set(receipt.echo["tags"]) == {"ours", "new", "theirs"}
    assert not receipt.unkept
    assert zen.find(asked, None).found
    assert not [entry for entry in box.writes() if entry.method == "PUT" and not entry.path.endswith("tags.json")]


def test_an_update_clears_a_field(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, {**GOOD, "custom:Workstation": "WS-1", "group": "EHR Pharmacy"}).remote_id
    zen.update(write(zen, Do.UPDATE, {"custom:Workstation": ""}, remote_id))
    fields = {field["id"]: field["value"] for field in ticket(box, remote_id)["custom_fields"]}
    assert not fields[box.zendesk.field_id("Workstation")]
    assert ticket(box, remote_id)["group_id"] is not None


def test_an_update_of_nothing_sends_nothing(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    before = len(box.writes())
    assert zen.update(write(zen, Do.UPDATE, {"comment": "again"}, remote_id)).remote_id == remote_id
    assert len(box.writes()) == before


@pytest.mark.parametrize("do", [Do.UPDATE, Do.COMMENT, Do.ATTACH])
def test_a_closed_ticket_says_closed(box: Sandbox, zen: Any, do: Do) -> None:
    remote_id = created(zen, GOOD).remote_id
    set_status(box, remote_id, "closed")
    asked = write(zen, do, {"priority": "low"} if do is Do.UPDATE else {"text": "still dark"}, remote_id)
    if do is Do.ATTACH:
        body = {"name": "a.png", "content_type": "image/png", "size": 1, "sha256": "0"}
        asked = Write(do, asked.key, body, {}, remote_id, lambda: b"x")
    with pytest.raises(Permanent) as caught:
        getattr(zen, do.value)(asked)
    assert caught.value.code == "closed"
    assert zen.read(remote_id, ()).closed


@pytest.mark.parametrize("do", [Do.UPDATE, Do.COMMENT])
def test_reopening_travels_with_what_is_said(box: Sandbox, zen: Any, do: Do) -> None:
    remote_id = created(zen, GOOD).remote_id
    set_status(box, remote_id, "solved")
    assert zen.read(remote_id, ()).resolved
    asked = write(zen, do, {"priority": "low"} if do is Do.UPDATE else {"text": "again"}, remote_id)
    receipt = getattr(zen, do.value)(Write(do, asked.key, {**asked.body, "reopen": True}, asked.fields, remote_id))
    assert ticket(box, remote_id)["status"] == "open"
    assert not receipt.unkept


def test_a_deleted_ticket_is_gone(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    set_status(box, remote_id, "deleted")
    assert zen.read(remote_id, ("subject",)) is None


# ── comments and files ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_marker_is_seen_by_nobody(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    asked = write(zen, Do.COMMENT, {"text": "hello", "public": False}, remote_id)
    zen.comment(asked)
    said = box.zendesk.comments[int(remote_id)][-1]
    assert (said["body"], said["public"]) == ("hello", False)
    assert asked.key.marker not in json.dumps(said["body"])


def test_a_file_is_private_and_keeps_its_name(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    body = {"name": "Bildschirm ä&b#1.png", "content_type": "image/png", "size": 3, "sha256": "0"}
    zen.attach(Write(Do.ATTACH, Key("unit-1", "s", "T", "tickets", "file:1"), body, {}, remote_id, lambda: b"abc"))
    said = box.zendesk.comments[int(remote_id)][-1]
    assert said["public"] is False
    assert [file["file_name"] for file in said["attachments"]] == [body["name"]]


def test_an_upload_that_fails_leaves_no_doubt(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    body = {"name": "a.png", "content_type": "image/png", "size": 3, "sha256": "0"}
    asked = Write(Do.ATTACH, Key("unit-1", "s", "T", "tickets", "file:1"), body, {}, remote_id, lambda: b"abc")
    box.faults.add("POST /api/v2/uploads", "lose_answer")
    with pytest.raises(Transient):
        zen.attach(asked)
    assert not zen.find(asked, None).found


def test_an_old_marker_is_found_on_a_later_page(box: Sandbox, zen: Any) -> None:
    remote_id = created(zen, GOOD).remote_id
    asked = write(zen, Do.COMMENT, {"text": "first"}, remote_id)
    zen.comment(asked)
    with box.lock:
        audits = box.zendesk.audits[int(remote_id)]
        audits[:0] = [{**audits[0], "id": number} for number in range(1, 151)]
    assert len(zen.find(asked, None).found) == 1
    assert len([entry for entry in box.requests if "audits" in entry.path]) == 2


# ── settings and check ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "auth",
    [
        {"client_id": "connector", "client_secret": "file:right"},
        {"email": "sync@northhospital.example", "token": "file:right"},
    ],
    ids=lambda auth: "+".join(auth),
)
def test_every_way_of_signing_in(box: Sandbox, zen_built: Built, auth: Any) -> None:
    if "email" in auth:
        auth["email"] = next(user["email"] for user in box.zendesk.users.values() if user["role"] == "admin")
    assert created(zen_built(auth=auth), GOOD).remote_id


@pytest.mark.parametrize("auth", [{}, {"email": "x@y.example"}, {"client_id": "a", "token": "env:T"}])
def test_other_ways_are_refused_by_name(auth: Any) -> None:
    with pytest.raises(ValidationError, match="client_secret"):
        Settings.model_validate({"type": "zendesk", "url": "https://x", "mapping": "m", "auth": auth})


def test_a_token_that_ended_is_fetched_again(box: Sandbox, zen: Any) -> None:
    created(zen, GOOD)
    box.clock.advance(3600)
    created(zen, GOOD, "T2")
    assert len([entry for entry in box.requests if entry.path == "/oauth/tokens"]) == 2


def test_check_is_content_with_a_good_setup(box: Sandbox, zen: Any, clock: Any) -> None:
    clock.now = box.clock.now()
    zen.planned = {"subject": frozenset(), "custom:Workstation": frozenset(), "group": frozenset({"EHR Pharmacy"})}
    assert zen.check() == []
    assert box.writes() == []


def test_check_finds_fields_options_groups_and_a_short_wait(box: Sandbox, zen_built: Built, clock: Any) -> None:
    clock.now = box.clock.now()
    zen = zen_built(settle_after="5s")
    zen.planned = {
        "custom:Workstaton": frozenset(),
        "custom:EHR environment": frozenset({"Production"}),
        "group": frozenset({"Servise Desk"}),
    }
    assert {finding.code for finding in zen.check()} == {
        "unknown-field",
        "unknown-option",
        "unknown-group",
        "settle-after",
    }


def test_check_says_when_changes_cannot_be_read_from_the_export(box: Sandbox, zen: Any, clock: Any) -> None:
    clock.now = box.clock.now()
    box.faults.add("GET /api/v2/incremental/*", "status", status=403)
    [found] = zen.check()
    assert (found.code, found.exit_code) == ("no-export", 0)
    assert "administrator" in found.remedy


def test_check_of_a_wrong_secret(zen_built: Built) -> None:
    [first, *_] = zen_built(auth={"client_id": "connector", "client_secret": "file:wrong"}).check()
    assert first.code == "unauthorised"
