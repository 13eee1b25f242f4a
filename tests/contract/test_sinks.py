"""Both sinks keep the contract, against the sandbox over real HTTP; ServiceNow also where it drops our `sys_id`."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.contract.sink import TEXT, SinkContract
from connector.plugins import Do, Key, SinkTools, Write
from connector.sandbox import Sandbox
from connector.sandbox.people import PEOPLE
from connector.sandbox.servicenow.auth import Account
from connector.sinks import servicenow, zendesk
from tests.conftest import FakeClock

ANN = Account("ann.lee", "", "a" * 32, admin=True)
ADMIN = ("sync@northfield-hospital.example/token", "sandbox")
PASSWORD, WRONG = "sandbox", "never-show-this"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture(autouse=True)
def fresh(box: Sandbox) -> None:
    box.reset()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    (tmp_path / "right").write_text(PASSWORD)
    (tmp_path / "wrong").write_text(WRONG)
    return tmp_path


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"http://127.0.0.1:{door.getsockname()[1]}"


class Desk:
    """What both stages share."""

    secrets = (WRONG,)

    def __init__(self, box: Sandbox, base: Path) -> None:
        self.box = box
        self.tools = SinkTools(base=base, clock=FakeClock())
        self.sink = self.built(box.url, "right")

    def built(self, url: str, secret: str) -> Any:
        raise NotImplementedError

    def unreachable(self) -> Any:
        return self.built(closed_port(), "right")

    def intruder(self) -> Any:
        return self.built(self.box.url, "wrong")

    def writes(self) -> int:
        return len(self.box.writes())

    def wait(self) -> None:
        self.box.clock.advance(1.0)


class ServiceNowDesk(Desk):
    mode: Mapping[str, str] = {}
    create: Mapping[str, Any] = {
        "short_description": "Printer on 4 West prints blank labels",
        "description": f"{TEXT}\nsecond line",
        "caller_id": {"email": PEOPLE[0].email, "login": "", "name": ""},
        "assignment_group": "Printing and Labels",
        "impact": "2",
        "urgency": "1",
        "contact_type": "email",
    }
    change: Mapping[str, Any] = {"short_description": "Printer on 4 West prints nothing", "urgency": "3"}
    refused: Mapping[str, Any] = {"state": "6"}  # a data policy wants a resolution code

    def built(self, url: str, secret: str) -> servicenow.ServiceNow:
        settings = servicenow.Settings.model_validate(
            {
                "type": "servicenow",
                "url": url,
                "mapping": "m.yaml",
                "auth": {"username": "sync", "password": f"file:{secret}"},
                **self.mode,
            }
        )
        return servicenow.ServiceNow("snow", settings, self.tools)

    def lose_answer(self) -> None:
        for method in ("POST", "PATCH"):
            self.box.faults.add(f"{method} /api/now/*", "lose_answer")

    def records(self, key: Key) -> int:
        return len(self.box.servicenow.rows("incident", correlation_id=key.remote))

    def comments(self, remote_id: str) -> Sequence[str]:
        return [row["value"] for row in self.box.servicenow.rows("sys_journal_field", element_id=remote_id)]

    def files(self, remote_id: str) -> Sequence[bytes]:
        rows = self.box.servicenow.rows("sys_attachment", table_sys_id=remote_id)
        return [self.box.servicenow.files[row["sys_id"]] for row in rows]

    def problem(self) -> str:
        number = len(self.box.servicenow.rows("problem"))
        desk = self.built(self.box.url, "right")
        desk.table = "problem"
        body = {"short_description": "Labels come out blank everywhere"}
        receipt = desk.create(Write(Do.CREATE, Key("contract-1", "suite", f"P-{number}", "problem", "ticket"), body))
        return receipt.remote_id

    def work(self, remote_id: str, comment: str) -> None:
        self._by_hand(remote_id, state="2", comments=comment)

    def end(self, remote_id: str) -> None:
        self._by_hand(remote_id, state="6", close_code="User error", close_notes="By hand.")

    def _by_hand(self, remote_id: str, **values: str) -> None:
        desk = self.box.servicenow
        with desk.lock:
            desk.write("incident", desk.tables["incident"].rows[remote_id], values, ANN)

    def delete(self, remote_id: str) -> None:
        desk = self.box.servicenow
        with desk.lock:
            desk.delete("incident", desk.tables["incident"].rows[remote_id], ANN)

    def parent(self, remote_id: str) -> str:
        [row] = self.box.servicenow.rows("incident", sys_id=remote_id)
        return row["problem_id"]


class TestServiceNow(SinkContract):
    @pytest.fixture
    def stage(self, box: Sandbox, secrets: Path) -> Any:
        return ServiceNowDesk(box, secrets)


class TestServiceNowThatDropsOurSysId(SinkContract):
    @pytest.fixture
    def stage(self, box: Sandbox, secrets: Path) -> Any:
        box.servicenow.honours_sys_id = False
        return ServiceNowDesk(box, secrets)


class ImportingDesk(ServiceNowDesk):
    mode: Mapping[str, str] = {"mode": "import", "import_table": "u_connector_incident"}

    def problem(self) -> str:
        return ServiceNowDesk(self.box, self.tools.base).problem()


class TestServiceNowThatImports(SinkContract):
    @pytest.fixture
    def stage(self, box: Sandbox, secrets: Path) -> Any:
        return ImportingDesk(box, secrets)


class ZendeskDesk(Desk):
    create: Mapping[str, Any] = {
        "subject": "Cannot find the discharge order",
        "comment": f"{TEXT}\nsecond line",
        "requester": {
            "email": "maria.alvarez@northhospital.example",
            "login": "maria.alvarez",
            "name": "Maria Alvarez",
        },
        "group": "EHR Inpatient and Orders",
        "priority": "high",
        "type": "incident",
        "tags": ["ehr", "four west"],
        "custom:Workstation": "WS-4W-017",
        "custom:EHR environment": "PRD",
    }
    change: Mapping[str, Any] = {
        "priority": "low",
        "custom:Workstation": "WS-4W-018",
        "tags": {"add": ["moved"], "remove": ["four west"]},
    }
    refused: Mapping[str, Any] = {"priority": "whenever"}

    def built(self, url: str, secret: str) -> zendesk.Zendesk:
        settings = zendesk.Settings.model_validate(
            {
                "type": "zendesk",
                "url": url,
                "mapping": "m.yaml",
                "auth": {"client_id": "connector", "client_secret": f"file:{secret}"},
            }
        )
        return zendesk.Zendesk("zen", settings, self.tools)

    def lose_answer(self) -> None:
        single = ("POST /api/v2/tickets", "PUT /api/v2/tickets/*[0-9]")
        for on in (*single, "POST */create_many", "PUT */update_many"):
            self.box.faults.add(on, "lose_answer")

    def records(self, key: Key) -> int:
        return len([ticket for ticket in self.box.zendesk.list_tickets() if ticket["external_id"] == key.remote])

    def comments(self, remote_id: str) -> Sequence[str]:
        return [comment["body"] for comment in self.box.zendesk.comments[int(remote_id)][1:]]

    def files(self, remote_id: str) -> Sequence[bytes]:
        hung = [file["id"] for comment in self.box.zendesk.comments[int(remote_id)] for file in comment["attachments"]]
        return [self.box.zendesk.files[number][1] for number in hung]

    def problem(self) -> str:
        fields = {"subject": "The EHR is down", "comment": "For everybody.", "type": "problem"}
        number = len(self.box.zendesk.list_tickets())
        key = Key("contract-1", "suite", f"problem-{number}", "tickets", "ticket")
        made: str = self.sink.create(Write(Do.CREATE, key, self.sink.resolve(Do.CREATE, fields).body, fields)).remote_id
        return made

    def work(self, remote_id: str, comment: str) -> None:
        someone = self._agent()
        said = {"body": comment, "author_id": someone}
        self._by_hand(remote_id, {"status": "open", "assignee_id": someone, "comment": said})

    def end(self, remote_id: str) -> None:
        self._by_hand(remote_id, {"status": "solved", "assignee_id": self._agent()})

    def _agent(self) -> int:
        return int(next(key for key, user in self.box.zendesk.users.items() if user["role"] == "agent"))

    def _by_hand(self, remote_id: str, values: dict[str, Any]) -> None:
        url = f"{self.box.url}/api/v2/tickets/{remote_id}.json"
        requests.put(url, json={"ticket": values}, auth=ADMIN, timeout=5).raise_for_status()

    def delete(self, remote_id: str) -> None:
        requests.delete(f"{self.box.url}/api/v2/tickets/{remote_id}.json", auth=ADMIN, timeout=5).raise_for_status()

    def wait(self) -> None:
        self.box.clock.advance(3.0)  # and the export shows what it withheld

    def parent(self, remote_id: str) -> str:
        [ticket] = [each for each in self.box.zendesk.list_tickets() if str(each["id"]) == remote_id]
        return str(ticket["problem_id"] or "")


class TestZendesk(SinkContract):
    @pytest.fixture
    def stage(self, box: Sandbox, secrets: Path) -> Any:
        return ZendeskDesk(box, secrets)
