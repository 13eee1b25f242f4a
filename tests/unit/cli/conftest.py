"""The command line on an installation of its own, against help desks of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cli
from connector.sandbox import Sandbox
from connector.terminal.starter import start

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def emulated() -> Iterator[Sandbox]:
    """One sandbox for all tests of a module."""
    with Sandbox(port=0) as box:
        yield box


@pytest.fixture
def box(emulated: Sandbox) -> Sandbox:
    """An empty sandbox without faults."""
    emulated.reset()
    return emulated


@pytest.fixture
def home(tmp_path: Path, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `init` writes, with one mail in the inbox, as the current folder."""
    start(tmp_path, samples=False, port=box.port)
    put_one(tmp_path / "inbox")
    settings = tmp_path / "connector.yaml"
    inline = re.sub(r"(path: inbox/\w+)\}", r"\1, quiet: 0}", settings.read_text("utf-8"))
    quiet = re.sub(r"^( +)(path: inbox/\w+)$", r"\1\2\n\1quiet: 0", inline, flags=re.MULTILINE)
    settings.write_text(quiet + "wait: 0\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CONNECTOR_CONFIG", raising=False)
    return tmp_path


def put_one(inbox: Path) -> None:
    """One plain e-mail: tests here are about the command line, not about reading."""
    head = "Message-ID: <4711@north.example>\nFrom: Dana Meyer <dana@north.example>\nSubject: Printer on 4 West\n"
    (inbox / "mail" / "one.eml").write_text(head + "\nIt jams.\n", "utf-8")


@pytest.fixture
def connector(home: Path) -> Command:
    """Run a command line."""

    def run(*args: str) -> Result:
        return CliRunner().invoke(cli.main, list(args), catch_exceptions=False)

    return run
