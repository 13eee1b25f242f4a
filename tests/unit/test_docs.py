"""The documentation says what is so: commands, options, settings, exit codes, links; and every example runs."""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel

import cli
from connector import config, yamlfile
from connector.answering import Answers, Smtp, Way
from connector.audience import Audience
from connector.closure import Closure
from connector.config import Metrics, Problems, SettingsFile
from connector.errors import Busy, ConnectorError, RemoteError, SettingsError
from connector.escalation import Escalation
from connector.fields import TICKET
from connector.mapping import load
from connector.mapping.derived import NAMES
from connector.mapping.model import CommentRule, FieldRule, MappingFile, Rule
from connector.mapping.transforms import TRANSFORMS
from connector.plugins import IntakeSettings, SinkSettings, SourceSettings
from connector.routing import Route
from connector.sandbox import Sandbox
from connector.sinks.servicenow import fields as servicenow_fields
from connector.sources.email.parse import Limits
from connector.sources.site import SiteSettings
from connector.terminal.group import BUG, INTERRUPTED, UNREAD, shared

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

SECTIONS: dict[str, type[BaseModel]] = {
    "The file": SettingsFile,
    "`problems`": Problems,
    "`closure`": Closure,
    "`observe`": config.Observe,
    "`answers`": Answers,
    "`smtp` of `answers`": Smtp,
    "A source in `answers`": Way,
    "An escalation": Escalation,
    "An audience": Audience,
    "`metrics`": Metrics,
    "A route": Route,
    "Every source": SourceSettings,
    "Every sink": SinkSettings,
    "`limits` of an e-mail": Limits,
    "`intake` of a source": IntakeSettings,
}


def leaves(command: click.Command, path: str = "connector") -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from leaves(inner, f"{path} {name}")
    else:
        yield path, command


COMMANDS = dict(leaves(cli.main))
GROUPS = {"connector", "connector mapping", "connector ledger"}


def table(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = re.split(r"\n#{1,6} ", README.partition(f" {heading}\n")[2])[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def named_by(path: str) -> str | None:
    """The command that a line of text means, or None."""
    words = path.split()
    for size in (3, 2):
        if " ".join(words[:size]) in COMMANDS:
            return " ".join(words[:size])
    return None


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_of_commands_is_complete():
    named = [named_by(row[0].strip("`")) for row in table("Step by step")]
    assert sorted(filter(None, named)) == sorted(COMMANDS)
    assert len(named) == len(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_named_exists(page):
    text = page.read_text("utf-8")
    known = {
        name
        for command in COMMANDS.values()
        for option in command.params
        for name in option.opts + option.secondary_opts
    }
    known |= {name for option in (*shared(), *cli.main.params) for name in option.opts} | {"--help"}
    for span in re.findall(r"`([^`\n]+)`", text) + re.findall(r"^\$ (.*)$", text, re.M):
        if re.match(r"connector( [a-z]|$)", span):
            assert named_by(span) or span in GROUPS, span
        if not span.startswith(("make", "pip", "git")):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)) <= known, span


def test_the_table_of_exit_codes_is_complete():
    codes = {int(code) for row in table("Exit codes and cron") for code in row[0].split(",")}
    assert codes == {0, BUG, INTERRUPTED, UNREAD} | {
        kind.exit_code for kind in (ConnectorError, SettingsError, RemoteError, Busy)
    }


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def own_settings() -> Iterator[tuple[str, type[BaseModel]]]:
    for group, base in ((config.SOURCES, SourceSettings), (config.SINKS, SinkSettings)):
        for kind, entry in config.plugins(group).items():
            if entry.dist is not None and entry.dist.name == "connector":
                model = entry.load().settings
                assert issubclass(model, base)
                yield f"`type: {kind}`", model


def default(model: type[BaseModel], name: str) -> str:
    field = model.model_fields[name]
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, tuple | frozenset | list | dict):
        words = ", ".join(sorted(map(str, value)))
        return words if len(words) <= 60 else "built in"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def listed(heading: str) -> dict[str, str]:
    return {row[0].strip("`"): row[1].strip("`") for row in table(heading)}


def own(model: type[BaseModel], base: type[BaseModel]) -> dict[str, str]:
    """What a model adds to its base: settings of its own, and defaults of its own."""
    return {
        name: default(model, name)
        for name in model.model_fields
        if name not in base.model_fields or (default(model, name) != default(base, name) and name != "settle_after")
    }


@pytest.mark.parametrize(("heading", "model"), SECTIONS.items(), ids=SECTIONS)
def test_every_setting_is_listed_with_its_default(heading, model):
    expected = {name: default(model, name) for name in model.model_fields}
    if model is SinkSettings:
        expected["settle_after"] = "by type"
    assert listed(heading) == expected


