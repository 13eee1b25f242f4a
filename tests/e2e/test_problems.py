"""Outages on their whole way: reports come in by several channels, and hang on one problem at the help desk."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from connector.app import App
from connector.ledger.outages import NoSuchProblem
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import analyst

AUTO = "\nproblems: {mode: auto}\n"
WORDS = (
    "Payroll screen shows PAY-4711 and closes, nobody can enter hours",
    "cannot enter hours, payroll closes with PAY-4711",
    "PAY-4711 when I open the payroll screen to enter my hours",
    "entering hours in payroll: screen closes, error PAY-4711",
)


def press(site: Site, number: int, said: str, **more: object) -> None:
    payload = {
        "request_id": f"p-{number}",
        "submitted_at": (datetime.now(UTC) - timedelta(minutes=50 - number)).isoformat(timespec="seconds"),
        "source": {"system": "Epic", "environment": "PRD", "application": "Payroll"},
        "summary": said,
        "description": said,
        "requester": {"login": f"user{number}", "email": f"user{number}@northfield-hospital.example"},
        **more,
    }
    site.put(f"button/p-{number}.json", json.dumps(payload))


@pytest.fixture
def payroll(quiet_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Four reports of one outage; by the settings, problems open by themselves and all goes to ServiceNow."""
    text = quiet_site.settings.read_text("utf-8")
    quiet_site.settings.write_text(text + AUTO, "utf-8")
    return quiet_site


def children(site: Site) -> Counter[str]:
    return Counter(row.get("problem_id") or "" for row in site.incidents())


def problems(site: Site) -> list[dict[str, str]]:
    return list(site.box.servicenow.document()["problem"])


def test_reports_of_one_outage_hang_on_one_problem(payroll: Site) -> None:
    before = len(problems(payroll))
    for number, said in enumerate(WORDS[:3]):
        press(payroll, number, said)
    report = payroll.sync()
    made = problems(payroll)[before:]
    assert report.exit_code == 0, report.document()
    assert len(made) == 1
    assert children(payroll) == {made[0]["sys_id"]: 3}
    assert made[0]["first_reported_by_task"] in {row["sys_id"] for row in payroll.incidents()}
    press(payroll, 3, WORDS[3])
    payroll.sync()
    assert children(payroll) == {made[0]["sys_id"]: 4}
    assert len(problems(payroll)) == before + 1


def outage(site: Site, reports: int = 3, first: int = 0, words: tuple[str, ...] = WORDS) -> None:
    for number in range(reports):
        press(site, first + number, words[number % len(words)])


def act(site: Site, what: str, *args: object) -> object:
    with App.open(site.settings) as app:
        return getattr(app.outages, what)(*args)


def listed(site: Site, everything: bool = True) -> list[dict[str, object]]:
    with App.open(site.settings) as app:
        return app.outages.listed(everything)


def test_what_is_suggested_waits_for_a_person(quiet_site: Site) -> None:
    before = len(problems(quiet_site))
    outage(quiet_site)
    assert quiet_site.sync().exit_code == 0
    [found] = listed(quiet_site)
    assert found["state"] == "suggested"
    assert "pay-4711" in found["why"]  # type: ignore[operator]
    assert len(problems(quiet_site)) == before
    act(quiet_site, "accept", str(found["problem"])[:6])
    assert quiet_site.sync().exit_code == 0
    made = problems(quiet_site)[before:]
    assert children(quiet_site) == {made[0]["sys_id"]: 3}
    assert listed(quiet_site)[0]["number"] == made[0]["number"]
    with pytest.raises(NoSuchProblem):
        act(quiet_site, "accept", found["problem"])


def test_what_is_refused_is_not_suggested_again(quiet_site: Site) -> None:
    outage(quiet_site)
    quiet_site.sync()
    act(quiet_site, "refuse", listed(quiet_site)[0]["problem"])
    outage(quiet_site, reports=4, first=10)
    quiet_site.sync()
    [found] = listed(quiet_site)
    assert found["state"] == "refused"
    assert len(found["tickets"]) == 7  # type: ignore[arg-type]
    assert listed(quiet_site, everything=False) == []


def test_who_is_unlinked_stays_out_and_can_come_back(payroll: Site) -> None:
    before = len(problems(payroll))
    outage(payroll, reports=4)
    payroll.sync()
    number = problems(payroll)[before]["number"]
    one = payroll.incidents()[1]["number"]
    act(payroll, "unlink", [one])
    payroll.sync()
    payroll.sync()
    assert children(payroll)[""] == 1
    act(payroll, "link", number, [one])
    payroll.sync()
    assert children(payroll) == {problems(payroll)[before]["sys_id"]: 4}


def test_what_binds_is_told_in_whole_words_of_those_that_are_there(quiet_site: Site) -> None:
    outage(quiet_site)
    press(quiet_site, 20, "transcription vanished afterwards")
    press(quiet_site, 21, "somebody interrupted dictation")
    quiet_site.sync()
    own = {row["short_description"].partition(" ")[0]: row["number"] for row in quiet_site.incidents()}
    act(quiet_site, "open", [own["transcription"], own["somebody"]], "Dictation")

    def why() -> dict[object, set[str]]:
        return {each["title"]: set(each["why"]) for each in listed(quiet_site)}  # type: ignore[call-overload]

    assert why()["Dictation"] >= {"transcription", "interrupted", "dictation"}
    act(quiet_site, "unlink", [own["transcription"]])
    left = why()["Dictation"]
    assert left >= {"interrupted", "dictation"}
    assert not {word for word in left if word.startswith(("transc", "vanish", "afterw"))}
    [other] = [each["problem"] for each in listed(quiet_site) if each["title"] != "Dictation"]
    [mine] = [each["problem"] for each in listed(quiet_site) if each["title"] == "Dictation"]
    act(quiet_site, "merge", mine, other)
    assert why()["Dictation"] == set()


