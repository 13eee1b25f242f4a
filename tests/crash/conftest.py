"""The help desks that are written to, and a folder in memory for what is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.sandbox import Sandbox
from tests.crash.harness import SETTLE, workplace


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("CRASH_SECRET", "sandbox")
    with Sandbox(settle=SETTLE) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with workplace(tmp_path) as made:
        yield made