def test_what_the_built_in_sources_share_is_listed():
    assert listed("Every built-in source") == own(SiteSettings, SourceSettings)


def test_every_plugin_is_listed_with_the_settings_of_its_own():
    for heading, model in own_settings():
        expected = own(model, SiteSettings if issubclass(model, SiteSettings) else SinkSettings)
        if issubclass(model, SinkSettings):
            expected["settle_after"] = default(model, "settle_after")
        assert listed(heading) == expected, heading


# ── links, and what has no place here ────────────────────────────────────────────────────────────────────────────


def anchors(text: str) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked.read_text("utf-8")), target


@pytest.mark.parametrize("page", [*PAGES, ROOT / "connector/terminal/connector.yaml"], ids=lambda page: page.name)
def test_the_product_is_all_that_is_spoken_of(page):
    assert not re.search(r"\.\./|/work/|/home/|/root/|\breference/|DESIGN", page.read_text("utf-8"))


# ── the mapping guide ────────────────────────────────────────────────────────────────────────────────────────────

GUIDE = (ROOT / "docs/mapping.md").read_text("utf-8")


def listed_in_guide(heading: str, number: int = 0) -> dict[str, list[str]]:
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.M)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in tables[number].splitlines()[2:]]
    return {row[0].strip("`"): row[1:] for row in rows}


def keys(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: default(model, name) for name, field in model.model_fields.items()}


def test_the_guide_lists_every_key_with_its_default():
    assert {key: row[0] for key, row in listed_in_guide("A rule").items()} == keys(FieldRule)
    file = {**keys(MappingFile), "comment": "comment.text"}
    assert {key: row[0] for key, row in listed_in_guide("The file").items()} == file
    own = {key: value for key, value in keys(CommentRule).items() if key not in Rule.model_fields and key != "from"}
    assert {key: row[0] for key, row in listed_in_guide("A rule", 1).items()} == own


def test_the_guide_lists_every_transform_with_its_arguments():
    said = {name: re.findall(r"`(\w+)`", row[0]) for name, row in listed_in_guide("Transforms").items()}
    assert said == {name: list(transform.arguments.model_fields) for name, transform in TRANSFORMS.items()}


def test_the_guide_lists_every_name_that_is_worked_out():
    assert set(listed_in_guide("Ticket fields")) == set(NAMES) - set(TICKET)


def written_in(text: str) -> list[str]:
    """The YAML examples, as files."""
    return [textwrap.dedent(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```", text, re.M | re.S)]


@pytest.mark.parametrize("example", written_in(README) + written_in(GUIDE))
def test_the_examples_in_yaml_are_faultless(tmp_path, example):
    path = tmp_path / "example.yaml"
    path.write_text(example, "utf-8")
    data = yamlfile.read(path).data
    if "fields" in data:
        assert load(path, servicenow_fields.FIELDS).names
        return
    for name, raw in data.items():
        model = config.plugins(config.SINKS)[raw["type"]].load().settings
        assert config.plugin_settings("sink", name, raw, model)


@pytest.mark.parametrize("name", re.findall(r"`(connector(?:\.\w+)+)`", README.replace("connector.yaml", "")))
def test_what_is_named_in_python_exists(name):
    module, _, attribute = name.rpartition(".")
    assert name in (config.SOURCES, config.SINKS) or hasattr(importlib.import_module(module), attribute)


# ── the examples ─────────────────────────────────────────────────────────────────────────────────────────────────


def examples(text: str) -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.M | re.S)
    return [line for block in blocks for line in re.findall(r"^\$ (.*)$", block, re.M)]


ELSEWHERE = {
    "connector demo": "tests/unit/cli/test_demo.py runs it",
    "connector sandbox": "the same; here one runs already",
    "make demo": "the build machine runs it",
    "pip install .": "the build machine runs it",
}


def test_every_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONNECTOR_CONFIG", raising=False)
    ran = []
    with Sandbox(port=0) as box:
        for line in examples(README):
            program, *args = line.split()
            if line in ELSEWHERE:
                continue
            if program == "cd":
                monkeypatch.chdir(args[0])
                settings = Path("connector.yaml")
                settings.write_text(settings.read_text("utf-8").replace("http://127.0.0.1:8765", box.url), "utf-8")
                continue
            assert program == "connector", line
            result = CliRunner().invoke(cli.main, args, catch_exceptions=False)
            assert result.exit_code in (0, 1), (line, result.output)
            ran.append(" ".join(args))
    assert {"init help-desk", "check --live", "sync", "status"} <= set(ran)
