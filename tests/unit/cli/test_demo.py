"""The demonstration, and the sandbox alone, as processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("connector")


def test_the_demonstration_shows_what_it_promises(tmp_path):
    done = subprocess.run(
        [SCRIPT, "demo", "--no-keep", "--dir", "shown"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "The same once more: 0 write requests." in done.stdout
    assert "tickets look like one outage" in done.stdout
    for word in ("button", "mail", "bot", "INC00", "rejected", "/incident.do", "/agent/tickets/"):
        assert word in done.stdout
    status = subprocess.run(
        [SCRIPT, "-c", "shown/connector.yaml", "status", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    sources = json.loads(status.stdout)["sources"]
    assert sum(sum(source["records"].values()) for source in sources.values()) >= 40
    again = subprocess.run(
        [SCRIPT, "demo", "--dir", "shown"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert again.returncode == 2
    assert "is not an empty folder" in again.stderr


def test_the_demonstration_is_told_as_one_document():
    done = subprocess.run([SCRIPT, "demo", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["check"]["findings"], told["repeated_writes"], told["folder"]) == ([], 0, None)
    assert told["sync"]["sinks"]["servicenow"]["created"] > 10
    assert {record["outcome"] for record in told["records"]} == {"ticket", "reply", "counted", "rejected"}
    assert len(told["problems"][0]["tickets"]) >= 3


@pytest.fixture
def serving():
    """`connector sandbox` as a process, and where it says that it listens."""
    command = [SCRIPT, "sandbox", "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process, json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_serves_until_it_is_told_to_stop(serving, number):
    process, url = serving
    with urllib.request.urlopen(url + "/") as page:
        assert page.status == 200
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert said == ""


def test_a_port_that_is_taken_is_one_message(emulated):
    port = emulated.port
    done = subprocess.run([SCRIPT, "sandbox", "--port", str(port)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"port {port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sandbox_takes_settings_as_json(tmp_path):
    (tmp_path / "slow.json").write_text('{"latency": 0.1, "zendesk": {"job_sped": 4}}')
    done = subprocess.run(
        [SCRIPT, "sandbox", "--port", "0", "--settings", "slow.json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there is no setting zendesk.job_sped" in done.stderr
