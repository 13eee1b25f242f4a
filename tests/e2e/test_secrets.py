"""With every logger at its loudest, nothing of a secret or a ticket comes out: in logs, in errors, in reprs."""

from __future__ import annotations

import base64
import http.client
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import structlog

from connector.app import App
from connector.sandbox import Fault
from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import mail, press

WRONG = "never-show-this-secret"
TEXTS = ("xylophone-summary", "xylophone-description", "xylophone-mail", "xylophone-phone")
PERSON = "Xaveria Yllophon"
ADDRESS = "xaveria.yllophon@example.org"

FAULTS = (
    *(Fault(kind="status", status=status) for status in (401, 403, 422, 429, 500)),
    *(Fault(kind=kind) for kind in ("lose_answer", "html", "cut")),
)


class Loud:
    """Everything that anybody says."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setLevel(logging.NOTSET)

    def listen(self) -> None:
        """To every logger there is, by itself and by the root."""
        for name in [None, *logging.root.manager.loggerDict]:
            logger = logging.getLogger(name)
            logger.setLevel(logging.DEBUG)
            logger.disabled = False
            logger.addHandler(self.handler)

    def leave(self) -> None:
        for name in [None, *logging.root.manager.loggerDict]:
            logging.getLogger(name).removeHandler(self.handler)
            logging.getLogger(name).setLevel(logging.NOTSET if name else logging.WARNING)


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loud]:
    before = structlog.get_config()
    made = Loud()
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 9)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(made.stream),
        cache_logger_on_first_use=False,
    )
    made.listen()
    yield made
    made.leave()
    structlog.configure(**before)


@pytest.fixture
def telling(quiet_site: Site) -> Site:
    """A ticket for each help desk, with a comment."""
    site = quiet_site
    site.configure("wait: 3s", "wait: 0s")
    site.configure("{sink: servicenow}", "{when: {channel: email}, sink: zendesk}\n  - {sink: servicenow}")
    fields = {"summary": TEXTS[0], "description": TEXTS[1], "callback_number": TEXTS[3]}
    site.put("button/a.json", press(**fields, requester={"kind": "staff", "name": PERSON, "email": ADDRESS}))
    site.put("mail/b.eml", mail("b", TEXTS[0], f"{TEXTS[2]}\n{PERSON}"))
    site.put("mail/c.eml", mail("c", "Re: " + TEXTS[0], TEXTS[2], answers="b"))
    return site


def told(site: Site, loud: Loud, capsys: pytest.CaptureFixture[str]) -> str:
    """All that was said, and what this installation's parts show of themselves."""
    with App.open(site.settings) as app:
        outlets = app.wiring.outlets.values()
        shown = [repr(vars(outlet.sink)) + repr(outlet) for outlet in outlets]
        findings = json.dumps(app.status(), default=str)
    said = capsys.readouterr()
    return "\n".join([loud.stream.getvalue(), said.out, said.err, findings, *shown])


def secrets(site: Site) -> list[str]:
    doorman = site.box.zendesk.doorman
    basic = base64.b64encode(b"sync:sandbox").decode()
    return [WRONG, basic, base64.b64encode(f"sync:{WRONG}".encode()).decode(), *doorman._access, *doorman._refresh]


def everything(site: Site, loud: Loud, capsys: pytest.CaptureFixture[str], *faults: Fault) -> str:
    """Of two runs, the second with faults: what is imported or made late by the first is loud in it."""
    loud.listen()
    reports = [site.sync().document()]
    for fault in faults:
        site.box.faults.add(fault)
    site.put("button/a.json", press(summary=TEXTS[0], description=TEXTS[2], impact="unit"))
    site.put("mail/d.eml", mail("d", TEXTS[0], f"{TEXTS[2]}\n{PERSON}"))
    loud.listen()
    reports.append(site.sync().document())
    return told(site, loud, capsys) + json.dumps(reports)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind}-{fault.status}")
def test_nothing_is_told(telling: Site, loud: Loud, capsys: pytest.CaptureFixture[str], fault: Fault) -> None:
    faults = [replace(fault, on=on, times=1) for on in ("POST /api/*", "PUT /api/*", "PATCH /api/*")]
    shown = everything(telling, loud, capsys, *faults)
    assert {entry.system for entry in telling.writes() if entry.fault == fault.kind} == {"servicenow", "zendesk"}
    assert "delivered" in shown, "our own logs are heard"
    for text in (*TEXTS, PERSON, ADDRESS, *secrets(telling)):
        assert text not in shown


def test_nor_is_a_secret_that_the_remote_refuses(telling: Site, loud: Loud, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("servicenow", "zendesk"):
        (telling.base / "secrets" / name).write_text(WRONG)
    shown = everything(telling, loud, capsys)
    assert "does not accept the credential" in shown
    for text in (*TEXTS, PERSON, ADDRESS, *secrets(telling)):
        assert text not in shown
