"""One server for all tests here; each test gets it as at the start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from connector.sandbox import Sandbox

AGENT = "sync@northfield-hospital.example"


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    """A sandbox that serves."""
    with Sandbox(settle=2.0) as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Sandbox:
    """The sandbox, empty."""
    running.reset()
    return running


class Desk(requests.Session):
    """A session on one of the two systems, which knows its address."""

    def __init__(self, base: str, user: str) -> None:
        super().__init__()
        self.trust_env = False
        self.base = base
        self.auth = (user, "sandbox")
        self.headers["Accept"] = "application/json"

    def request(self, method, url, *args, **kwargs):
        """Paths are below the base."""
        kwargs.setdefault("timeout", 10)
        return super().request(method, url if url.startswith("http") else self.base + url, *args, **kwargs)


@pytest.fixture
def sn(box: Sandbox) -> Iterator[Desk]:
    """A client of the Table API as the integration user."""
    with Desk(box.url + "/api/now", "sync") as desk:
        yield desk


@pytest.fixture
def admin(box: Sandbox) -> Iterator[Desk]:
    """A client of the Table API as an administrator."""
    with Desk(box.url + "/api/now", "admin") as desk:
        yield desk


@pytest.fixture
def zd(box: Sandbox) -> Iterator[Desk]:
    """A client of the Zendesk API."""
    with Desk(box.url + "/api/v2", AGENT + "/token") as desk:
        yield desk
