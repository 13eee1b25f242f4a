"""Killed anywhere, from the first report to the last word: the same morning, and still everything once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.harness import workplace
from tests.outages.killed import ready, survived


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CRASH_SECRET", "sandbox")
    with workplace(tmp_path) as made:
        yield made


def test_a_killed_morning_ends_like_any_other(place: Path) -> None:
    with ready(place):
        for seed, kind in enumerate(("servicenow", "zendesk")):
            counts, found = survived(place / kind, kind, seed)
            assert found, f"seed {seed} has no outage"
            for what, count in counts.items():
                assert (count.missing, count.double) == ([], []), f"{what}, seed {seed}"