def test_two_problems_become_one_and_the_other_ends_as_its_duplicate(payroll: Site) -> None:
    before = len(problems(payroll))
    outage(payroll)
    for number in (20, 21):
        press(payroll, number, f"another thing {number} entirely")
    payroll.sync()
    others = [row["number"] for row in payroll.incidents() if row["short_description"].startswith("another thing")]
    act(payroll, "open", others, "Hours are lost")
    payroll.sync()
    winner, loser = problems(payroll)[before:]
    assert loser["short_description"] == "Hours are lost"
    assert children(payroll) == {winner["sys_id"]: 3, loser["sys_id"]: 2}
    act(payroll, "merge", loser["number"], winner["number"])
    payroll.sync()
    winner, loser = problems(payroll)[before:]
    assert children(payroll) == {winner["sys_id"]: 5}
    assert (loser["state"], loser["resolution_code"], loser["duplicate_of"]) == ("106", "duplicate", winner["sys_id"])
    assert winner["state"] == "101"
    assert {each["title"]: each["state"] for each in listed(payroll)}["Hours are lost"] == "merged"
    assert [each["state"] for each in listed(payroll, everything=False)] == ["open"]


def test_incidents_become_as_urgent_as_their_outage(payroll: Site) -> None:
    press(payroll, 0, WORDS[0], urgency="high")
    press(payroll, 1, WORDS[1], urgency="low")
    press(payroll, 2, WORDS[2], urgency="medium")
    payroll.sync()
    assert {(row["impact"], row["urgency"]) for row in payroll.incidents()} == {("2", "1")}
    press(payroll, 1, f"{WORDS[1]}, still", urgency="low")
    payroll.sync()
    [row] = [row for row in payroll.incidents() if row["short_description"].endswith("still")]
    assert (row["impact"], row["urgency"]) == ("2", "1")
    with App.open(payroll.settings) as app:
        fields = {each["field"]: each for each in app.explain(row["number"])["sinks"]["servicenow"]["fields"]}
    assert {name: fields[name]["remote"] for name in ("impact", "urgency")} == {"impact": "2", "urgency": "1"}


def test_what_an_analyst_has_set_is_not_raised(payroll: Site) -> None:
    outage(payroll, reports=2)
    payroll.sync()
    analyst(payroll, payroll.incidents()[0]["sys_id"], urgency="3")
    press(payroll, 2, WORDS[2], urgency="high")
    payroll.sync()
    assert sorted(row["urgency"] for row in payroll.incidents()) == ["1", "1", "3"]


def test_a_number_that_is_named_counts_at_once(payroll: Site) -> None:
    before = len(problems(payroll))
    outage(payroll)
    payroll.sync()
    press(payroll, 30, f"same here as {payroll.incidents()[0]['number']}")
    payroll.sync()
    assert children(payroll) == {problems(payroll)[before]["sys_id"]: 4}


def test_an_outage_is_resolved_by_command(payroll: Site) -> None:
    before = len(problems(payroll))
    outage(payroll)
    payroll.sync()
    made = problems(payroll)[before]
    act(payroll, "resolve", made["number"], "Index rebuilt")
    payroll.sync()
    assert problems(payroll)[before]["state"] == "106"
    with pytest.raises(NoSuchProblem):
        act(payroll, "resolve", "nothing-like-this")


def test_off_is_off(quiet_site: Site) -> None:
    text = quiet_site.settings.read_text("utf-8")
    quiet_site.settings.write_text(f"{text}\nproblems: {{mode: off}}\n", "utf-8")
    outage(quiet_site, reports=4)
    quiet_site.sync()
    assert listed(quiet_site) == []


def test_zendesk_has_problems_too(payroll: Site) -> None:
    payroll.configure("sink: servicenow}", "sink: zendesk}")
    outage(payroll, reports=4)
    assert payroll.sync().exit_code == 0
    kinds = Counter(row["type"] for row in payroll.tickets())
    assert kinds == {"problem": 1, "incident": 4}
    [parent] = [row["id"] for row in payroll.tickets() if row["type"] == "problem"]
    assert Counter(row["problem_id"] for row in payroll.tickets()) == {parent: 4, None: 1}


def test_an_incident_of_incidents_where_the_site_prefers_that(payroll: Site) -> None:
    payroll.configure("mapping: mappings/servicenow.yaml", "mapping: mappings/servicenow.yaml\n    parent: incident")
    before = len(problems(payroll))
    outage(payroll)
    assert payroll.sync().exit_code == 0
    assert len(problems(payroll)) == before
    found = Counter(row.get("parent_incident") or "" for row in payroll.incidents())
    [parent] = [sys_id for sys_id in found if sys_id]
    assert found == {"": 1, parent: 3}


def test_after_a_restore_a_parent_is_found_again_and_not_opened_twice(payroll: Site) -> None:
    before = len(problems(payroll))
    with App.open(payroll.settings) as app:
        app.ledger.backup(payroll.base / "backup.db")
    outage(payroll)
    payroll.sync()
    made = problems(payroll)[before:]
    shutil.copy(payroll.base / "backup.db", payroll.base / "connector.db")
    for name in ("connector.db-wal", "connector.db-shm"):
        (payroll.base / name).unlink(missing_ok=True)
    with App.open(payroll.settings) as app:
        app.ledger.restored()
    for _ in range(4):
        payroll.sync()
        payroll.box.clock.advance(120.0)
    again = problems(payroll)[before:]
    assert [row["sys_id"] for row in again] == [row["sys_id"] for row in made]
    assert children(payroll) == {made[0]["sys_id"]: 3}
    assert [each["state"] for each in listed(payroll)] == ["open"]
