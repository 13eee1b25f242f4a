"""An installation whose ledger is on PostgreSQL, as the README says to set it up, by the command that people use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url

import cli
from connector import config
from tests.e2e.conftest import Site
from tests.postgres import Server

README = Path(__file__).parents[2] / "README.md"
PASSWORD = "correct horse"


@pytest.fixture
def ledger(site: Site, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The `ledger:` of the settings: an empty database whose owner has to give a password."""
    owner = postgres.account(PASSWORD)
    url = make_url(postgres.empty(f"OWNER {owner}")).set(username=owner).render_as_string()
    site.configure("ledger: sqlite:///connector.db", f'ledger: "{url}"')
    monkeypatch.setenv("SANDBOX_SECRET", "sandbox")
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("HOME", str(site.base))
    return url


def run(site: Site, *words: str) -> Result:
    return CliRunner().invoke(cli.main, ["-c", str(site.settings), *words])


def document(site: Site, *words: str) -> Any:
    result = run(site, *words, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def test_the_sample_inbox_arrives_once(site: Site, ledger: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert document(site, "status")["sinks"]["servicenow"]["sent"] == 0  # before there is a ledger
    document(site, "sync")
    made = len(site.writes())
    assert site.incidents()
    assert site.tickets()
    document(site, "sync")
    assert len(site.writes()) == made
    status = document(site, "status")
    assert status["ledger"] == ledger
    assert status["sinks"]["servicenow"]["sent"] > 0
    number = site.incidents()[0]["number"]
    assert document(site, "explain", number)["deliveries"]


def test_the_line_of_the_readme_is_a_setting(site: Site) -> None:
    line = next(row for row in README.read_text("utf-8").splitlines() if row.startswith("ledger: postgresql"))
    site.configure("ledger: sqlite:///connector.db", line)
    assert config.load(site.settings).ledger == line.removeprefix("ledger: ")


def test_looking_after_it(site: Site, ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    site.empty_inbox()
    document(site, "sync")
    assert run(site, "ledger", "vacuum").exit_code == 0
    refused = run(site, "ledger", "backup", str(tmp_path / "copy.db"))
    assert refused.exit_code == 2
    assert "pg_dump" in refused.output


def test_the_password_may_lie_in_pgpass(site: Site, ledger: str, postgres: Server) -> None:
    site.empty_inbox()
    passwords = site.base / ".pgpass"
    passwords.write_text(f"*:*:*:*:{PASSWORD}\n")
    passwords.chmod(0o600)
    document(site, "sync")


def test_a_wrong_password_is_told_with_its_remedy(
    site: Site, ledger: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not postgres.own:
        pytest.skip("the server that TEST_DATABASE_URL names may trust everybody")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    result = run(site, "sync")
    assert result.exit_code == 2
    assert "PGPASSWORD or ~/.pgpass" in " ".join(result.output.split())
    assert "hunter2" not in result.output


def test_moving_there_and_back(site: Site, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SECRET", "sandbox")
    document(site, "sync")
    made = len(site.writes())
    url = postgres.empty()
    moved = document(site, "ledger", "copy", url)
    assert moved["rows"]["delivery"] > 0
    refused = run(site, "sync")
    assert refused.exit_code == 2
    assert "was moved to postgresql" in refused.output
    site.configure("ledger: sqlite:///connector.db", f'ledger: "{url}"')
    document(site, "sync")
    assert len(site.writes()) == made
    told = run(site, "ledger", "copy", "sqlite:///back.db")
    assert 'ledger: "sqlite:///back.db"' in told.stdout
    site.configure(f'ledger: "{url}"', "ledger: sqlite:///back.db")
    document(site, "sync")
    assert len(site.writes()) == made


def test_an_address_with_a_password_is_no_target(site: Site) -> None:
    refused = run(site, "ledger", "copy", "postgresql+psycopg://me:hunter2@localhost/x")
    assert refused.exit_code == 2
    assert "hunter2" not in refused.output
