"""Every command on a small installation: the facts as JSON, the same facts for people."""

from __future__ import annotations

import json

import pytest


def facts(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def name(connector) -> str:
    """What the one ticket will be called."""
    (would,) = facts(connector("sync", "--dry-run", "--json"))["would"]
    return would["ticket"]


@pytest.fixture
def ticket(connector, name) -> str:
    """The one ticket, after a run."""
    assert facts(connector("sync", "--json"))["sinks"]["servicenow"]["created"] == 1
    return name


def test_sync_says_what_it_did(connector, box):
    report = facts(connector("sync", "--json"))
    assert set(report) >= {"run", "seconds", "sources", "sinks"}
    assert report["sources"]["mail"] == {
        **dict.fromkeys(("changed", "unchanged", "counted", "rejected"), 0), "read": 1, "new": 1
    }  # fmt: skip
    assert set(report["sinks"]["servicenow"]) == {
        *("created", "updated", "commented", "attached", "linked", "blocked", "unsure", "queued", "requests", "seconds")
    }
    again = connector("sync")
    assert again.exit_code == 0
    assert "Nothing new is held." in again.stdout


def test_figures_that_cannot_be_written_are_told_of(connector, home):
    result = connector("sync", "--metrics", "nowhere/figures.prom")
    assert result.exit_code == 1
    assert "the figures of this run cannot be written to nowhere/figures.prom" in result.stderr
    assert connector("sync", "--metrics", "figures.prom").exit_code == 0
    assert (home / "figures.prom").exists()


def test_sync_of_one_source_and_one_sink(connector):
    report = facts(connector("sync", "--source", "button", "--sink", "zendesk", "--json"))
    assert (list(report["sources"]), list(report["sinks"])) == (["button"], ["zendesk"])


def test_a_dry_run_writes_nothing(connector, box, home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and ".db" not in path.name}
    result = connector("sync", "--dry-run")
    assert result.exit_code == 0
    assert "would go to servicenow" in result.stdout
    assert "Nothing was written, here or there." in result.stdout
    assert before == {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and ".db" not in path.name}
    assert not box.writes()
    assert facts(connector("status", "--json"))["sources"]["mail"]["records"]["ticket"] == 0


def test_check_finds_nothing_wrong_with_what_init_wrote(connector):
    assert connector("check").stdout == "Nothing is wrong.\n"
    live = connector("check", "--live")
    assert (live.exit_code, live.stdout) == (0, "Nothing is wrong.\n")
    assert facts(connector("check", "--json")) == {"findings": [], "exit_code": 0}


def test_status_names_the_ledger_of_the_settings_before_there_is_one(connector, home):
    told = facts(connector("status", "--json"))
    assert (told["ledger"], told["ledger_exists"]) == (f"sqlite:///{home}/connector.db", False)
    assert f"ledger sqlite:///{home}/connector.db (there is none yet" in connector("status").stdout
    assert not (home / "connector.db").exists()
    connector("sync")
    assert facts(connector("status", "--json"))["ledger_exists"]
    assert "none yet" not in connector("status").stdout


def test_status_is_the_same_for_people(connector, ticket):
    shown = connector("status").stdout
    assert "Nothing waits for a person." in shown
    assert "servicenow" in shown
    assert connector("status", "--strict").exit_code == 0


def test_status_strict_fails_while_something_waits(connector, home):
    (home / "inbox/button/broken.json").write_text("{")
    assert connector("sync").exit_code == 1
    assert connector("sync").exit_code == 0, "it is known by now"
    assert connector("status").exit_code == 0
    strict = connector("status", "--strict")
    assert strict.exit_code == 1
    assert "button:broken.json  rejected" in strict.stdout
    assert "connector drop SOURCE:PLACE" in strict.stdout
    (dropped,) = facts(connector("drop", "button:broken.json", "--json"))
    assert (dropped["was"], dropped["now"]) == ("rejected", "dropped")
    assert connector("status", "--strict").exit_code == 0
    assert facts(connector("sync", "--json"))["sources"]["button"]["read"] in (0, 1)
    assert connector("status", "--strict").exit_code == 0, "the same bytes stay dropped"
    (home / "inbox/button/broken.json").write_text('{"description": "mended"}')
    assert facts(connector("sync", "--json"))["sources"]["button"]["new"] == 1


def test_explain_tells_where_each_value_came_from(connector, ticket):
    told = facts(connector("explain", ticket, "--json"))
    (sink,) = told["sinks"].values()
    shown = connector("explain", ticket).stdout
    assert sink["number"] in shown
    assert "short_description = Printer on 4 West" in shown
    assert "from summary" in shown
    assert facts(connector("explain", sink["number"], "--json"))["ticket"] == told["ticket"]


@pytest.mark.parametrize("command", ["retry", "release", "drop", "replan"])
def test_actions_on_a_ticket_that_needs_none(connector, ticket, command):
    assert facts(connector(command, ticket, "--json")) == []
    assert connector(command, ticket).stdout == "Nothing to do.\n"


def test_a_blocked_ticket_is_released(connector, name, home):
    mapping = home / "mappings/servicenow.yaml"
    right = mapping.read_text("utf-8")
    mapping.write_text(
        right.replace("\nfields:\n", "\nfields:\n  u_ward: {from: requester.department, required: true}\n")
    )
    assert connector("sync").exit_code == 1
    waiting = connector("status")
    assert "u_ward" in waiting.stdout
    mapping.write_text(right)
    released = connector("release", name)
    assert "blocked" in released.stdout
    assert "queued" in released.stdout
    assert facts(connector("sync", "--json"))["sinks"]["servicenow"]["created"] == 1


def test_an_unsure_ticket_is_confirmed(connector, name, box):
    box.faults.add("* /api/now/table/incident*", "lose_request", times=None)
    connector("sync")
    assert "unsure" in connector("status").stdout
    box.faults.clear()
    assert connector("confirm", name, "--absent", "--json").exit_code == 0
    assert facts(connector("sync", "--json"))["sinks"]["servicenow"]["created"] == 1


def test_mapping_tools(connector, ticket, home):
    assert "mappings/servicenow.yaml" in connector("mapping", "check").stdout
    assert "short_description" in connector("mapping", "fields", "servicenow").stdout
    assert "requester.email" in connector("mapping", "fields").stdout
    assert facts(connector("mapping", "schema"))["$schema"]
    for name in (ticket, "inbox/mail/one.eml"):
        assert "short_description = Printer on 4 West" in connector("mapping", "preview", name).stdout
    (record,) = facts(connector("mapping", "preview", ticket, "--sink", "zendesk", "--json"))["records"]
    assert record["sink"] == "zendesk"


def test_ledger_tools(connector, ticket, home):
    assert connector("ledger", "backup", "copy.db").stdout == "Written to copy.db.\n"
    assert (home / "copy.db").stat().st_size > 0
    assert connector("ledger", "backup", "copy.db").exit_code == 2
    assert connector("ledger", "vacuum").stdout == "Done.\n"
    (home / "copy.db").replace(home / "connector.db")
    refused = connector("sync")
    assert refused.exit_code == 2
    assert "connector ledger restored" in refused.stderr
    assert connector("ledger", "restored").exit_code == 0
    assert connector("sync").exit_code == 0


def test_a_problem_without_tickets_says_how_it_ends(connector, ticket):
    key = facts(connector("problems", "open", ticket, "--json"))["problem"]
    left = connector("problems", "unlink", ticket).stdout
    assert f"{key} is open, 0 tickets: " in left
    assert f"connector problems resolve {key}" in left
    assert f"{key} is open, 1 ticket: " in connector("problems", "link", key, ticket).stdout


def test_what_init_writes_is_told_as_json_too(connector):
    assert "connector.yaml" in facts(connector("init", "elsewhere", "--no-samples", "--json"))["written"]


def test_what_was_queued_before_is_told_of(connector, home):
    (home / "secrets/servicenow").write_text("wrong\n")
    refused = connector("sync")
    assert refused.exit_code == 3
    assert ", 1 left to the next run. Nothing new is held." in refused.stdout
    shown = connector("sync", "--dry-run").stdout
    assert "All that would be sent was queued before: 1." in shown


def test_version(connector):
    assert connector("--version").stdout == connector("version").stdout
    assert connector("version").stdout.startswith("connector ")
    assert facts(connector("version", "--json"))["version"]


def test_a_dry_run_shows_a_hundred_and_counts_all(connector, home):
    presses = ({"request_id": f"c-{n}", "summary": f"Labels {n}", "description": "None print."} for n in range(103))
    (home / "inbox/button/many.ndjson").write_text("".join(json.dumps(one) + "\n" for one in presses))
    report = connector("sync", "--dry-run", "--source", "button")
    assert report.stdout.count("would go to servicenow") == 100
    assert "... and 3 more" in report.stdout
