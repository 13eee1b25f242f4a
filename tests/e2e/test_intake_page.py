"""The page with the help button, in a real browser: filled in, sent with a screenshot, followed to its number."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.browser import browsing
from tests.e2e.conftest import Site
from tests.e2e.test_intake import door, serving
from tests.e2e.test_page import CHROMIUM, QUIET

__all__ = ["door"]
UNTIL = "new Promise(done => {{ const look = () => {look} ? done(true) : setTimeout(look, 50); look(); }})"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)


def test_the_help_button_is_pressed_in_a_browser(door: Site, tmp_path: Path) -> None:
    if CHROMIUM is None:
        assert "CONNECTOR_NEED_BROWSER" not in os.environ, "no chromium here: apt-get install chromium"
        pytest.skip("no chromium here; CI installs it")
    screen = tmp_path / "screen.png"
    screen.write_bytes(PICTURE)
    with serving(door.settings, "--try") as served, browsing(CHROMIUM, QUIET, tmp_path) as page:
        assert served.page is not None
        page.open(served.page)
        page.run(UNTIL.format(look="document.getElementById('source').options.length === 1"))
        page.run("document.getElementById('description').value = 'The <b>printer</b> prints blanks'")
        page.choose("#screenshot", screen)
        page.run(UNTIL.format(look="!document.getElementById('preview').hidden"))
        page.run("document.getElementById('send').click()")
        page.run(UNTIL.format(look="document.getElementById('receipt').textContent.length === 24"))
        page.run(UNTIL.format(look="document.getElementById('state').textContent"))
        assert page.run("document.getElementById('state').textContent") == "We have it."
        door.sync()
        incident = door.incidents()[0]
        page.run(UNTIL.format(look="document.getElementById('number').textContent"))
        assert incident["number"] in page.run("document.getElementById('number').textContent")
        assert incident["short_description"] == "The <b>printer</b> prints blanks"
        assert [row["file_name"] for row in door.files(incident["sys_id"])] == ["screen.png"]
