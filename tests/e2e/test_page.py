"""What a newcomer sees: the sandbox's page in a real browser, after a run of the samples."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Site

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def browse(folder: Path, *asked: str) -> str:
    """Run the browser once, with a profile of its own; returns what it prints."""
    command = [str(CHROMIUM), *QUIET, f"--user-data-dir={folder / 'profile'}", *asked]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


def test_the_page_shows_the_tickets_that_arrived(site: Site, tmp_path: Path) -> None:
    if CHROMIUM is None:
        assert "CONNECTOR_NEED_BROWSER" not in os.environ, "no chromium here: apt-get install chromium"
        pytest.skip("no chromium here; CI installs it")
    site.sync()
    shown = browse(tmp_path, "--dump-dom", site.box.url)
    first, last = site.incidents()[0], site.incidents()[-1]
    assert first["number"] in shown
    assert last["number"] in shown
    assert "<script>" not in shown
    picture = tmp_path / "page.png"
    browse(tmp_path, "--window-size=1200,900", f"--screenshot={picture}", site.box.url)
    assert struct.unpack(">II", picture.read_bytes()[16:24]) == (1200, 900)
    one = browse(tmp_path, "--dump-dom", f"{site.box.url}/incident.do?sys_id={first['sys_id']}")
    assert first["correlation_id"] in one
