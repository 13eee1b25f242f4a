"""Processes that run for long and beside each other: watching, told to stop, with a help desk or the ledger away."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from structlog.testing import capture_logs

from connector import breaker
from connector.app import App
from connector.engine.report import Report
from connector.ledger import database, identity
from connector.ledger.database import Database
from connector.ledger.identity import RestoredLedger
from connector.ledger.schema import delivery
from tests.clocks import SharedClock
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail, press
from tests.e2e.test_intake import door, serving  # noqa: F401 - `door` is a fixture
from tests.postgres import Server

CONNECTOR = Path(sys.executable).with_name("connector")
EVERY = 1.0


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What is logged, from the level of warnings on."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with capture_logs() as captured:
        yield captured
    structlog.configure(**before)


@pytest.fixture
def both(quiet_site: Site) -> Site:
    """What the button says goes to ServiceNow, mails go to Zendesk; a run waits for nothing."""
    quiet_site.configure("wait: 3s", "wait: 0s")
    quiet_site.configure("- {sink: servicenow}", "- {when: {channel: email}, sink: zendesk}\n  - {sink: servicenow}")
    return quiet_site


def button(site: Site, *numbers: int) -> None:
    for number in numbers:
        site.put(f"button/{number}.json", press(request_id=f"c-{number}", summary=f"button {number}"))


def mails(site: Site, *numbers: int) -> None:
    for number in numbers:
        own = mail(f"m{number}", f"mail {number}", "It takes a minute.")
        site.put(f"mail/{number}.eml", own.replace("bea@", f"bea{number}@"))


# ── a help desk that is away ──


def asked(site: Site, before: int) -> int:
    """How many requests ServiceNow got since."""
    return sum(entry.system == "servicenow" for entry in site.box.requests[before:])


def test_a_help_desk_that_fails_rests_and_is_tried_with_one_call(both: Site, logs: list[Any]) -> None:
    site, clock = both, SharedClock(both.box)
    with App.open(site.settings, clock=clock) as app:
        reports = app.watch(EVERY)
        next(reports)
        site.box.faults.add("* /api/now/*", "status", status=503, times=None)
        button(site, *range(12))
        mails(site, 1)
        assert next(reports).errors["servicenow"].what.startswith("servicenow is out of service")
        assert len(site.tickets()) == 1  # the other one is not held up
        before = len(site.box.requests)
        mails(site, 2)
        assert "rests for" in next(reports).errors["servicenow"].what
        assert (asked(site, before), len(site.tickets())) == (0, 2)
        for rest in (breaker.FIRST, 2 * breaker.FIRST):
            clock.sleep(max(rest, 1800.0))  # what was deferred is due again
            before = len(site.box.requests)
            assert next(reports).errors["servicenow"].exit_code == 3
            assert 1 <= asked(site, before) <= 3  # one delivery; a read may be repeated
        site.box.faults.clear()
        clock.sleep(1800.0)
        assert "servicenow" not in next(reports).errors
    assert Counter(row["short_description"] for row in site.incidents()) == Counter(f"button {n}" for n in range(12))
    said = [line["event"] for line in logs if line["log_level"] == "warning" and line.get("sink") == "servicenow"]
    tried, failed = "a sink that failed is tried with one call", "a sink failed and rests"
    assert said == [failed, tried, failed, tried, failed, tried, "a sink that failed is back"]


def test_a_sink_that_has_nothing_to_do_stays_on_trial(both: Site) -> None:
    site, clock = both, SharedClock(both.box)
    with App.open(site.settings, clock=clock) as app:
        reports = app.watch(EVERY)
        site.box.faults.add("POST /api/now/*", "status", status=429, retry_after=600.0)
        button(site, 1)
        next(reports)
        site.box.faults.clear()
        clock.sleep(700.0)
        for _ in range(3):
            next(reports)
    assert len(site.incidents()) == 1


def test_a_help_desk_with_nothing_to_take_is_tried_by_reading_it_once(both: Site) -> None:
    site, clock = both, SharedClock(both.box)
    with App.open(site.settings, clock=clock) as app:
        reports = app.watch(EVERY)
        button(site, 1)
        next(reports)
        site.box.faults.add("* /api/now/*", "status", status=503, times=None)
        assert next(reports).errors["servicenow"].exit_code == 3
        clock.sleep(1800.0)
        before = len(site.box.requests)
        assert next(reports).errors["servicenow"].exit_code == 3
        paths = [entry.path for entry in site.box.requests[before:] if entry.path.startswith("/api/")]
        assert set(paths) == {"/api/now/table/incident"}
        assert len(paths) <= 3  # one read, which may be repeated
        site.box.faults.clear()
        clock.sleep(1800.0)
        assert next(reports).errors == {}, "it answered what it was asked"


def test_a_source_and_a_sink_of_one_name_fail_each_for_itself(both: Site) -> None:
    text = both.settings.read_text("utf-8")
    both.settings.write_text(
        text.replace("  servicenow:", "  mail:").replace("sink: servicenow", "sink: mail"), "utf-8"
    )
    site, clock = both, SharedClock(both.box)
    with App.open(site.settings, clock=clock) as app:
        button(site, 1)
        shutil.rmtree(site.base / "inbox/mail")
        site.box.faults.add("* /api/now/*", "status", status=503, times=None)
        report = app.sync()
    assert (list(report.unread), list(report.errors)) == (["mail"], ["mail"])
    said = report.document()
    assert said["errors"]["mail"]["what"].startswith("mail is out of service")
    assert "out of service" not in said["unread"]["mail"]["what"]


# ── a ledger that is away ──


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_ledger_that_does_not_answer_is_waited_for(both: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    site, clock = both, SharedClock(both.box)
    with App.open(site.settings, clock=clock) as app:
        reports = app.watch(EVERY)
        next(reports)
        button(site, 1)
        with locked(site.base / "connector.db"):
            began = clock.wall()
            assert [next(reports).exit_code for _ in range(3)] == [2, 2, 2]
            assert clock.wall() - began >= breaker.FIRST + 2 * breaker.FIRST  # longer each time
        report = next(reports)
    assert (report.exit_code, len(site.incidents())) == (0, 1)


def test_what_only_a_person_can_mend_ends_it(both: Site) -> None:
    with App.open(both.settings, clock=SharedClock(both.box)) as app:
        reports = app.watch(EVERY)
        next(reports)
        stamp = identity.read_stamp(both.base)
        assert stamp is not None
        identity.write_stamp(both.base, identity.Stamp(stamp.site, stamp.generation + 7, stamp.at))
        with pytest.raises(RestoredLedger):
            next(reports)


# ── time that is over ──


def test_a_run_whose_time_is_over_while_it_collects_stops_at_a_pages_commit(both: Site) -> None:
    class Slow(SharedClock):
        asked = 0

        def monotonic(self) -> float:
            self.asked += 1
            return super().monotonic() + self.asked / 2

    button(both, *range(3))
    mails(both, 1)
    with App.open(both.settings, clock=Slow(both)) as app:
        report = app.sync(max_seconds=1)
        assert report.sources["button"].new == 3
        assert "mail" not in report.sources
        assert not both.writes()
    assert both.sync().exit_code == 0
    assert (len(both.incidents()), len(both.tickets())) == (3, 1)


# ── processes ──


@contextmanager
def running(site: Site, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [str(CONNECTOR), "--config", str(site.settings), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def states(site: Site) -> Counter[str]:
    db = Database.look_at("sqlite:///connector.db", site.base)
    try:
        with db.read() as connection:
            return Counter(connection.execute(select(delivery.c.state)).scalars())
    finally:
        db.close()


def once(site: Site, buttons: int, letters: int) -> None:
    """Everything arrives, and nothing twice."""
    until(lambda: site.sync().exit_code == 0 and not states(site).keys() & {"queued", "unsure", "sending"})
    assert Counter(row["short_description"] for row in site.incidents()) == Counter(
        f"button {number}" for number in range(buttons)
    )
    assert Counter(row["subject"] for row in site.tickets()) == Counter(f"mail {number}" for number in range(letters))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_with_calls_in_flight_it_ends_them_and_leaves_nothing_sending(both: Site, number: int) -> None:
    site = both
    for name in ("servicenow", "zendesk"):
        site.configure(f"mapping: mappings/{name}.yaml", f"mapping: mappings/{name}.yaml\n    bulk: off")
    button(site, *range(24))
    mails(site, *range(24))
    site.box.latency = 0.05
    with running(site, "sync", "--watch", "1") as process:
        until(lambda: len(site.writes()) >= 12)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    site.box.latency = 0.0
    assert process.returncode == 0, said
    left = states(site)
    assert left["sending"] == 0
    assert left["queued"] > 0  # it was in the middle of it
    assert left["unsure"] == 0
    once(site, 24, 24)


def test_told_to_stop_while_a_job_is_worked_off_it_leaves_the_job_to_the_next(both: Site) -> None:
    site = both
    mails(site, *range(24))
    site.box.zendesk.job_speed = 0.5
    with running(site, "sync", "--watch", "1", "--json") as process:
        until(lambda: site.box.zendesk.jobs)
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert states(site)["sending"] == 0
    site.box.clock.advance(600)
    site.box.zendesk.job_speed = 0.0
    with App.open(site.settings) as app:
        app.actions.retry([f"mail:m{number}@example.org" for number in range(24)])
    once(site, 0, 24)


def test_two_that_start_together_share_the_work(both: Site) -> None:
    site = both
    button(site, *range(10))
    mails(site, *range(10))
    with running(site, "sync", "--json") as one, running(site, "sync", "--json") as two:
        told = [process.communicate(timeout=60) for process in (one, two)]
    assert {one.returncode, two.returncode} <= {0, 4}, told
    assert 0 in (one.returncode, two.returncode)
    once(site, 10, 10)


def test_a_watching_one_cron_and_the_door_live_side_by_side(door: Site) -> None:  # noqa: F811
    site = door
    with serving(site.settings) as served, running(site, "sync", "--watch", "0.2", "--json", "-v") as watching:
        for number in range(2):
            served.press(request_id=f"r{number}", description=f"number {number}")
            with running(site, "sync", "--json", "-q") as cron:
                out, said = cron.communicate(timeout=60)
            assert cron.returncode in (0, 4), said
            assert json.loads(out)["sinks"] or cron.returncode == 4
        until(lambda: len(site.incidents()) == 2)
        watching.terminate()
        lines, logs = watching.communicate(timeout=30)
    assert watching.returncode == 0, logs
    assert {json.loads(line)["exit_code"] for line in lines.splitlines()} <= {0, 4}
    assert len(site.incidents()) == 2
    read = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    sent = [line for line in read if line["event"] == "delivered"]
    assert all(line["run"] and line["sink"] == "servicenow" and line["delivery"] for line in sent)


# ── many at once ──


@pytest.fixture(params=["sqlite", "postgres"])
def wide(request: pytest.FixtureRequest, both: Site) -> Site:
    """32 calls at once at each help desk, on either database."""
    for name in ("servicenow", "zendesk"):
        both.configure(
            f"mapping: mappings/{name}.yaml", f"mapping: mappings/{name}.yaml\n    bulk: off\n    concurrency: 32"
        )
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        both.configure("ledger: sqlite:///connector.db", f'ledger: "{server.ledger()}"')
    return both


def test_32_calls_at_once_at_each_help_desk(wide: Site) -> None:
    button(wide, *range(64))
    mails(wide, *range(64))
    wide.box.latency = 0.05
    report: Report = wide.sync()
    assert (report.exit_code, report.errors) == (0, {})
    assert len(wide.incidents()) == len(wide.tickets()) == 64


def test_a_line_of_each_run(both: Site, capsys: pytest.CaptureFixture[str]) -> None:
    from connector.terminal import watching
    from connector.terminal.group import Call

    class Two:
        """Runs twice."""

        def __init__(self, app: App) -> None:
            self.app = app

        def watch(self, every: float, **asked: Any) -> Iterator[Report]:
            reports = self.app.watch(every, **asked)
            yield next(reports)
            yield next(reports)

    button(both, 1)
    with App.open(both.settings, clock=SharedClock(both.box)) as app:
        watching.watch(Two(app), Call(), EVERY, {})  # type: ignore[arg-type]
    first, second = capsys.readouterr().out.splitlines()
    assert "button 1 read, 1 new" in first
    assert "servicenow 1 created" in first
    assert second.endswith("nothing new")
    with App.open(both.settings, clock=SharedClock(both.box)) as app:
        watching.watch(Two(app), Call(verbosity=-1), EVERY, {})  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""
