"""The report of the sample inbox: every ticket is in it, and nothing that anybody wrote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

import cli
from connector.app import App
from connector.ledger.schema import ticket
from connector.ticket import Ticket
from tests.e2e.conftest import Site


def run(site: Site, *args: str) -> Result:
    return CliRunner().invoke(cli.main, ["-c", str(site.settings), "report", *args], catch_exceptions=False)


def tickets(site: Site) -> Iterator[Ticket]:
    with App.open(site.settings) as app, app.wiring.db.read() as connection:
        for body in connection.execute(select(ticket.c.body)).scalars():
            yield Ticket.model_validate_json(body)


def words(said: Ticket) -> list[str]:
    """What must not be in a report: texts and people."""
    people = (said.requester.name, said.requester.email, said.requester.login)
    return [text for text in (said.summary, *said.description.splitlines(), *people) if len(text) > 7]


def report(site: Site, *args: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(site, "--json", *args).stdout)
    return document


def test_the_samples_are_reported(site: Site, tmp_path: Path) -> None:
    site.sync()
    known = list(tickets(site))
    found = report(site, "--by", "month", "--since", "2020-01-01")
    assert {name: figures["tickets"] for name, figures in found["channels"].items()} == Counter(
        each.channel.value for each in known
    )
    assert found["total"]["tickets"] == len(known)
    assert found["total"]["observed"] == len(known)  # the run that wrote them has seen them at the help desk
    page = tmp_path / "report.html"
    told = run(site, "--by", "month", "--since", "2020-01-01", "--html", str(page))
    assert (told.exit_code, told.stdout) == (0, "")
    shown = page.read_text("utf-8") + json.dumps(found, ensure_ascii=False)
    assert f"{len(known):,}" in shown
    table = run(site, "--since", "2020-01-01", "--by", "month").stdout
    assert [text for each in known for text in words(each) if text in shown + table] == []
    assert "Reported from 2020-01-01 to" in table
    assert "chatbot" in table
    assert run(site, "--since", "2019-01-01", "--until", "2019-01-31").stdout.count("\n") == 9


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--since", "1970-01-01", "--by", "day"], "--by"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "later than"),
        (["--zone", "../../etc/passwd"], "no time zone"),
        (["--zone", "Mars/Olympus"], "no time zone"),
        (["--until", "9999-12-31"], "beyond the calendar"),
        (["--html", "no/such/folder/r.html"], "cannot be written"),
    ],
)
def test_what_makes_no_report_is_said(site: Site, args: list[str], said: str) -> None:
    told = run(site, *args)
    assert told.exit_code == 2
    assert said in told.stderr


def test_before_the_first_run_there_is_a_report_of_nothing(site: Site) -> None:
    assert report(site)["total"]["tickets"] == 0
    assert not (site.base / "connector.db").exists()
