"""A door on a real socket, over a real ledger, with a clock that is moved by hand."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from connector.clock import Clock
from connector.engine.wiring import Inlet
from connector.intake import Door, Server, Writer, listen
from connector.intake.door import HELD_BYTES
from connector.ledger import identity
from connector.ledger.database import Database
from connector.ledger.schema import inbox
from connector.plugins import SourceTools
from connector.sources.chatbot import Chatbot
from connector.sources.ehr_button import EhrButton
from tests.conftest import FakeClock

SECRET = "a-secret-of-the-button-0123456789"
OLD_SECRET = "an-old-secret-of-the-button-01234"
TOKEN = "a-token-of-the-bot-0123456789"


@dataclass(slots=True)
class House:
    """A door that is open, and what lies behind it."""

    db: Database
    clock: Clock
    url: str
    port: int
    closing: threading.Event
    sent: requests.Session = field(default_factory=requests.Session)

    def post(self, source: str, body: bytes, **headers: str) -> requests.Response:
        """Post as the headers say, `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        all_of = {"Content-Type": "application/json", **named}
        return self.sent.post(f"{self.url}/intake/{source}", data=body, headers=all_of, timeout=20)

    def press(self, body: bytes, *, secret: str = SECRET, late: float = 0.0, **headers: str) -> requests.Response:
        """Post as the button does, signed."""
        return self.post("button", body, **{**self.signed(body, secret, late), **headers})

    def signed(self, body: bytes, secret: str = SECRET, late: float = 0.0) -> dict[str, str]:
        at = str(int(self.clock.wall() - late))
        mac = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"X_Connector_Timestamp": at, "X_Connector_Signature": f"sha256={mac}"}

    def tell(self, body: bytes, **headers: str) -> requests.Response:
        """Post as the bot does, with its token."""
        return self.post("bot", body, **{"Authorization": f"Bearer {TOKEN}", **headers})

    def get(self, path: str) -> requests.Response:
        return self.sent.get(f"{self.url}{path}", timeout=20)

    def stored(self) -> int:
        with self.db.read() as connection:
            return int(connection.execute(select(func.count()).select_from(inbox)).scalar_one())

    def raw(self, data: bytes, most: int = 65536) -> bytes:
        """What is answered to these bytes until the door closes, or falls silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(data)
            said = b""
            while len(said) < most and (part := connection.recv(65536)):
                said += part
        return said


def request(number: int = 1, **more: Any) -> bytes:
    """The body of a help request."""
    return json.dumps({"description": f"printer {number} prints blank labels", **more}).encode()


def inlets(folder: Path, clock: Clock) -> dict[str, Inlet]:
    """A button that signs, with a new secret and an old one, and a bot that bears a token."""
    for name, value in (("secret", SECRET), ("old", OLD_SECRET), ("token", TOKEN)):
        (folder / name).write_text(f"{value}\n")
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "button": (EhrButton, {"hmac": ["file:secret", "file:old"], "max_bytes": 100_000}),
        "bot": (Chatbot, {"token": "file:token"}),
    }
    made = {}
    for name, (plugin, intake) in kinds.items():
        settings = plugin.settings.model_validate({"type": name, "intake": intake})
        source = plugin(name, settings, SourceTools(folder, clock))
        kind = "ehr_button" if name == "button" else "chatbot"
        made[name] = Inlet(name, f"{name}-id", source, kind, settings.intake)
    return made


@contextmanager
def opened(
    folder: Path, clock: Clock, db: Database, held: int = HELD_BYTES, key: str = "", survey: bool = False
) -> Iterator[House]:
    """A door in a thread of its own."""
    ready, stop = threading.Event(), threading.Event()
    with ExitStack() as until:
        writer = until.enter_context(Writer(db, clock))
        door = Door(db, clock, writer, inlets(folder, clock), folder, key, held, survey)
        sock = listen("127.0.0.1", 0)
        port = sock.getsockname()[1]
        thread = threading.Thread(target=Server(door, sock, stop.is_set, ready.set).serve_all)
        thread.start()
        until.callback(thread.join)
        until.callback(stop.set)
        assert ready.wait(10)
        house = House(db, clock, f"http://127.0.0.1:{port}", port, stop)
        with house.sent:
            yield house


Opening = Callable[..., House]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A door that the tests of a module share; each compares what is stored with what was."""
    folder = tmp_path_factory.mktemp("house")
    db = Database.open("sqlite:///ledger.db", folder)
    identity.claim_site(db, "north-test", "north-test")
    with opened(folder, FakeClock(), db) as made:
        yield made
    db.close()


@pytest.fixture
def own(tmp_path: Path, clock: Clock, db: Database) -> Iterator[Opening]:
    """Opens a door of the test's own, on each database."""
    with ExitStack() as until:
        yield lambda **how: until.enter_context(opened(tmp_path, clock, db, **how))
