"""Both sinks in front of one running sandbox, which starts afresh for every test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.plugins import Do, Key, Receipt, SinkTools, Write
from connector.sandbox import Sandbox
from connector.sinks.servicenow import ServiceNow
from connector.sinks.servicenow import Settings as ServiceNowSettings
from connector.sinks.zendesk import Settings as ZendeskSettings
from connector.sinks.zendesk import Zendesk
from tests.conftest import FakeClock

Built = Callable[..., Any]


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "right").write_text("sandbox")
    (tmp_path / "wrong").write_text("never-show-this")
    return tmp_path


@pytest.fixture
def snow_built(box: Sandbox, base: Path, clock: FakeClock) -> Built:
    def build(memory: Mapping[str, str] | None = None, **settings: Any) -> ServiceNow:
        auth = {"username": "sync", "password": "file:right"}
        given = {"type": "servicenow", "url": box.url, "mapping": "m.yaml", "auth": auth, **settings}
        tools = SinkTools(base=base, clock=clock, memory=memory or {})
        return ServiceNow("snow", ServiceNowSettings.model_validate(given), tools)

    return build


@pytest.fixture
def zen_built(box: Sandbox, base: Path, clock: FakeClock) -> Built:
    def build(**settings: Any) -> Zendesk:
        auth = {"client_id": "connector", "client_secret": "file:right"}
        given = {"type": "zendesk", "url": box.url, "mapping": "m.yaml", "auth": auth, **settings}
        return Zendesk("zen", ZendeskSettings.model_validate(given), SinkTools(base=base, clock=clock))

    return build


@pytest.fixture
def snow(snow_built: Built) -> Any:
    return snow_built()


@pytest.fixture
def zen(zen_built: Built) -> Any:
    return zen_built()


def write(sink: Any, do: Do, fields: Mapping[str, Any], remote_id: str = "", part: str = "", name: str = "T") -> Write:
    parts = {Do.CREATE: "ticket", Do.UPDATE: "update:2", Do.COMMENT: "comment:1", Do.ATTACH: "file:1"}
    key = Key("unit-1", "s", name, sink.table, part or parts[do])
    return Write(do, key, sink.resolve(do, fields).body, fields, remote_id)


def created(sink: Any, fields: Mapping[str, Any], name: str = "T") -> Receipt:
    receipt: Receipt = sink.create(write(sink, Do.CREATE, fields, name=name))
    return receipt
