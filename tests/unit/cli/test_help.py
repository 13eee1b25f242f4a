"""Help: quick, and an example in every page."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

import cli

HEAVY = ("requests", "sqlalchemy", "pydantic", "rich", "structlog", "ruamel", "jinja2", "starlette", "zenpy", "pysnow")


def every(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            found += every(inner, (*path, name))
    return found


COMMANDS = every(cli.main)


@pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=lambda part: " ".join(part) if isinstance(part, tuple) else ""
)
def test_help_is_a_sentence_and_an_example(path, command):
    assert command.help
    assert command.help.endswith(".")
    assert "\n\n" not in command.help
    if not isinstance(command, click.Group):
        assert f"connector {' '.join(path)}" in command.epilog


@pytest.mark.parametrize("args", ["--help", "sync --help", "mapping --help", "mapping preview --help"])
def test_help_loads_nothing_heavy(args):
    code = f"""
import sys, cli
try:
    cli.main({args.split()!r})
except SystemExit as end:
    assert end.code == 0, end.code
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
    assert done.stdout.startswith("Usage: ")


def test_the_surface_is_complete():
    names = {" ".join(path) for path, command in COMMANDS if not isinstance(command, click.Group)}
    assert names == {
        *("init", "check", "sync", "serve", "status", "explain", "report"),
        *("retry", "release", "confirm", "drop", "replan"),
        *("problems list", "problems open", "problems link", "problems unlink", "problems merge"),
        *("problems accept", "problems refuse", "problems resolve"),
        *("mapping check", "mapping preview", "mapping fields", "mapping schema"),
        *("ledger backup", "ledger restored", "ledger vacuum", "ledger copy", "sandbox", "demo", "version"),
    }
