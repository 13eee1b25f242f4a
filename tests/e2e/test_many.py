"""Many at once, over the whole way: what goes in a call for many ends as if each had gone by itself."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

import pytest

from tests.e2e.conftest import Site

TO_ZENDESK = ("  - {sink: servicenow}", "  - {sink: zendesk}")
SINKS = pytest.mark.parametrize("sink", ["servicenow", "zendesk"])


def fill(site: Site, count: int, people: int = 40, first: int = 0) -> None:
    """So many button presses of so many people."""
    for start in range(first, first + count, 500):
        lines = [press(number, people) for number in range(start, min(start + 500, first + count))]
        site.put(f"button/{start}.ndjson", "\n".join(lines) + "\n")


def press(number: int, people: int, **more: object) -> str:
    who = f"user{number % people}"
    said = {
        "request_id": f"many-{number}",
        "source": {"system": "Epic", "environment": "PRD"},
        "summary": f"press {number}",
        "description": "The label printer prints nothing",
        "requester": {"login": who, "email": f"{who}@many.example", "name": who.title()},
    }
    return json.dumps(said | more)


def aim(site: Site, sink: str) -> None:
    text = site.settings.read_text("utf-8")
    head, _, tail = text.partition("\nroutes:")
    rest = tail.split("\n\n", 1)
    site.settings.write_text(f"{head}\nroutes:\n  - {{sink: {sink}}}\n\n{rest[1] if len(rest) > 1 else ''}", "utf-8")


def there(site: Site, sink: str) -> Counter[str]:
    site.box.clock.settle()
    if sink == "servicenow":
        return Counter(row["short_description"] for row in site.incidents())
    return Counter(str(row["subject"]) for row in site.tickets())


def want(count: int) -> Counter[str]:
    return Counter(f"press {number}" for number in range(count))


def calls(site: Site) -> Counter[str]:
    return Counter(entry.path.rsplit("/", 1)[1].removesuffix(".json") for entry in site.writes())


def rows(site: Site, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(site.base / "connector.db") as ledger:
        return ledger.execute(query).fetchall()


@SINKS
def test_many_become_few_calls_and_each_has_its_own_end(quiet_site: Site, sink: str) -> None:
    site = quiet_site
    aim(site, sink)
    fill(site, 300)
    report = site.sync()
    assert report.sinks[sink]["created"] == 300
    assert there(site, sink) == want(300)
    assert report.sinks[sink]["requests"] < 60
    assert calls(site)["batch" if sink == "servicenow" else "create_many"] >= 3
    assert rows(site, "SELECT count(*) FROM link") == [(300,)]
    assert rows(site, "SELECT count(*) FROM delivery WHERE state <> 'sent' OR job IS NOT NULL") == [(0,)]


@SINKS
def test_bulk_off_sends_each_by_itself(quiet_site: Site, sink: str) -> None:
    site = quiet_site
    aim(site, sink)
    mapping = f"mapping: mappings/{sink}.yaml"
    site.configure(mapping, f"{mapping}\n    bulk: off")
    fill(site, 30)
    assert site.sync().sinks[sink]["created"] == 30
    assert not {"batch", "create_many"} & set(calls(site))


@SINKS
@pytest.mark.parametrize("kind", ["lose_answer", "lose_request", "late"])
def test_the_answer_to_many_is_lost_and_each_is_looked_for(quiet_site: Site, sink: str, kind: str) -> None:
    site = quiet_site
    aim(site, sink)
    fill(site, 1)
    site.sync()  # something known to be there, so that looking proves something
    fill(site, 60)
    on = "POST /api/now/batch" if sink == "servicenow" else "POST /api/v2/tickets/create_many"
    site.box.faults.add(on, kind, times=1, seconds=0.9 * site.box.settle_after)
    for _ in range(6):
        site.sync()
        site.box.clock.advance(30)
    assert there(site, sink) == want(60)
    assert rows(site, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)]


def test_updates_of_many_go_together_and_send_only_what_changed(quiet_site: Site) -> None:
    site = quiet_site
    fill(site, 60)
    site.sync()
    before = len(site.writes())
    site.put("button/0.ndjson", "\n".join(press(number, 40, impact="unit") for number in range(60)) + "\n")
    report = site.sync()
    assert report.sinks["servicenow"]["updated"] == 60
    assert {row["impact"] for row in site.incidents()} == {"2"}
    assert len(site.writes()) - before < 10


def test_an_unknown_person_is_in_one_call_at_a_time(quiet_site: Site) -> None:
    site = quiet_site
    aim(site, "zendesk")
    fill(site, 60, people=3)
    assert site.sync().sinks["zendesk"]["created"] == 60
    assert there(site, "zendesk") == want(60)
    mails = Counter(user["email"] for user in site.box.zendesk.document()["users"])
    assert {mails[f"user{number}@many.example"] for number in range(3)} == {1}


@SINKS
def test_a_remote_that_takes_no_calls_for_many_gets_single_ones(quiet_site: Site, sink: str) -> None:
    site = quiet_site
    aim(site, sink)
    on = "POST /api/now/batch" if sink == "servicenow" else "POST /api/v2/tickets/create_many"
    site.box.faults.add(on, "status", status=403, times=None)
    fill(site, 40)
    assert site.sync().sinks[sink]["created"] == 40
    assert there(site, sink) == want(40)


def test_a_job_that_outlasts_the_run_is_asked_for_by_the_next(quiet_site: Site) -> None:
    site = quiet_site
    aim(site, "zendesk")
    site.box.faults.add("POST /api/v2/tickets/create_many", "job_stuck", times=None, seconds=3600.0)
    fill(site, 60)
    report = site.sync(max_seconds=1.5)
    assert report.sinks["zendesk"]["unsure"] > 0
    assert rows(site, "SELECT count(*) FROM delivery WHERE state = 'sending'") == [(0,)]
    made = len(site.writes())
    site.box.faults.clear()
    site.box.clock.advance(4000)
    for _ in range(4):
        site.sync()
    assert there(site, "zendesk") == want(60)
    assert "create_many" not in [entry.path.rsplit("/", 1)[1] for entry in site.writes()[made:]][:1]
    assert rows(site, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)]


def test_after_an_error_of_the_account_no_more_jobs_are_asked_for_and_none_is_held(quiet_site: Site) -> None:
    site = quiet_site
    aim(site, "zendesk")
    fill(site, 2)
    site.sync()
    with sqlite3.connect(site.base / "connector.db") as ledger:
        ledger.execute("UPDATE delivery SET state = 'unsure', job = 'job' || id, place = 0")
    site.box.faults.add("GET /api/v2/job_statuses/show_many.json", "status", status=401, times=None)
    site.sync()
    assert rows(site, "SELECT count(*) FROM delivery WHERE lease_until IS NOT NULL") == [(0,)]
    assert rows(site, "SELECT count(*) FROM delivery WHERE finding IS NULL") == [(1,)]
