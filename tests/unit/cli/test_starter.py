"""What `init` writes is complete, private where it has to be, and never in the way of what is there."""

from __future__ import annotations

import re
import stat
from importlib import resources

import pytest
from click.testing import CliRunner

from cli import main
from connector import config
from connector.errors import SettingsError
from connector.terminal.starter import mint, start


def test_what_init_writes_loads(tmp_path):
    written = start(tmp_path / "help desk", port=4711)
    folder = tmp_path / "help desk"
    settings = config.load(folder / "connector.yaml")
    assert re.fullmatch(r"site-[0-9a-f]{6}", settings.site)
    assert set(settings.sources) == {"button", "mail", "bot"}
    assert {sink["url"] for sink in settings.sinks.values()} == {"http://127.0.0.1:4711"}
    assert all((folder / name).exists() for name in written)
    assert all(any((folder / source["path"]).rglob("*")) for source in settings.sources.values())


def test_the_mappings_and_their_schema_come_along(tmp_path):
    start(tmp_path)
    shipped = {file.name for file in resources.files("connector.templates").iterdir() if file.name[0] not in "_."}
    assert {path.name for path in (tmp_path / "mappings").iterdir()} >= {"servicenow.yaml", "zendesk.yaml"}
    assert {path.name for path in (tmp_path / "mappings").iterdir()} == {
        name for name in shipped if name.endswith((".yaml", ".json")) or name == "messages"
    }


def test_secrets_are_private_and_ignored_by_git(tmp_path):
    start(tmp_path)
    for secret in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "secrets/" in (tmp_path / ".gitignore").read_text().splitlines()


def test_what_is_there_stays(tmp_path):
    (tmp_path / "connector.yaml").write_text("mine")
    (tmp_path / "mappings").mkdir()
    (tmp_path / "mappings/zendesk.yaml").write_text("mine too")
    with pytest.raises(SettingsError) as caught:
        start(tmp_path)
    (finding,) = caught.value.findings
    assert finding.where == str(tmp_path / "connector.yaml")
    assert finding.what == "is already there, and 1 more of what `init` writes"
    assert "--force" in finding.remedy
    assert (tmp_path / "connector.yaml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["connector.yaml", "mappings"], "nothing half done"


def test_an_inbox_without_samples_is_empty(tmp_path):
    start(tmp_path, samples=False)
    assert sorted(path.name for path in (tmp_path / "inbox").rglob("*")) == ["bot", "button", "mail"]


def test_force_overwrites_but_keeps_the_site(tmp_path):
    start(tmp_path)
    settings = tmp_path / "connector.yaml"
    site = config.load(settings).site
    settings.write_text(settings.read_text().replace("ledger:", "# changed\nledger:"))
    start(tmp_path, force=True)
    assert config.load(settings).site == site
    assert "# changed" not in settings.read_text()


def test_a_place_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        start(tmp_path / "file" / "below")


def test_no_two_sites_are_alike():
    assert mint() != mint()


def test_the_messages_come_along(tmp_path):
    start(tmp_path)
    shipped = {file.name for file in (resources.files("connector.templates") / "messages").iterdir()}
    assert {path.name for path in (tmp_path / "mappings" / "messages").iterdir()} == shipped


def test_init_says_what_it_wrote_in_few_lines_and_what_is_next(tmp_path):
    with_samples = CliRunner().invoke(main, ["init", str(tmp_path / "a")])
    empty = CliRunner().invoke(main, ["init", str(tmp_path / "b"), "--no-samples"])
    assert with_samples.output.count("mappings/messages/") == 1
    assert "connector sandbox" in with_samples.output
    assert "connector sandbox" not in empty.output
    assert "name your channels" in empty.output
