"""Sequences that could leave a ticket, comment or file missing, double, wrong, or waiting where nobody sees it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from connector.app import App
from connector.engine.deliver import FAILURES
from connector.errors import ConnectorError
from connector.ledger.schema import ticket
from tests.clocks import SharedClock
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import analyst, mail, press

SCREEN = {"filename": "screen.png", "content_type": "image/png", "content_base64": "iVBORw0KGgo="}


@pytest.fixture
def clock(quiet_site: Site) -> SharedClock:
    return SharedClock(quiet_site.box)


def run(site: Site, clock: SharedClock, **asked: Any) -> Any:
    with App.open(site.settings, clock=clock) as app:
        return app.sync(**asked)


def codes_of_runs(site: Site, clock: SharedClock, most: int, apart: float) -> list[int]:
    """The exit codes of runs until one has blocked something, which it says by its code."""
    codes: list[int] = []
    while len(codes) < most and "blocked" not in [row["state"] for row in waiting(site)]:
        codes.append(run(site, clock).exit_code)
        clock.sleep(apart)
    return codes


def waiting(site: Site) -> list[dict[str, Any]]:
    with App.open(site.settings) as app:
        rows: list[dict[str, Any]] = app.status()["waiting"]
    return rows


def close(site: Site, sys_id: str) -> None:
    analyst(site, sys_id, state="7", close_code="Solution provided", close_notes="done")


# ── versions ──


def test_a_value_that_goes_back_while_its_update_is_unsure_goes_back_there_too(
    quiet_site: Site, clock: SharedClock
) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    run(site, clock)
    site.put("button/a.json", press(impact="unit"))
    site.box.faults.add("PATCH /api/now/table/incident/*", "lose_answer")
    site.box.faults.add("GET /api/now/table/incident/*", "status", status=500, after=1, times=None)
    run(site, clock)
    assert waiting(site)[0]["do"] == "update"
    site.box.faults.clear()
    site.put("button/a.json", press())
    clock.sleep(60)
    run(site, clock)
    assert site.incidents()[0]["impact"] == "3"


def test_a_field_first_filled_by_an_analyst_stays_the_analysts(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("fields:\n", "fields:\n  location: context.location.room\n", "mappings/servicenow.yaml")
    site.put("button/a.json", press())
    site.sync()
    analyst(site, site.incidents()[0]["sys_id"], location="Basement")
    site.put("button/a.json", press(location={"room": "4W-12"}, summary="Still no labels"))
    site.sync()
    row = site.incidents()[0]
    assert (row["short_description"], row["location"]) == ("Still no labels", "Basement")


# ── follow-ups ──


def test_a_dropped_follow_up_does_not_make_replies_chase_it_for_ever(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    old = site.incidents()[0]
    close(site, old["sys_id"])
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.box.faults.add("POST /api/now/table/incident", "status", status=400, times=None)
    site.sync()
    with App.open(site.settings) as app:
        app.actions.drop([old["number"]])
    site.box.faults.clear()
    site.put("mail/3.eml", mail("three", "Re: Screen is slow", "And worse.", answers="one"))
    assert site.sync(max_seconds=2).exit_code == 1
    assert [(row["do"], row["state"]) for row in waiting(site)] == [("comment", "blocked")]


def test_a_released_comment_goes_to_the_record_that_is_open_now(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    old = site.incidents()[0]
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.box.faults.add("PATCH /api/now/table/incident/*", "status", status=400)
    assert site.sync().exit_code == 1
    close(site, old["sys_id"])
    site.put("mail/3.eml", mail("three", "Re: Screen is slow", "And worse.", answers="one"))
    site.sync()
    new = next(row for row in site.incidents() if row["sys_id"] != old["sys_id"])
    with App.open(site.settings) as app:
        app.actions.release([new["number"]])
        app.sync()
    assert sum("It is back." in said for said in site.journal(new["sys_id"])) == 1
    assert not any("It is back." in said for said in site.journal(old["sys_id"]))


# ── nothing waits unseen ──


def test_a_create_that_is_lost_and_proved_absent_again_and_again_ends_with_a_person(
    quiet_site: Site, clock: SharedClock
) -> None:
    site = quiet_site
    site.put("button/first.json", press(request_id="c-1"))
    run(site, clock)
    site.put("button/a.json", press())
    site.box.faults.add("POST /api/now/table/incident", "status", status=500, times=None)
    assert codes_of_runs(site, clock, most=40, apart=5)[-1] == 1
    assert [(row["do"], row["state"]) for row in waiting(site)] == [("create", "blocked")]


def test_a_record_that_can_never_be_read_ends_with_a_person(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    run(site, clock)
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.box.faults.add("GET /api/now/table/incident/*", "status", status=500, times=None)
    assert codes_of_runs(site, clock, most=20, apart=1200)[-1] == 1
    assert [(row["do"], row["state"]) for row in waiting(site)] == [("comment", "blocked")]


def test_what_waits_for_a_sink_that_left_the_settings_is_shown(quiet_site: Site) -> None:
    site = quiet_site
    site.put("button/a.json", press())
    site.box.faults.add("* /api/now/*", "status", status=503, times=None)
    site.sync()
    text = site.settings.read_text("utf-8")
    site.settings.write_text(
        text.replace("\n  servicenow:", "\n  desk:").replace("sink: servicenow", "sink: desk"), "utf-8"
    )
    with App.open(site.settings) as app:
        assert app.status()["sinks"]["servicenow"]["queued"] == 1


def test_rows_written_while_the_clock_was_ahead_are_sent_when_it_is_right_again(
    quiet_site: Site, clock: SharedClock
) -> None:
    site = quiet_site
    clock.ahead = 365 * 86_400.0
    site.put("button/a.json", press())
    site.box.faults.add("POST /api/now/table/incident", "status", status=429, times=None)
    run(site, clock)
    site.box.faults.clear()
    clock.ahead = 0.0
    site.put("button/b.json", press(request_id="c-2"))
    run(site, clock)
    clock.sleep(60)
    run(site, clock)
    assert len(site.incidents()) == 2


# ── restored from a backup ──


def restored(site: Site) -> None:
    shutil.copy(site.base / "backup.db", site.base / "connector.db")
    for name in ("connector.db-wal", "connector.db-shm"):
        (site.base / name).unlink(missing_ok=True)
    with App.open(site.settings) as app:
        app.ledger.restored()


def backup(site: Site) -> None:
    with App.open(site.settings) as app:
        app.ledger.backup(site.base / "backup.db")


def test_after_a_ledger_was_lost_its_records_are_found_again(quiet_site: Site, clock: SharedClock) -> None:
    """Each create is refused as one that may be there: that is no failure of the help desk, however many there are."""
    site, mapping = quiet_site, "mapping: mappings/servicenow.yaml"
    site.configure(mapping, f"{mapping}\n    bulk: off\n    concurrency: 1")
    for number in range(FAILURES + 3):
        site.put(f"button/{number}.json", press(request_id=f"p-{number}"))
    run(site, clock)
    before = [row["number"] for row in site.incidents()]
    for name in ("connector.db", ".connector-stamp"):
        (site.base / name).unlink()
    clock.sleep(3600.0)
    codes = codes_of_runs(site, clock, 3, 700.0)
    assert codes[0] == 0
    assert [row["number"] for row in site.incidents()] == before
    assert waiting(site) == []


def test_after_a_restore_files_are_found_again(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    backup(site)
    site.put("button/a.json", press(attachments=[SCREEN]))
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    run(site, clock)
    sys_ids = [row["sys_id"] for row in site.incidents()]
    restored(site)
    for _ in range(4):
        run(site, clock)
        clock.sleep(60)
    assert [row["sys_id"] for row in site.incidents()] == sys_ids
    assert sum(len(site.files(sys_id)) for sys_id in sys_ids) == 1
    assert waiting(site) == []


def test_after_a_restore_an_analysts_value_is_left_alone(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    backup(site)
    site.put("button/a.json", press())
    run(site, clock)
    analyst(site, site.incidents()[0]["sys_id"], impact="1")
    restored(site)
    run(site, clock)
    site.put("button/a.json", press(summary="Still no labels"))
    run(site, clock)
    row = site.incidents()[0]
    assert (row["short_description"], row["impact"]) == ("Still no labels", "1")


def test_after_a_restore_zendesk_tickets_with_fields_of_their_own_are_found_again(
    quiet_site: Site, clock: SharedClock
) -> None:
    site = quiet_site
    site.configure("- {sink: servicenow}", "- {sink: zendesk}")
    site.put("button/a.json", press(context={"workstation": "WS-1"}))
    site.box.faults.add("POST /api/v2/tickets", "status", status=429, retry_after=600.0)
    run(site, clock)
    backup(site)
    clock.sleep(700)
    run(site, clock)
    assert len(site.tickets()) == 1
    restored(site)
    for _ in range(4):
        assert run(site, clock).exit_code in (0, 1)
        clock.sleep(60)
    assert len(site.tickets()) == 1
    assert waiting(site) == []


def test_after_a_restore_lines_of_a_file_that_grew_since_are_looked_for(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    site.configure("- {sink: servicenow}", "- {sink: zendesk}")
    backup(site)
    lines = [press(request_id=f"c-{i}") + "\n" for i in range(3)]
    site.put("button/all.ndjson", "".join(lines[:2]))
    run(site, clock)
    clock.sleep(3 * 3600)
    restored(site)
    path = site.base / "inbox" / "button" / "all.ndjson"
    path.write_text("".join(lines))  # its time is now later than the last thing that was sent
    for _ in range(6):
        run(site, clock)
        clock.sleep(60)
    assert sorted(str(row["external_id"]) for row in site.tickets()) == sorted(
        {str(row["external_id"]) for row in site.tickets()}
    )


def test_after_a_restore_what_was_blocked_then_is_looked_for(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    run(site, clock)
    number = site.incidents()[0]["number"]
    site.put("mail/2.eml", mail("two", "Re: Screen is slow", "It is back.", answers="one"))
    site.box.faults.add("PATCH /api/now/table/incident/*", "status", status=400)
    run(site, clock)
    backup(site)
    with App.open(site.settings, clock=clock) as app:
        app.actions.release([number])
        app.sync()
    restored(site)
    with App.open(site.settings, clock=clock) as app:
        app.actions.release([number])
    for _ in range(3):
        run(site, clock)
        clock.sleep(60)
    assert sum("It is back." in said for said in site.journal(site.incidents()[0]["sys_id"])) == 1


# ── what a record can do ──


@pytest.mark.parametrize("kind", ["image/png\r\nX-Evil: yes", "image/\u2028png", "b\u00e4d/\ud83d\ude00"])
def test_a_hostile_content_type_stops_nobody(quiet_site: Site, kind: str) -> None:
    site = quiet_site
    site.put("button/a.json", press(attachments=[{**SCREEN, "content_type": kind}]))
    site.put("button/b.json", press(request_id="c-2"))
    assert site.sync().exit_code in (0, 1)
    assert len(site.incidents()) == 2


@pytest.mark.parametrize("name", ["\ud800.png", "a\nb.png", "x" * 3000 + ".png", "..", "\x00"])
def test_a_hostile_file_name_stops_nobody(quiet_site: Site, name: str) -> None:
    site = quiet_site
    site.put("button/a.json", press(attachments=[{**SCREEN, "filename": name}]))
    assert site.sync().exit_code == 0
    assert len(site.files(site.incidents()[0]["sys_id"])) == 1


def test_files_that_were_queued_before_they_were_to_be_withheld_stay_here(quiet_site: Site, clock: SharedClock) -> None:
    site = quiet_site
    site.put("button/a.json", press(attachments=[SCREEN]))
    site.box.faults.add("POST /api/now/table/incident", "status", status=429, retry_after=60.0)
    run(site, clock)
    site.configure("\n    attachments: send", "")
    clock.sleep(100)
    run(site, clock)
    assert len(site.incidents()) == 1
    assert site.files(site.incidents()[0]["sys_id"]) == []


def test_a_folder_that_cannot_be_written_to_sends_nothing(quiet_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site = quiet_site
    site.put("button/a.json", press())

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(ConnectorError) as told:
        site.sync()
    assert told.value.exit_code == 2
    assert site.incidents() == []
    with App.open(site.settings) as app:
        assert app.status()["sinks"]["servicenow"]["unsure"] == 0


def test_an_error_of_the_database_does_not_say_what_was_written(quiet_site: Site) -> None:
    with App.open(quiet_site.settings) as app, pytest.raises(DBAPIError) as told, app.wiring.db.write() as connection:
        connection.execute(insert(ticket), [{"source": "x", "body": "Mrs Miller"}])
    assert "Miller" not in str(told.value)
