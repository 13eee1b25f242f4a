"""A whole installation against a sandbox: what `connector init` writes, and the application over it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.app import App
from connector.engine.report import Report
from connector.sandbox import Sandbox
from connector.sandbox.box import Entry
from connector.terminal.starter import start


class Site:
    """An installation and the help desks it writes to."""

    def __init__(self, base: Path, box: Sandbox) -> None:
        self.base = base
        self.box = box

    @property
    def settings(self) -> Path:
        return self.base / "connector.yaml"

    def configure(self, old: str, new: str, file: str = "connector.yaml") -> None:
        """Change the settings or a mapping by their text."""
        path = self.base / file
        text = path.read_text("utf-8")
        assert old in text, f"{file} does not say {old!r}"
        path.write_text(text.replace(old, new), "utf-8")

    def empty_inbox(self) -> None:
        for path in sorted((self.base / "inbox").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        for name in ("button", "mail", "bot"):
            (self.base / "inbox" / name).mkdir()

    def put(self, place: str, data: bytes | str) -> Path:
        """A record in the inbox, written an hour ago."""
        path = self.base / "inbox" / place
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        then = time.time() - 3600
        os.utime(path, (then, then))
        return path

    def sync(self, **asked: object) -> Report:
        with App.open(self.settings) as app:
            return app.sync(**asked)  # type: ignore[arg-type]

    def writes(self) -> list[Entry]:
        return self.box.writes()

    def incidents(self) -> list[dict[str, str]]:
        return list(self.box.servicenow.document()["incident"])

    def journal(self, sys_id: str) -> list[str]:
        return [
            row["value"] for row in self.box.servicenow.document()["sys_journal_field"] if row["element_id"] == sys_id
        ]

    def files(self, sys_id: str) -> list[dict[str, str]]:
        return [row for row in self.box.servicenow.document()["sys_attachment"] if row["table_sys_id"] == sys_id]

    def tickets(self) -> list[dict[str, object]]:
        return list(self.box.zendesk.document()["tickets"])


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(settle=0.2) as opened:
        yield opened


@pytest.fixture
def site(tmp_path: Path, box: Sandbox) -> Site:
    """What `init` writes, with the seconds that the sandbox declares instead of a real instance's minutes."""
    made = Site(tmp_path / "site", box)
    start(made.base, port=box.port)
    text = made.settings.read_text("utf-8")
    for name in ("servicenow", "zendesk"):
        mapping = f"mapping: mappings/{name}.yaml"
        assert mapping in text
        text = text.replace(mapping, f"{mapping}\n    settle_after: 0.2\n    attachments: send")
    made.settings.write_text(f"{text}\nwait: 3s\n", "utf-8")
    return made


@pytest.fixture
def quiet_site(site: Site) -> Site:
    """The same with nothing in its inbox."""
    site.empty_inbox()
    return site
