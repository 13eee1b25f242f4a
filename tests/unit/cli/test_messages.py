"""Whatever is wrong: one clear message with the remedy, the right exit code, no traceback, nothing half done."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest


def change(home: Path, was: str, now: str, file: str = "connector.yaml") -> None:
    path = home / file
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, now), "utf-8")


def spoken(result, code: int, *parts: str) -> None:
    """Exit code, message and no traceback."""
    assert result.exit_code == code, result.output
    for part in parts:
        assert part in result.stderr + result.stdout
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["check", "sync", "status"])
def test_bad_settings(connector, home, box, command):
    change(home, "type: email", "type: emial")
    spoken(connector(command), 2, "connector.yaml:", 'there is no source of type "emial"', 'did you mean "email"?')
    assert not box.writes()


def test_no_settings(connector, home):
    spoken(connector("-c", "nowhere.yaml", "sync"), 2, "nowhere.yaml: there is no such file", "`connector init`")


@pytest.mark.parametrize("command", [["check"], ["sync"], ["mapping", "check"]])
def test_bad_mapping(connector, home, box, command):
    change(home, "from: [summary, description]", "from: [sumary, description]", "mappings/servicenow.yaml")
    spoken(connector(*command), 2, "mappings/servicenow.yaml:", '"sumary"', 'did you mean "summary"?')
    assert not box.writes()


@pytest.mark.parametrize("command", [["check", "--live"], ["sync"]])
def test_a_missing_secret(connector, home, box, command):
    (home / "secrets/servicenow").unlink()
    spoken(
        connector(*command), 2, "connector.yaml:", "secret's file secrets/servicenow does not exist", "write the secret"
    )
    assert not box.writes()


@pytest.mark.parametrize("command", [["check", "--live"], ["sync"]])
def test_a_wrong_password(connector, home, box, command):
    (home / "secrets/servicenow").write_text("hunter2\n")
    result = connector(*command)
    spoken(result, 3, "servicenow", "401")
    assert "hunter2" not in result.output
    assert json.loads(connector("status", "--json").stdout)["sinks"]["servicenow"]["blocked"] == 0


@pytest.mark.parametrize("command", [["check", "--live"], ["sync"]])
def test_an_unreachable_host(connector, home, box, command):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        change(home, box.url, f"http://127.0.0.1:{port}")
        result = connector(*command)
    spoken(result, 3, f"servicenow cannot be reached (127.0.0.1:{port}: connection refused)", "check the sink's url")
    assert "servicenow: servicenow" not in result.output


@pytest.mark.parametrize("command", [["check", "--live"], ["sync"]])
def test_a_sleeping_instance(connector, box, command):
    box.faults.add("* /api/now/*", "html", times=None)
    spoken(connector(*command), 3, "servicenow is asleep", "wake the instance")


def test_an_unknown_ticket(connector):
    spoken(connector("explain", "mail:nothing"), 2, "mail:nothing")


@pytest.mark.parametrize(
    "args",
    [
        ["confirm", "mail:1"],
        ["confirm", "mail:1", "--absent", "--sent", "INC1"],
        ["replan"],
        ["replan", "mail:1", "--all"],
        ["sync", "--source", "male"],
        ["sync", "--limit", "0"],
        ["serve", "--port", "65536"],
        ["sandbox", "--port", "-1"],
        ["demo", "--port", "99999"],
        ["nonsense"],
        ["mapping", "nonsense"],
    ],
)
def test_wrong_usage(connector, args):
    spoken(connector(*args), 2)


def test_the_process_ends_with_the_code(home):
    change(home, "type: email", "type: emial")
    script = Path(sys.executable).with_name("connector")
    done = subprocess.run([script, "sync"], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("connector: connector.yaml:")
    assert done.stderr.count("\n") == 1


def test_a_preview_of_nothing_says_that_there_is_no_such_file(connector):
    spoken(connector("mapping", "preview", "nofile"), 2, "there is no file nofile, and no ticket", "name a file")
    spoken(connector("mapping", "preview", "inbox"), 2, "inbox is a folder", "name one file in it")
    spoken(connector("mapping", "preview", "mail:nobody"), 2, "there is no ticket mail:nobody")


def test_a_folder_for_figures_that_is_not_there(connector, home):
    settings = home / "connector.yaml"
    settings.write_text(settings.read_text("utf-8") + "metrics: {textfile: nowhere/figures.prom}\n", "utf-8")
    spoken(connector("check"), 2, "metrics.textfile: the folder of nowhere/figures.prom does not exist", "make it")


def test_a_day_is_written_as_the_calendar_has_it(connector):
    spoken(connector("report", "--since", "1.10.2026"), 2, "'1.10.2026' is no day; write it as 2026-10-01")


def test_a_backup_that_cannot_be_written(connector, home):
    (home / "file").write_text("")
    for place in ("nowhere/copy.db", "file/copy.db"):
        spoken(connector("ledger", "backup", place), 2, f"{place} cannot be written", "name a file in a folder")


def test_check_finds_a_secret_that_is_too_short(connector, home, monkeypatch):
    monkeypatch.setenv("BUTTON_SECRET", "hunter2")
    change(home, "path: inbox/button", 'path: inbox/button, intake: {hmac: "env:BUTTON_SECRET"}')
    spoken(connector("check"), 2, "connector.yaml:", "16 characters at least", "openssl rand")


def test_a_file_that_is_no_record_is_told_of_by_the_source_whose_channel_it_is_in(connector, home):
    (home / "inbox/mail/prose.eml").write_text("Dear desk,\n\nit hangs.\n")
    shown = connector("mapping", "preview", "inbox/mail/prose.eml")
    spoken(shown, 1, "prose.eml would make no ticket", "rejected by source mail: it has no header of a mail")
    told = connector("mapping", "preview", "inbox/mail/prose.eml", "--json")
    assert [record["outcome"] for record in json.loads(told.stdout)["records"]] == ["rejected"]
    assert told.exit_code == connector("sync").exit_code == 1
    assert connector("mapping", "preview", "inbox/mail/one.eml").exit_code == 0


def test_a_ticket_of_no_problem_is_named(connector, home):
    connector("sync")
    spoken(connector("problems", "unlink", "mail:4711"), 2, "mail:4711 belongs to no problem")


def test_an_instance_is_not_written_to_in_the_open(connector, home, box):
    change(home, f"url: {box.url}", "url: http://north.service-now.example")
    spoken(connector("check"), 2, "connector.yaml:", "http sends tickets and passwords in the open; write https")
    change(home, "url: http://north", "unencrypted: true\n    url: http://north")
    spoken(connector("check"), 0, "Nothing is wrong.")


def test_a_door_names_the_line_of_a_secret_that_is_missing(connector, home, monkeypatch):
    monkeypatch.delenv("BUTTON_SECRET", raising=False)
    change(home, "path: inbox/button", 'path: inbox/button, intake: {hmac: "env:BUTTON_SECRET"}')
    spoken(connector("serve", "--port", "0"), 2, "connector.yaml:12:", "BUTTON_SECRET is not set")
