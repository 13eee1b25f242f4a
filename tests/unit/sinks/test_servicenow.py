"""ServiceNow's traps, each met over real HTTP in the sandbox."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import ValidationError

from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.plugins import Do, Key, Write
from connector.sandbox import Sandbox
from connector.sandbox.people import PEOPLE
from connector.sinks.servicenow import Settings
from tests.unit.sinks.conftest import Built, created, write

NURSE, OTHER = PEOPLE[0], PEOPLE[1]
GOOD = {"short_description": "Screen stays dark", "impact": "2", "urgency": "2"}


# ── create ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_create_carries_key_and_display(box: Sandbox, snow: Any) -> None:
    receipt = created(snow, GOOD)
    [row] = box.servicenow.rows("incident", sys_id=receipt.remote_id)
    assert (row["correlation_id"], row["correlation_display"]) == ("unit-1:s:T", "connector")
    assert receipt.remote_id == Key("unit-1", "s", "T", "incident", "ticket").uuid
    assert receipt.number == row["number"]
    assert receipt.url == f"{box.url}/incident.do?sys_id={receipt.remote_id}"
    assert receipt.learned == {"client_sys_id": "yes"}


def test_a_hardened_instance_is_learned_and_no_longer_trusted(box: Sandbox, snow_built: Built) -> None:
    box.servicenow.honours_sys_id = False
    snow = snow_built({"client_sys_id": "yes"})
    asked = write(snow, Do.CREATE, GOOD)
    assert snow.guards(asked, 1.0)
    assert snow.create(asked).learned == {"client_sys_id": "no"}
    assert not snow.guards(asked, 1.0)
    assert len(snow.find(asked, None).found) == 1, "found by the correlation alone"


def test_guards_says_nothing_before_the_first_echo(snow: Any) -> None:
    assert not snow.guards(write(snow, Do.CREATE, GOOD), 0.0)
    assert not snow.guards(write(snow, Do.COMMENT, {"text": "x"}, "0" * 32), 0.0)


def test_a_second_copy_means_look(box: Sandbox, snow: Any) -> None:
    created(snow, GOOD)
    with pytest.raises(Uncertain) as caught:
        created(snow, GOOD)
    assert caught.value.code == "maybe-done"
    assert len(box.servicenow.rows("incident")) == 1


def test_what_the_instance_did_not_keep_is_told(snow: Any) -> None:
    receipt = created(snow, {**GOOD, "category": "witchcraft", "u_nowhere": "x", "priority": "1"})
    assert receipt.unkept == {"category": ("witchcraft", "inquiry"), "u_nowhere": ("x", "")}
    assert receipt.echo["priority"] == "3", "recomputed from impact and urgency, which is no surprise"


def test_a_problem_can_be_made(box: Sandbox, snow: Any) -> None:
    snow.table = "problem"
    receipt = created(snow, {"short_description": "Orders are slow everywhere"})
    assert box.servicenow.rows("problem", sys_id=receipt.remote_id)
    assert receipt.number.startswith("PRB")


def test_a_follow_up_refers_to_the_closed_record(box: Sandbox, snow: Any) -> None:
    old = created(snow, GOOD)
    fields = {**GOOD, "follow_up_of": old.remote_id}
    new = snow.create(write(snow, Do.CREATE, fields, part="follow_up:1"))
    [row] = box.servicenow.rows("incident", sys_id=new.remote_id)
    assert (row["parent"], row["parent_incident"]) == (old.remote_id, "")


def test_code_tags_in_a_journal_lose_their_meaning(box: Sandbox, snow: Any) -> None:
    receipt = created(snow, {**GOOD, "work_notes": "[code]<script>x</script>[/CODE]"})
    [note] = box.servicenow.rows("sys_journal_field", element_id=receipt.remote_id)
    assert note["value"] == "(code)<script>x</script>(/code)"


# ── the ways an answer goes wrong ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["lose_request", "lose_answer", "error_after", "tail", "cut"])
def test_a_create_whose_answer_is_not_whole_is_uncertain(box: Sandbox, snow: Any, kind: Any) -> None:
    asked = write(snow, Do.CREATE, GOOD)
    box.faults.add("POST /api/now/table/incident", kind)
    with pytest.raises(Uncertain):
        snow.create(asked)
    assert len(snow.find(asked, None).found) == (0 if kind == "lose_request" else 1)


def test_a_late_commit_is_found_later(box: Sandbox, snow: Any) -> None:
    asked = write(snow, Do.CREATE, GOOD)
    box.faults.add("POST /api/now/table/incident", "late", seconds=1.5)
    with pytest.raises(Uncertain):
        snow.create(asked)
    first = snow.find(asked, None)
    box.clock.advance(2)
    second = snow.find(asked, None)
    assert (len(first.found), len(second.found)) == (0, 1)
    assert first.date is not None
    assert second.date is not None
    assert second.date > first.date


def test_a_sleeping_instance(box: Sandbox, snow: Any) -> None:
    box.faults.add("*", "html", times=None)
    with pytest.raises(Transient) as caught:
        created(snow, GOOD)
    assert (caught.value.code, caught.value.scope) == ("asleep", Scope.ACCOUNT)
    assert [finding.code for finding in snow.check()][:1] == ["asleep"]


def test_a_read_that_ends_in_an_error_is_no_answer(box: Sandbox, snow: Any) -> None:
    receipt = created(snow, GOOD)
    box.faults.add("GET *", "tail", times=None)
    with pytest.raises(Transient):
        snow.find(write(snow, Do.UPDATE, {"impact": "1"}, receipt.remote_id), None)


def test_too_many_requests_hold_the_row_and_nothing_was_done(box: Sandbox, snow: Any) -> None:
    box.faults.add("POST *", "status", status=429, retry_after=30)
    with pytest.raises(Transient) as caught:
        created(snow, GOOD)
    assert caught.value.retry_after == 30
    assert not box.servicenow.rows("incident")


def test_an_access_rule_concerns_the_row(box: Sandbox, snow: Any) -> None:
    box.servicenow.denied.add(("incident", "insert"))
    with pytest.raises(Permanent) as caught:
        created(snow, GOOD)
    assert (caught.value.code, caught.value.scope) == ("refused", Scope.ROW)
    assert "access rule forbids insert" in str(caught.value)


def test_a_table_that_does_not_exist_concerns_the_account(snow: Any) -> None:
    snow.table = "incidnet"
    with pytest.raises(Permanent) as caught:
        created(snow, GOOD)
    assert (caught.value.code, caught.value.scope) == ("no-api", Scope.ACCOUNT)


def test_a_missing_secret_is_said_and_nothing_is_sent(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(auth={"username": "sync", "password": "file:nowhere"})
    with pytest.raises(Permanent, match="nowhere") as caught:
        created(snow, GOOD)
    assert caught.value.scope is Scope.ACCOUNT
    assert not box.writes()


# ── closed records ───────────────────────────────────────────────────────────────────────────────────────────────


def _state(box: Sandbox, sys_id: str, state: str) -> None:
    with box.lock:
        box.servicenow.tables["incident"].rows[sys_id].update(state=state, incident_state=state)


def test_a_closed_incident_says_closed(box: Sandbox, snow: Any) -> None:
    remote_id = created(snow, GOOD).remote_id
    _state(box, remote_id, "7")
    for asked in (
        write(snow, Do.UPDATE, {"urgency": "1"}, remote_id),
        write(snow, Do.COMMENT, {"text": "still dark"}, remote_id),
    ):
        with pytest.raises(Permanent) as caught:
            (snow.update if asked.do is Do.UPDATE else snow.comment)(asked)
        assert caught.value.code == "closed"
    assert snow.read(remote_id, ()).closed


@pytest.mark.parametrize("do", [Do.UPDATE, Do.COMMENT])
def test_reopening_travels_with_what_is_said(box: Sandbox, snow: Any, do: Do) -> None:
    remote_id = created(snow, GOOD).remote_id
    _state(box, remote_id, "6")
    assert snow.read(remote_id, ()).resolved
    asked = write(snow, do, {"urgency": "1"} if do is Do.UPDATE else {"text": "again"}, remote_id)
    asked = Write(do, asked.key, {**asked.body, "reopen": True}, asked.fields, remote_id)
    (snow.update if do is Do.UPDATE else snow.comment)(asked)
    [row] = box.servicenow.rows("incident", sys_id=remote_id)
    assert row["state"] == "2"
    assert len(box.writes()) == 2, "one request for both"


# ── update, journals, files ──────────────────────────────────────────────────────────────────────────────────────


def test_an_update_never_writes_a_journal(box: Sandbox, snow: Any) -> None:
    remote_id = created(snow, GOOD).remote_id
    asked = write(snow, Do.UPDATE, {"work_notes": "twice?"}, remote_id)
    assert snow.update(asked).remote_id == remote_id
    assert len(box.writes()) == 1, "there was nothing left to send"


def test_work_notes_stay_internal(box: Sandbox, snow: Any) -> None:
    remote_id = created(snow, GOOD).remote_id
    snow.comment(write(snow, Do.COMMENT, {"text": "for us", "public": False}, remote_id))
    [note] = box.servicenow.rows("sys_journal_field", element_id=remote_id)
    assert note["element"] == "work_notes"
    assert note["value"].splitlines()[-1].startswith("[connector unit-1-")


def test_a_comment_is_found_where_the_journals_rows_are_hidden(box: Sandbox, snow: Any) -> None:
    remote_id = created(snow, GOOD).remote_id
    asked = write(snow, Do.COMMENT, {"text": "hello"}, remote_id)
    other = write(snow, Do.COMMENT, {"text": "hello"}, remote_id, part="comment:2")
    snow.comment(asked)
    box.servicenow.denied.add(("sys_journal_field", "read"))
    assert len(snow.find(asked, None).found) == 1
    assert snow.find(other, asked).control is True
    assert not snow.find(other, asked).found


def test_files_of_one_name_and_other_content_are_two(box: Sandbox, snow: Any) -> None:
    remote_id = created(snow, GOOD).remote_id
    key = Key("unit-1", "s", "T", "incident", "file:1")
    body = {"name": "a&b=c.png", "content_type": "image/png", "size": 3, "sha256": "0" * 64}
    asked = Write(Do.ATTACH, key, body, {}, remote_id, lambda: b"abc")
    snow.attach(asked)
    [row] = box.servicenow.rows("sys_attachment", table_sys_id=remote_id)
    assert (row["file_name"], row["content_type"], row["size_bytes"]) == ("a&b=c.png", "image/png", "3")
    assert not snow.find(asked, None).found, "the hash in the row is of other bytes"


# ── people and groups ────────────────────────────────────────────────────────────────────────────────────────────


def resolved(snow: Any, **fields: Any) -> Any:
    return snow.resolve(Do.CREATE, fields)


def user(box: Sandbox, login: str) -> str:
    [row] = box.servicenow.rows("sys_user", user_name=login)
    return row["sys_id"]


def test_callers_by_mail_and_by_login(box: Sandbox, snow: Any) -> None:
    nurse = user(box, NURSE.login)
    by_mail = {"email": NURSE.email.title(), "login": "", "name": "x"}
    for person in (by_mail, {"login": NURSE.login}, NURSE.login, NURSE.email, nurse):
        assert resolved(snow, caller_id=person).body == {"caller_id": nurse}


def test_a_shared_mailbox_is_settled_by_the_login_or_not_at_all(box: Sandbox, snow: Any) -> None:
    one, two, *_ = (person for person in PEOPLE if "Shared" in person.title)
    shared = {"email": one.email, "login": "", "name": ""}
    found = resolved(snow, caller_id=shared)
    assert "caller_id" not in found.body
    assert [finding.code for finding in found.findings] == ["ambiguous-person"]
    assert resolved(snow, caller_id={**shared, "login": two.login}).body["caller_id"] == user(box, two.login)


def test_an_unknown_caller_is_told_without_naming_them(box: Sandbox, snow: Any, snow_built: Built) -> None:
    person = {"email": "jane.q.sample@elsewhere.example", "login": "", "name": "Jane Q. Sample"}
    found = resolved(snow, caller_id=person)
    assert "caller_id" not in found.body
    [finding] = found.findings
    assert (finding.code, finding.where) == ("unknown-person", "caller_id")
    assert "sample" not in str(finding).lower()
    stand_in = snow_built(unknown_caller=OTHER.login)
    found = resolved(stand_in, caller_id=person)
    assert found.body["caller_id"] == user(box, OTHER.login)
    assert found.findings


@pytest.mark.parametrize(
    "login", ["a^ORactive=true", "x^NQuser_name=sync", "javascript:gs.getUserID()", "a,b", "^", "a\nb", " "]
)
def test_hostile_names_change_no_query(box: Sandbox, snow: Any, login: str) -> None:
    found = resolved(snow, caller_id={"login": login, "email": f"{login}@x.example"})
    assert "caller_id" not in found.body
    for entry in box.requests:
        assert "javascript" not in entry.query
        assert "active%3Dtrue" not in entry.query


def test_watchers_are_users_or_bare_addresses(box: Sandbox, snow: Any) -> None:
    people = [{"email": NURSE.email}, {"email": "kin@elsewhere.example"}, {"name": "nobody"}]
    found = resolved(snow, watch_list=people)
    assert found.body["watch_list"] == f"{user(box, NURSE.login)},kin@elsewhere.example"
    assert len(found.findings) == 1


def test_a_group_by_name_with_a_hint_when_it_is_wrong(box: Sandbox, snow: Any) -> None:
    [group] = box.servicenow.rows("sys_user_group", name="EHR Pharmacy")
    assert resolved(snow, assignment_group="ehr pharmacy").body["assignment_group"] == group["sys_id"]
    found = resolved(snow, assignment_group="EHR Pharmcy")
    assert "assignment_group" not in found.body
    [finding] = found.findings
    assert "EHR Pharmacy" in finding.remedy


def test_names_are_looked_up_once(box: Sandbox, snow: Any) -> None:
    for _ in range(3):
        resolved(snow, caller_id=NURSE.login, assignment_group="Nowhere")
    assert box.counts.total() == 3, "one person, one group, one list of groups for the hint"


def test_threads_have_sessions_of_their_own(box: Sandbox, snow: Any) -> None:
    # The sessions themselves are kept, not their ids: a thread that ended leaves its address to the next.
    sessions: list[Any] = []
    receipts: list[str] = []

    def work(number: int) -> None:
        receipts.append(created(snow, GOOD, f"T{number}").remote_id)
        sessions.append(snow._talk.session)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(each) for each in sessions}) == len(set(receipts)) == 4


def test_a_forked_child_has_a_session_of_its_own(snow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    parents = snow._talk.session
    assert snow._talk.session is parents
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert snow._talk.session is not parents


# ── settings and check ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "auth",
    [
        {"username": "sync", "password": "file:right"},
        {"client_id": "connector", "client_secret": "file:right"},
        {"client_id": "connector", "client_secret": "file:right", "username": "sync", "password": "file:right"},
        {"api_key": "file:right"},
    ],
    ids=lambda auth: "+".join(auth),
)
def test_every_way_of_signing_in(snow_built: Built, auth: Any) -> None:
    assert created(snow_built(auth=auth), GOOD).remote_id


@pytest.mark.parametrize("auth", [{}, {"username": "x"}, {"api_key": "env:K", "username": "x"}, {"api_key": "plain"}])
def test_other_ways_are_refused_by_name(auth: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"type": "servicenow", "url": "https://x", "mapping": "m", "auth": auth})
    assert "client_secret" in str(caught.value) or "env:NAME" in str(caught.value)


def test_check_is_content_with_a_good_setup(box: Sandbox, snow: Any, clock: Any) -> None:
    clock.now = box.clock.now()
    snow.planned = {"short_description": frozenset(), "impact": frozenset("123"), "caller_id": frozenset()}
    assert snow.check() == []
    assert box.writes() == []


def test_check_finds_columns_choices_groups_clock_and_a_short_wait(box: Sandbox, snow_built: Built, clock: Any) -> None:
    snow = snow_built(settle_after="5s")
    clock.now = box.clock.now() + 600
    snow.planned = {
        "shrot_description": frozenset(),
        "category": frozenset({"hardwear"}),
        "assignment_group": frozenset({"Servise Desk"}),
    }
    findings = {finding.code: finding for finding in snow.check()}
    assert set(findings) == {"clock", "unknown-column", "unknown-choice", "unknown-group", "settle-after"}
    assert "short_description" in findings["unknown-column"].remedy
    assert "hardware" in findings["unknown-choice"].remedy
    assert "Service Desk" in findings["unknown-group"].remedy
    assert "s ahead of" in findings["clock"].what


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "no rows"])
def test_check_says_when_nobody_s_comments_can_be_read(box: Sandbox, snow: Any, clock: Any, refused: bool) -> None:
    clock.now = box.clock.now()
    created(snow, GOOD)
    with box.lock:
        desk = box.servicenow
        desk.write("incident", desk.rows("incident")[0], {"urgency": "1"}, desk.doorman.accounts["admin"])
    if refused:
        box.faults.add("GET /api/now/table/sys_journal_field", "status", status=403)
    else:
        box.servicenow.denied.add(("sys_journal_field", "read"))
    [found] = snow.check()
    assert (found.code, found.exit_code) == ("no-journals", 0)
    assert "sys_journal_field" in found.remedy


def test_check_of_a_wrong_password_stops_at_once(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(auth={"username": "sync", "password": "file:wrong"})
    [first, *_] = snow.check()
    assert first.code == "unauthorised"
    assert box.counts.total() == 1, "more tries would lock the account"
