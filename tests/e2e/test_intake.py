"""`connector serve` as it is installed: posted, killed, told to stop, beside a run that makes tickets of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

import cli
from connector.app import App
from connector.ledger import inbox
from tests.e2e.conftest import Site

CONNECTOR = Path(sys.executable).with_name("connector")
SECRET = "a-secret-of-the-button-0123456789"
SOURCES = """
sources:
  button: {type: ehr_button, intake: {hmac: "env:BUTTON_SECRET"}}
"""
# After so many posts were answered the process is killed, while others are under way.
ANSWERED = 60


@dataclass(slots=True)
class Served:
    """A process that takes posts, and the addresses that it told."""

    process: subprocess.Popen[str]
    url: str
    page: str | None

    def press(self, **said: Any) -> requests.Response:
        """Post a request as a button does. Raises ConnectionError when nobody answers."""
        body, at = json.dumps(said).encode(), str(int(time.time()))
        mac = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        signed = {"X-Connector-Timestamp": at, "X-Connector-Signature": f"sha256={mac}"}
        headers = {"Content-Type": "application/json", **signed}
        return requests.post(f"{self.url}/intake/button", data=body, headers=headers, timeout=30)

    def follow(self, receipt: str) -> dict[str, Any]:
        document: dict[str, Any] = requests.get(f"{self.url}/intake/receipts/{receipt}", timeout=30).json()
        return document


@contextmanager
def serving(settings: Path, *args: str) -> Iterator[Served]:
    command = [str(CONNECTOR), "--config", str(settings), "serve", "--port", "0", "--json", *args]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        try:
            yield Served(process, told["url"], told["try"])
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGKILL)  # told to stop, unless somebody killed it


@pytest.fixture
def door(quiet_site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An installation whose button posts, and has no files."""
    monkeypatch.setenv("BUTTON_SECRET", SECRET)
    before = quiet_site.settings.read_text("utf-8")
    quiet_site.settings.write_text(re.sub(r"\nsources:\n(?: .*\n)+", SOURCES, before), "utf-8")
    return quiet_site


def test_a_button_that_is_pressed_becomes_one_incident(door: Site) -> None:
    picture = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(300_000)).decode()
    files = [{"filename": "screen.png", "content_type": "image/png", "kind": "screenshot", "content_base64": picture}]
    with serving(door.settings) as served:
        first = served.press(request_id="r1", description="The printer prints blanks", attachments=files).json()
        wrong = served.press(request_id="r2").json()
        assert served.follow(first["receipt"])["state"] == "received"
        report = door.sync()
        assert report.sources["button"].new == report.sources["button"].rejected == 1
        said = served.follow(first["receipt"])
        assert said["state"] == "sent"
        assert [ticket["number"] for ticket in said["tickets"]] == [row["number"] for row in door.incidents()]
        assert served.follow(wrong["receipt"])["state"] == "held"
        assert [row["file_name"] for row in door.files(door.incidents()[0]["sys_id"])] == ["screen.png"]
        before = len(door.writes())
        again = served.press(request_id="r1", description="The printer prints blanks", attachments=files).json()
        assert again == {"receipt": first["receipt"], "repeated": True}
        other = served.press(description="The printer prints blanks", attachments=files, request_id="r1").json()
        assert other["receipt"] != first["receipt"]  # another spelling is another post, and the same request
        door.sync()
        assert served.follow(other["receipt"])["tickets"] == said["tickets"]
    assert len(door.writes()) == before
    with pytest.raises(requests.ConnectionError):
        served.press(description="too late")
    with App.open(door.settings) as app:
        place = f"intake/{wrong['receipt']}"
        assert [row["place"] for row in app.status()["rejected"]] == [place]
        assert app.actions.retry([f"button:{place}"])[0]["now"] == "rejected"


def test_without_an_intake_it_says_what_is_missing(quiet_site: Site) -> None:
    done = CliRunner().invoke(cli.main, ["--config", str(quiet_site.settings), "serve", "--port", "0"])
    assert done.exit_code == 2
    assert "intake: {hmac" in done.stderr


def test_a_port_that_is_taken_is_named(door: Site) -> None:
    port = str(door.box.port)
    done = CliRunner().invoke(cli.main, ["--config", str(door.settings), "serve", "--port", port])
    assert done.exit_code == 2
    assert f"port {port}" in done.stderr


# ── killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_killed_under_load_it_has_lost_nothing_that_it_accepted(door: Site) -> None:
    accepted = _accepted_until_killed(door.settings)
    with App.open(door.settings) as app:
        for receipt in accepted.values():
            assert inbox.follow(app.wiring.db, receipt) is not None
        stored = inbox.counts(app.wiring.db)["button"]
        assert stored >= len(accepted) >= ANSWERED
        app.sync()
        states = {name: inbox.follow(app.wiring.db, receipt) for name, receipt in accepted.items()}
    assert all(found is not None and found.tickets[0][0] == "sent" for found in states.values())
    summaries = [row["short_description"] for row in door.incidents()]
    assert len(summaries) == len(set(summaries)) == stored
    assert set(accepted) <= set(summaries)


def test_the_same_with_the_ledger_on_postgresql(door: Site, postgres_url: str) -> None:
    text = door.settings.read_text("utf-8")
    door.settings.write_text(re.sub(r"\nledger: .*", f'\nledger: "{postgres_url}"', text), "utf-8")
    accepted = _accepted_until_killed(door.settings)
    with App.open(door.settings) as app:
        assert len(accepted) >= ANSWERED
        assert all(inbox.follow(app.wiring.db, receipt) for receipt in accepted.values())


def _accepted_until_killed(settings: Path) -> dict[str, str]:
    """The receipts of what was accepted, by what was said; the process was killed with -9 in the middle of it."""
    accepted: dict[str, str] = {}

    def press(served: Served, number: int) -> None:
        said = f"request {number}"
        with suppress(requests.RequestException):
            answer = served.press(request_id=said, summary=said, description="x" * 3000)
            assert answer.status_code == 202
            accepted[said] = answer.json()["receipt"]
            if len(accepted) == ANSWERED:
                served.process.kill()

    with serving(settings) as served, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: press(served, number), range(4 * ANSWERED)))
    assert served.process.returncode == -signal.SIGKILL
    return accepted
