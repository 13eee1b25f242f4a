"""The server around the two systems: life, forks, log, clock, and what it says about itself."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from email.utils import parsedate_to_datetime

import pytest
import requests

from connector.sandbox import Fault, Sandbox


def test_it_starts_on_a_free_port_and_is_gone_afterwards():
    with Sandbox() as box:
        assert requests.get(box.url + "/sandbox", timeout=5).json()["settle_after"] == 2.0
        port = box.port
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_taken_port_is_an_error_of_the_constructor(box):
    with pytest.raises(OSError, match="in use"):
        Sandbox(box.port)


def test_every_answer_carries_the_date_of_the_sandbox_clock(box, sn, zd):
    box.clock.advance(86400 * 400)
    for answer in (sn.get("/table/incident"), zd.get("/tickets"), requests.get(box.url + "/sandbox", timeout=5)):
        said = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        assert abs(said - box.clock.now()) < 5


def test_a_clock_does_not_run_backwards(box):
    with pytest.raises(ValueError, match="forward"):
        box.clock.advance(-1)
    assert requests.post(box.url + "/sandbox/clock", json={"advance": -1}, timeout=5).status_code == 400


def test_children_of_a_fork_may_talk_to_it_and_be_killed(box, sn):
    sn.get("/table/incident")  # an open connection that the children inherit
    children = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            session = requests.Session()
            session.auth = ("sync", "sandbox")
            session.post(f"{box.url}/api/now/table/incident", json={"short_description": str(number)}, timeout=5)
            os.kill(os.getpid(), signal.SIGKILL)
        children.append(child)
    assert all(os.WIFSIGNALED(os.waitpid(child, 0)[1]) for child in children)
    assert len(box.servicenow.rows("incident")) == 3
    assert sn.get("/table/incident").status_code == 200


def test_a_dropped_connection_is_closed_although_a_child_lives(box, sn):
    sn.get("/table/incident")
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        box.faults.add("GET *", "lose_request")
        with pytest.raises(requests.ConnectionError):
            sn.get("/table/incident")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_log_tells_what_was_asked_and_what_was_answered(box, sn, zd):
    zd.post("/tickets.json", json={"ticket": {"comment": {"body": "x"}}}, headers={"Idempotency-Key": "k1"})
    sn.get("/table/incident", params={"sysparm_limit": "1"})
    box.faults.add("GET /api/now/table/incident", "lose_answer")
    with pytest.raises(requests.ConnectionError):
        sn.get("/table/incident")
    created, listed, lost = box.requests
    assert (created.system, created.method, created.path, created.status) == (
        "zendesk",
        "POST",
        "/api/v2/tickets.json",
        201,
    )
    assert (created.idempotency_key, created.body) == ("k1", b'{"ticket": {"comment": {"body": "x"}}}')
    assert (listed.query, listed.fault) == ("sysparm_limit=1", None)
    assert (lost.status, lost.fault) == (0, "lose_answer")
    assert [entry.method for entry in box.writes()] == ["POST"]
    assert box.counts["GET /api/now/table/incident"] == 2
    logged = requests.get(box.url + "/sandbox/requests", timeout=5).json()["requests"]
    assert logged[1]["path"] == "/api/now/table/incident"


def test_numbers_in_paths_count_as_one_path(box, sn):
    for _ in range(2):
        sn.get("/table/incident/" + os.urandom(16).hex())
    assert box.counts["GET /api/now/table/incident/*"] == 2


def test_it_is_driven_over_http_too(box, zd):
    control = box.url + "/sandbox"
    requests.post(control + "/faults", json={"on": "POST *", "kind": "late", "seconds": 30}, timeout=5)
    assert requests.get(control + "/faults", timeout=5).json()["faults"][0]["kind"] == "late"
    with pytest.raises(requests.ConnectionError):
        zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}}})
    assert requests.get(control, timeout=5).json()["waiting"] == 1
    requests.post(control + "/clock", json={"settle": True}, timeout=5)
    assert len(requests.get(control + "/state", timeout=5).json()["zendesk"]["tickets"]) == 1
    requests.post(control + "/faults", json={"chaos": {"seed": 1, "rate": 1.0}}, timeout=5)
    assert requests.delete(control + "/faults", timeout=5).json() == {"faults": []}
    assert zd.get("/tickets").status_code == 200
    requests.post(control + "/reset", timeout=5)
    assert requests.get(control + "/state", timeout=5).json()["zendesk"]["tickets"] == []
    assert requests.post(control + "/faults", json={"kind": "meteor"}, timeout=5).status_code == 400
    assert requests.post(control + "/faults", json=[1], timeout=5).status_code == 400
    assert requests.get(control + "/nothing", timeout=5).status_code == 404
    assert requests.put(control + "/clock", timeout=5).status_code == 405


def test_reset_brings_settings_back(box, sn):
    box.servicenow.honours_sys_id = False
    box.zendesk.index_lag = 99.0
    box.servicenow.add_column("incident", "u_extra")
    box.reset()
    assert box.servicenow.honours_sys_id
    assert box.zendesk.index_lag == 2.0
    assert sn.post("/table/incident", json={"u_extra": "x"}).json()["result"].get("u_extra") is None


def test_settings_of_both_systems_are_chosen_at_the_start():
    box = Sandbox(hardened=True, settle=7, servicenow={"max_body": 10}, zendesk={"index_lag": 1.0})
    assert not box.servicenow.honours_sys_id
    assert (box.servicenow.max_body, box.zendesk.index_lag, box.zendesk.export_delay) == (10, 1.0, 7)


def test_the_same_seed_tells_the_same_story():
    one, two = Sandbox(seed=5), Sandbox(seed=5)
    assert one.servicenow.chance.random() == two.servicenow.chance.random()
    assert one.zendesk.chance.random() == two.zendesk.chance.random()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_ends_on_a_signal(number):
    script = "from connector.sandbox import serve; serve(0, lambda box: print(box.url, flush=True))"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert requests.get(url + "/sandbox", timeout=5).json()["sandbox"] is True
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert (process.returncode, said) == (0, b"")


def test_only_loopback_is_served(box):
    assert box._server.socket.getsockname()[0] == "127.0.0.1"


def test_a_fault_names_its_kinds():
    with pytest.raises(ValueError, match="known are lose_request"):
        Fault(kind="meteor")  # type: ignore[arg-type]
