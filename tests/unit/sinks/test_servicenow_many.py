"""ServiceNow, many at once: over real HTTP in the sandbox, and answers that no honest instance gives."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.plugins import Do, Key, Receipt, SinkTools, Unlimited, Write
from connector.sandbox import Sandbox
from connector.sandbox.people import PEOPLE
from connector.sinks.servicenow import ServiceNow, Settings, batch
from connector.sinks.servicenow.desk import Call
from connector.sinks.servicenow.people import Asked, parts
from connector.wire import Seen
from tests.unit.sinks.conftest import Built, created, write

GOOD = {"short_description": "Screen stays dark", "impact": "2", "urgency": "2"}
KNOWN = {"client_sys_id": "yes"}
BATCH = "POST /api/now/batch"


def creations(snow: Any, count: int = 4) -> list[Write]:
    return [write(snow, Do.CREATE, {**GOOD, "description": str(n)}, name=f"T{n}") for n in range(count)]


def kinds(outcomes: Sequence[Any]) -> list[str]:
    return [outcome.code if isinstance(outcome, RemoteError) else "done" for outcome in outcomes]


# ── what goes together ───────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_goes_beside_the_first_create(snow: ServiceNow) -> None:
    assert [snow.most(do) for do in Do if do is not Do.NOTIFY] == [0, 50, 50, 1, 50, 1]
    created(snow, GOOD)
    assert snow.most(Do.CREATE) == 50


def test_what_was_learned_before_counts(snow_built: Built) -> None:
    assert snow_built(KNOWN).most(Do.CREATE) == 50
    assert snow_built({"client_sys_id": "no"}).most(Do.CREATE) == 50
    assert snow_built({"client_sys_id": "neither"}).most(Do.CREATE) == 1


def test_the_calls_within_a_batch_are_paid_and_the_batch(snow: ServiceNow) -> None:
    assert snow.cost(creations(snow, 1)) == {"": 1}
    assert snow.cost(creations(snow, 5)) == {"": 6}


def test_a_batch_is_one_request(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    outcomes = snow.create_many(creations(snow, 50))
    assert kinds(outcomes) == ["done"] * 50
    assert len(box.writes()) == 1
    assert len(box.servicenow.rows("incident")) == 50


def test_an_echo_is_the_same_alone_and_among_many(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    snow.planned = dict.fromkeys((*GOOD, "category", "assigned_to", "u_nowhere"), frozenset())
    fields = {**GOOD, "category": "witchcraft", "work_notes": "seen"}
    alone = snow.create(write(snow, Do.CREATE, fields, name="A"))
    [among, _] = snow.create_many([write(snow, Do.CREATE, fields, name=name) for name in ("B", "C")])
    assert (among.echo, among.unkept, among.learned) == (alone.echo, alone.unkept, alone.learned)
    assert among.url == f"{box.url}/incident.do?sys_id={among.remote_id}"


def test_an_update_of_nothing_is_done_without_a_call(box: Sandbox, snow: ServiceNow) -> None:
    remote_id = created(snow, GOOD).remote_id
    empty = write(snow, Do.UPDATE, {"work_notes": "twice?"}, remote_id)
    assert kinds(snow.update_many([empty])) == ["done"]
    assert len(box.writes()) == 1


def test_an_id_that_is_none_concerns_its_own_row(snow: ServiceNow) -> None:
    remote_id = created(snow, GOOD).remote_id
    writes = [
        write(snow, Do.UPDATE, {"impact": "1"}, "../sys_user/1", name="X"),
        write(snow, Do.UPDATE, {"impact": "1"}, remote_id),
    ]
    assert kinds(snow.update_many(writes)) == ["bad-id", "done"]


def test_a_closed_record_says_closed_among_others(box: Sandbox, snow: ServiceNow) -> None:
    open_id, closed_id = created(snow, GOOD).remote_id, created(snow, GOOD, "U").remote_id
    with box.lock:
        box.servicenow.tables["incident"].rows[closed_id].update(state="7", incident_state="7")
    writes = [write(snow, Do.UPDATE, {"impact": "1"}, each, name=each) for each in (open_id, closed_id)]
    assert kinds(snow.update_many(writes)) == ["done", "closed"]


# ── what goes wrong with some, or with all ───────────────────────────────────────────────────────────────────────


def test_what_the_instance_did_not_come_to_is_not_done(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    writes = creations(snow, 6)
    box.faults.add(BATCH, "unserviced")
    outcomes = snow.create_many(writes)
    assert kinds(outcomes) == ["done", "done", "done", "lost", "unserviced", "unserviced"]
    assert isinstance(outcomes[3], Uncertain), "it was in flight when the batch was cut"
    assert isinstance(outcomes[4], Transient)
    assert len(box.servicenow.rows("incident")) == 4


@pytest.mark.parametrize(("kind", "made"), [("item", 3), ("item_after", 4)])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_one_of_many_fails_as_it_would_alone(
    box: Sandbox, snow_built: Built, kind: Any, made: int, status: int
) -> None:
    snow = snow_built(KNOWN)
    alone, *writes = creations(snow, 5)
    box.faults.add("POST /api/now/table/*", "status", status=status)
    with pytest.raises(RemoteError) as caught:
        snow.create(alone)
    box.faults.clear()
    box.faults.add(BATCH, kind, status=status)
    outcomes = snow.create_many(writes)
    assert [isinstance(outcome, Receipt) for outcome in outcomes] == [True, True, False, True]
    failed: Any = outcomes[2]
    assert (type(failed), failed.code, failed.scope) == (type(caught.value), caught.value.code, caught.value.scope)
    assert len(box.servicenow.rows("incident")) == made


@pytest.mark.parametrize("kind", ["lose_request", "lose_answer", "error_after", "tail", "cut"])
def test_an_answer_that_is_not_whole_leaves_all_uncertain(box: Sandbox, snow_built: Built, kind: Any) -> None:
    snow = snow_built(KNOWN)
    writes = creations(snow)
    box.faults.add(BATCH, kind)
    with pytest.raises(Uncertain):
        snow.create_many(writes)
    made = 0 if kind == "lose_request" else 1
    assert [len(snow.find(each, None).found) for each in writes] == [made] * 4


@pytest.mark.parametrize(
    ("fault", "scope"), [({"kind": "status", "status": 429}, Scope.ROW), ({"kind": "html"}, Scope.ACCOUNT)]
)
def test_a_batch_that_was_turned_away_is_not_done(box: Sandbox, snow_built: Built, fault: Any, scope: Scope) -> None:
    snow = snow_built(KNOWN)
    box.faults.add(BATCH, **fault)
    with pytest.raises(Transient) as caught:
        snow.create_many(creations(snow))
    assert caught.value.scope is scope
    assert not box.servicenow.rows("incident")


def test_one_that_was_told_to_wait_holds_all(box: Sandbox, base: Path, clock: Any) -> None:
    limiter = Holding()
    tools = SinkTools(base=base, clock=clock, limiter=limiter, memory=KNOWN)
    auth = {"username": "sync", "password": "file:right"}
    given = {"type": "servicenow", "url": box.url, "mapping": "m.yaml", "auth": auth}
    snow = ServiceNow("snow", Settings.model_validate(given), tools)
    box.servicenow.rate_limit, box.servicenow.batch_charged = 2, True
    outcomes = snow.create_many(creations(snow))
    assert kinds(outcomes) == ["done", "busy", "busy", "busy"]
    assert len(limiter.held) == 1
    assert limiter.held[0] is not None


class Holding(Unlimited):
    """Notes for how long it is told to hold."""

    def __init__(self) -> None:
        self.held: list[float | None] = []

    def hold(self, seconds: float | None, name: str = "") -> None:
        self.held.append(seconds)


def test_without_a_batch_api_each_goes_by_itself_for_a_while(box: Sandbox, snow_built: Built, clock: Any) -> None:
    snow = snow_built(KNOWN)
    box.faults.add(BATCH, "status", status=403)
    with pytest.raises(Permanent) as caught:
        snow.create_many(creations(snow))
    assert caught.value.scope is Scope.ROW, "the account may do all else"
    assert snow.most(Do.CREATE) == snow.most(Do.UPDATE) == 1
    clock.advance(901)
    assert snow.most(Do.CREATE) == 50


def test_a_wrong_password_is_still_the_accounts(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN, auth={"username": "sync", "password": "file:wrong"})
    writes = creations(snow_built(KNOWN))
    with pytest.raises(Permanent) as caught:
        snow.create_many(writes)
    assert (caught.value.code, caught.value.scope) == ("unauthorised", Scope.ACCOUNT)
    assert snow.most(Do.CREATE) == 50


# ── an instance that changes its mind ────────────────────────────────────────────────────────────────────────────


def test_a_dropped_sys_id_is_learned_from_one_of_many(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    box.servicenow.honours_sys_id = False
    writes = creations(snow)
    assert snow.guards(writes[0], 1.0)
    outcomes = snow.create_many(writes)
    assert [outcome.learned for outcome in outcomes] == [{"client_sys_id": "no"}] * 4
    assert not snow.guards(writes[0], 1.0)
    assert [len(snow.find(each, None).found) for each in writes] == [1] * 4


def test_what_was_lost_while_it_changed_is_found_by_the_correlation(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    writes = creations(snow)
    snow.create_many(writes[:2])
    box.servicenow.honours_sys_id = False
    box.faults.add(BATCH, "lose_answer")
    with pytest.raises(Uncertain):
        snow.create_many(writes[2:])
    assert [len(snow.find(each, writes[0]).found) for each in writes] == [1] * 4


# ── answers that no honest instance gives ────────────────────────────────────────────────────────────────────────

Forged = Callable[[list[dict[str, Any]]], Any]


def forged(snow: Any, monkeypatch: pytest.MonkeyPatch, change: Forged, changes: Sequence[Write] = ()) -> list[Any]:
    """The outcomes where somebody changed the items of an honest answer on the way."""
    unpacked = batch.unpacked

    def tampered(document: Any, asked: Sequence[str]) -> Any:
        items = document["serviced_requests"]
        changed = change(items)
        return unpacked({**document, "serviced_requests": items if changed is None else changed}, asked)

    monkeypatch.setattr(batch, "unpacked", tampered)
    return list(snow.update_many(changes) if changes else snow.create_many(creations(snow)))


def _swap_bodies(items: list[dict[str, Any]]) -> None:
    items[1]["body"], items[2]["body"] = items[2]["body"], items[1]["body"]


def _of_another(items: list[dict[str, Any]]) -> None:
    record = {"sys_id": "9" * 32, "correlation_id": "", "number": "INC1"}
    items[1]["body"] = base64.b64encode(json.dumps({"result": record}).encode()).decode()


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (lambda items: items.reverse(), ["done"] * 4),
        (lambda items: items.pop(1) and None, ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(id=items[2]["id"]), ["done", "garbled", "garbled", "done"]),
        (lambda items: items[1].update(id="of another batch"), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(id=7), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(body="not base64!"), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(body=""), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(body=None), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(body="W10="), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(body="eyJyZXN1bHQiOiBbXX0="), ["done", "odd", "done", "done"]),
        (lambda items: items[1].update(status_code="201"), ["done", "garbled", "done", "done"]),
        (lambda items: items[1].update(status_code=302), ["done", "redirected", "done", "done"]),
        (lambda items: items[1].update(headers="none"), ["done", "done", "done", "done"]),
        (_swap_bodies, ["done", "garbled", "garbled", "done"]),
        (_of_another, ["done", "garbled", "done", "done"]),
        (lambda items: [*items, None, "x", {}], ["done"] * 4),
    ],
)
def test_an_item_is_believed_for_its_own_record_alone(
    snow_built: Built, monkeypatch: pytest.MonkeyPatch, change: Forged, codes: list[str]
) -> None:
    outcomes = forged(snow_built(KNOWN), monkeypatch, change)
    assert kinds(outcomes) == codes
    assert all(isinstance(outcome, Receipt | Uncertain) for outcome in outcomes if "redirected" not in codes)


def test_an_echo_of_another_record_changes_nothing_for_this_one(
    box: Sandbox, snow: ServiceNow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [created(snow, GOOD, name).remote_id for name in ("A", "B", "C")]
    changes = [write(snow, Do.UPDATE, {"impact": "1"}, each, name=each) for each in ids]
    assert kinds(forged(snow, monkeypatch, _swap_bodies, changes)) == ["done", "garbled", "garbled"]


def test_a_body_with_strange_signs_in_it_is_none() -> None:
    body = base64.b64encode(b'{"result": {}}').decode()
    item = {"id": "a", "status_code": 201, "body": f"{body[:4]}!{body[4:]}"}
    assert batch.unpacked({"serviced_requests": [item]}, ["a"]) == {"a": Seen.GARBLED}


@pytest.mark.parametrize("unserviced", [None, {}, "abc", [1, None, {}]])
def test_odd_lists_of_what_was_left_say_nothing(unserviced: Any) -> None:
    document = {"serviced_requests": [], "unserviced_requests": unserviced}
    assert batch.unpacked(document, ["a", "b"]) == {"a": Seen.GARBLED, "b": Seen.GARBLED}


def test_what_is_both_done_and_left_is_uncertain() -> None:
    item = {"id": "b", "status_code": 201, "body": "", "headers": []}
    document = {"serviced_requests": [item], "unserviced_requests": ["a", "b", "c"]}
    assert batch.unpacked(document, ["a", "b", "c"]) == {"a": Seen.LOST, "b": Seen.LOST, "c": Seen.UNSERVICED}


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def call(size: int) -> Call:
    return Call("POST", "/table/incident", {"description": "x" * size})


def test_a_batch_takes_what_has_room_and_leaves_the_rest() -> None:
    body, room = batch.packed({str(number): call(1_000_000) for number in range(6)})
    assert room == 3
    assert len(body) < batch.LARGEST
    items = json.loads(body)["rest_requests"]
    assert [item["id"] for item in items] == ["0", "1", "2"]
    assert json.loads(base64.b64decode(items[0]["body"])) == call(1_000_000).body


def test_what_had_no_room_waits_for_the_next(box: Sandbox, snow_built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    snow = snow_built(KNOWN)
    monkeypatch.setattr(batch, "LARGEST", 2500)
    outcomes = snow.create_many(creations(snow, 4))
    assert kinds(outcomes) == ["done", "done", "unserviced", "unserviced"]
    assert len(box.servicenow.rows("incident")) == 2


def test_what_is_too_large_for_any_batch_goes_by_itself(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    huge = write(snow, Do.CREATE, {**GOOD, "description": "x" * 4_000_000}, name="huge")
    assert kinds(snow.create_many([huge, *creations(snow)])) == ["done"] + ["unserviced"] * 4
    [sent] = box.writes()
    assert sent.path == "/api/now/table/incident"
    assert kinds(snow.create_many([*creations(snow), huge])) == ["done"] * 4 + ["unserviced"]


def test_what_no_call_can_carry_is_refused_and_no_other(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    box.servicenow.max_body = 4_000_000
    huge = write(snow, Do.CREATE, {**GOOD, "description": "x" * 4_000_000}, name="huge")
    assert kinds(snow.create_many([huge, *creations(snow)])) == ["too-large"] + ["unserviced"] * 4


# ── people, groups and records by the hundred ────────────────────────────────────────────────────────────────────


def add_people(box: Sandbox, count: int) -> None:
    with box.lock:
        users = box.servicenow.tables["sys_user"]
        for n in range(count):
            values = {"user_name": f"u{n}", "email": f"person.{n}@hospital.example", "active": "true"}
            users.put({**users.defaults, **values, "sys_id": f"{n:032x}"})


def test_five_hundred_callers_cost_a_few_requests(box: Sandbox, snow: ServiceNow) -> None:
    add_people(box, 500)
    each = [
        {
            "caller_id": {"email": f"person.{n % 500}@hospital.example", "login": f"u{n % 500}"},
            "assignment_group": "EHR Pharmacy",
        }
        for n in range(2000)
    ]
    found = snow.resolve_many(Do.CREATE, each)
    assert [resolved.body["caller_id"] for resolved in found] == [f"{n % 500:032x}" for n in range(2000)]
    assert box.counts.total() <= 10
    before = box.counts.total()
    snow.resolve_many(Do.CREATE, each)
    assert box.counts.total() == before, "known by now"


def test_many_are_resolved_as_each_alone(box: Sandbox, snow_built: Built) -> None:
    one, two, *_ = (person for person in PEOPLE if "Shared" in person.title)
    callers = [
        {"email": PEOPLE[0].email.upper()},
        {"login": PEOPLE[1].login},
        PEOPLE[2].email,
        PEOPLE[3].login,
        {"email": one.email},
        {"email": one.email, "login": two.login},
        {"email": "nobody@elsewhere.example"},
        {"email": PEOPLE[0].email, "login": "nobody"},
        {"login": "a^ORactive=true"},
        {"login": "a,b"},
        {"name": "nameless"},
        "0" * 32,
        "",
        None,
        7,
        {"deep": {"er": 1}},
    ]
    groups = ["EHR Pharmacy", "ehr pharmacy", "EHR Pharmcy", "a,b", "a^b", "javascript:x", "0" * 32, ""]
    watched = [[{"email": PEOPLE[0].email}, "kin@elsewhere.example", "1" * 32], "a,b", []]
    each: list[dict[str, Any]] = [{"caller_id": caller, "short_description": "x"} for caller in callers]
    each += [{"assignment_group": group} for group in groups] + [{"watch_list": value} for value in watched]
    many, alone = snow_built(unknown_caller=PEOPLE[1].login), snow_built(unknown_caller=PEOPLE[1].login)
    assert list(many.resolve_many(Do.CREATE, each)) == [alone.resolve(Do.CREATE, fields) for fields in each]
    for entry in box.requests:
        assert "javascript" not in entry.query
        assert "active%3Dtrue" not in entry.query or "sys_user_group" in entry.path


def test_rows_of_others_are_nobodys(box: Sandbox, snow: ServiceNow, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"sys_id": "1" * 32, "email": "other@x.example", "user_name": "other", "active": "true"}]
    monkeypatch.setattr(snow._directory, "_rows", lambda *asked: rows)
    found = snow.resolve_many(Do.CREATE, [{"caller_id": {"login": name}} for name in ("one", "two")])
    assert [resolved.body for resolved in found] == [{}, {}]


def test_rows_that_may_be_cut_off_are_not_believed(snow: ServiceNow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def rows(table: str, query: str, fields: Sequence[str], limit: int) -> list[dict[str, str]]:
        asked.append(query)
        one = {"sys_id": "1" * 32, "email": "", "user_name": "one", "active": "true"}
        return [one] * limit if "IN" in query else []

    monkeypatch.setattr(snow._directory, "_rows", rows)
    snow.resolve_many(Do.CREATE, [{"caller_id": {"login": name}} for name in ("one", "two")])
    assert asked == ["user_nameINone,two", "user_name=one", "user_name=two"]


def test_parts_fit_an_address() -> None:
    names = [Asked(f"{'x' * 60}{n}@hospital.example", f"u{n}") for n in range(400)]
    split = list(parts(names, lambda asked: asked.email))
    assert [name for part in split for name in part] == names
    assert all(len(part) > 20 for part in split)
    assert list(parts(["y" * 9000, "z"], str)) == [["y" * 9000], ["z"]]


def test_many_are_read_by_one_query(box: Sandbox, snow_built: Built) -> None:
    snow = snow_built(KNOWN)
    ids = [outcome.remote_id for outcome in snow.create_many(creations(snow, 20))]
    box.servicenow.hidden.add(ids[3])
    before = box.counts.total()
    found = snow.read_many([*ids, "0" * 32], ("description", "comments"))
    assert box.counts.total() == before + 2  # what is no incident may be a problem
    assert list(found) == [each for each in ids if each != ids[3]]
    assert all(found[each] == snow.read(each, ("description", "comments")) for each in found)
    with pytest.raises(Permanent):
        snow.read_many([f"{ids[0]}^ORactive=true"], ())


def test_records_that_nobody_asked_for_are_not_read(snow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"sys_id": each * 32, "state": "2"} for each in "0123"]
    monkeypatch.setattr(snow._talk, "rows", lambda *asked: rows)
    assert set(snow.read_many(["1" * 32, "9" * 32], ())) == {"1" * 32}


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("parent", "table", "column"), [("problem", "problem", "problem_id"), ("incident", "incident", "parent_incident")]
)
def test_the_parent_is_a_problem_or_an_incident(
    box: Sandbox, snow_built: Built, parent: str, table: str, column: str
) -> None:
    snow = snow_built(parent=parent)
    child = created(snow, GOOD).remote_id
    desk = snow_built()
    desk.table = table
    above = created(desk, {"short_description": "Orders are slow everywhere"}, "P").remote_id
    linked = write(snow, Do.LINK, {"problem": above}, child, "link:1")
    assert snow.link(linked).echo == {column: above}
    [row] = box.servicenow.rows("incident", sys_id=child)
    assert row[column] == above
    assert len(snow.find(linked, None).found) == 1


def test_a_parent_that_is_no_id_is_refused(box: Sandbox, snow: ServiceNow) -> None:
    child = created(snow, GOOD).remote_id
    asked = Write(Do.LINK, Key("unit-1", "s", "T", "incident", "link:1"), {"problem": "PRB001"}, {}, child)
    with pytest.raises(Permanent) as caught:
        snow.link(asked)
    assert caught.value.code == "bad-id"
