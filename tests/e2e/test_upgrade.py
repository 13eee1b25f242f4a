"""An installation whose ledger an older release left behind, in the middle of its work: today's goes on with it."""

from __future__ import annotations

from collections import Counter

import pytest

from connector.app import App
from connector.ledger import deliveries
from tests.clocks import SharedClock
from tests.e2e.conftest import Site
from tests.postgres import Server
from tests.unit.ledger.released import RELEASED, SITE, build


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, quiet_site: Site) -> Site:
    """An installation of long ago, with the ledger that it had then."""
    site = quiet_site
    text = site.settings.read_text("utf-8")
    own = next(line for line in text.splitlines() if line.startswith("site:"))
    site.configure(own, f"site: {SITE}")
    url = "sqlite:///connector.db"
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        url = server.empty()
        site.configure("ledger: sqlite:///connector.db", f'ledger: "{url}"')
    build(url, site.base, request.node.callspec.params["revision"])
    return site


@pytest.mark.parametrize("revision", RELEASED)
def test_it_goes_on_where_it_was(old: Site, revision: str) -> None:
    clock = SharedClock(old.box)
    for _ in range(3):
        with App.open(old.settings, clock=clock) as app:
            report = app.sync()
            standing = deliveries.tally(app.wiring.db, "servicenow")
        assert report.exit_code in (0, 1)
        clock.sleep(3600)
    made = Counter(row["short_description"] for row in old.incidents())
    arrived = ("planned", "unplanned", "deferred", "flying", "unsure")
    assert made == Counter(f"{state} is slow" for state in arrived)
    assert (standing["queued"], standing["sending"], standing["unsure"]) == (0, 0, 0)
    before = len(old.writes())
    with App.open(old.settings, clock=clock) as app:
        app.sync()
        assert app.explain("button:t7")["deliveries"][0]["state"] == "sent"
    assert len(old.writes()) == before
