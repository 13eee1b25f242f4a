"""Exactly once, whatever is killed and whatever the help desks do: short runs of what `make crash` does at length."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connector.app import App
from connector.sandbox import Sandbox
from tests.crash.harness import Story, stories
from tests.postgres import Server

# The suite is told apart into this many parts, so that all cores have work.
PARTS = 6
SEEDS = 150
ON_POSTGRESQL = 6
KILLS = 20
CONNECTOR = Path(sys.executable).with_name("connector")


@pytest.mark.parametrize("part", range(PARTS))
def test_killed_anywhere_while_everything_fails(part: int, box: Sandbox, folder: Path) -> None:
    each = SEEDS // PARTS
    lived: list[int] = []
    met: set[str | None] = set()

    def told(seed: int) -> None:
        lived.append(seed)
        met.update(entry.fault for entry in box.writes())

    stories(box, folder, range(part * each, (part + 1) * each), told)
    assert len(lived) == each
    assert len(met) > 5, "runs are killed before they write anything: POINTS is too low"


def test_killed_anywhere_with_the_ledger_on_postgresql(box: Sandbox, folder: Path, postgres: Server) -> None:
    lived: list[int] = []
    stories(box, folder, range(SEEDS, SEEDS + ON_POSTGRESQL), lived.append, postgres)
    assert len(lived) == ON_POSTGRESQL


def test_the_installed_command_killed_twenty_times(box: Sandbox, folder: Path) -> None:
    story = Story(box, folder / "site", "whole")
    story.install()
    for number in range(1, 13):
        story.press_button(number, "user")
        story.send_mail(number, 1)
    chance = random.Random(7)
    box.faults.chaos(seed=7, rate=0.15)
    command = [str(CONNECTOR), "--config", str(story.folder / "connector.yaml"), "sync", "--quiet"]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            with_luck_in_the_middle = chance.uniform(0.7, 1.6)
            try:
                process.wait(with_luck_in_the_middle)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
    story.heal()
    story.check()


def test_a_restored_ledger_sends_nothing_twice(box: Sandbox, folder: Path) -> None:
    story = Story(box, folder / "site", "restored")
    story.install()
    for number in range(1, 101):
        story.press_button(number, "user")
    backup = folder / "backup.db"
    with App.open(story.folder / "connector.yaml") as app:
        app.sync(sinks=["zendesk"])  # the records are taken in; nothing of them is sent yet
        app.ledger.backup(backup)
        sent = app.sync().document()["sinks"]["servicenow"]
    assert sent["created"] + sent["attached"] == 200
    for file in story.folder.glob("ledger.db*"):
        file.unlink()
    shutil.copy(backup, story.folder / "ledger.db")
    refused = subprocess.run(
        [str(CONNECTOR), "--config", str(story.folder / "connector.yaml"), "sync"], capture_output=True, text=True
    )
    assert refused.returncode == 2
    assert "connector ledger restored" in refused.stderr
    with App.open(story.folder / "connector.yaml") as app:
        assert app.ledger.restored() == 200
    before = len(box.writes())
    story.heal()
    assert len(box.writes()) == before
    story.check()


def test_without_a_record_known_to_exist_a_lost_first_create_waits_for_a_person(box: Sandbox, folder: Path) -> None:
    box.servicenow.honours_sys_id = False
    box.faults.add("POST /api/now/table/incident", "lose_request", times=1)
    story = Story(box, folder / "site", "first")
    with pytest.raises(AssertionError, match="ended with 1"):  # something is left for a person, and is said once
        story.install()
    story.pass_time(3600.0)
    assert story.run(kill_at=0) == 0
    waits = [row for row in story.waits() if row[0] == "servicenow" and row[1] == "create"]
    assert waits
    assert waits[0][3] == "unsure"
    with App.open(story.folder / "connector.yaml") as app:
        app.actions.confirm("button:Epic:first-0", absent=True)
    story.heal()
    story.check()


def test_a_process_stopped_for_an_hour_after_its_claim_sends_nothing(box: Sandbox, folder: Path) -> None:
    """The claim is given back when the clock jumps between claim and send; another run delivers it once."""
    from connector.engine import call

    story = Story(box, folder / "site", "stopped")
    story.install()
    story.press_button(1, "user")

    class Jumping:
        ahead = 0.0

        def wall(self) -> float:
            return time.time() + self.ahead

        def monotonic(self) -> float:
            return time.monotonic() + self.ahead

        def sleep(self, seconds: float) -> None:
            self.ahead += seconds

    clock = Jumping()
    claimed = call.claims.claim

    def claim_then_stop(*args: object, **kwargs: object) -> object:
        done = claimed(*args, **kwargs)  # type: ignore[arg-type]
        clock.ahead += 3600.0
        return done

    before = len(box.writes())
    call.claims.claim = claim_then_stop  # type: ignore[assignment]
    try:
        with App.open(story.folder / "connector.yaml", clock=clock) as app:
            app.sync(max_seconds=3000)
    finally:
        call.claims.claim = claimed
    assert len(box.writes()) == before
    story.ahead = clock.ahead
    story.heal()
    story.check()
