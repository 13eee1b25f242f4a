"""The page for people."""

from __future__ import annotations

import json

import requests

NASTY = '<script>alert("x")</script>'
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def page(box, path="/"):
    return requests.get(box.url + path, timeout=5)


def test_an_empty_sandbox_says_what_to_do(box):
    answer = page(box)
    assert answer.status_code == 200
    assert "Nothing has arrived yet" in answer.text
    assert box.url in answer.text


def test_what_arrived_is_listed_with_its_people(box, sn, zd):
    (caller,) = box.servicenow.rows("sys_user", user_name="kbrandt")
    sn.post("/table/incident", json={"short_description": "Printer jams", "caller_id": caller["sys_id"], "impact": "1"})
    sn.post("/table/problem", json={"short_description": "All printers"})
    requester = {"name": "Agnes", "email": "agnes.twumasi@northfield-hospital.example"}
    zd.post("/tickets", json={"ticket": {"subject": "Slow", "comment": {"body": "x"}, "requester": requester}})
    text = page(box).text
    for word in (
        "INC0010001",
        "Printer jams",
        "Karen Brandt",
        "PRB0040001",
        "#1",
        "Slow",
        "Agnes Twumasi",
        "1</b> ticket<",
    ):
        assert word in text


def test_nothing_that_was_sent_is_markup(box, sn, zd):
    made = sn.post("/table/incident", json={"short_description": NASTY, "description": NASTY, "comments": NASTY})
    key = made.json()["result"]["sys_id"]
    params = {"table_name": "incident", "table_sys_id": key, "file_name": NASTY}
    sn.post("/attachment/file", params=params, data=b"x", headers={"Content-Type": NASTY.replace("/", "")})
    requester = {"name": NASTY, "email": "n@elsewhere.example"}
    comment = {"html_body": f"&lt;img src=x&gt; {NASTY}", "body": NASTY}
    fields = [{"id": box.zendesk.field_id("Workstation"), "value": NASTY}]
    ticket = {"subject": NASTY, "comment": comment, "requester": requester, "tags": [NASTY], "custom_fields": fields}
    assert zd.post("/tickets", json={"ticket": ticket}).status_code == 201
    for path in ("/", f"/incident.do?sys_id={key}", "/agent/tickets/1"):
        answer = page(box, path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<img src=x" not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_record_is_shown_with_everything(box, sn, zd):
    problem = sn.post("/table/problem", json={"short_description": "Printing"}).json()["result"]
    values = {
        "short_description": "s",
        "problem_id": problem["sys_id"],
        "correlation_id": "s:1",
        "work_notes": "internal note",
    }
    row = sn.post("/table/incident", json=values).json()["result"]
    text = page(box, f"/incident.do?sys_id={row['sys_id']}").text
    for word in ("s:1", "Correlation id", "internal note", "internal</span>", "PRB0040001"):
        assert word in text
    assert row["number"] in page(box, f"/problem.do?sys_id={problem['sys_id']}").text
    upload = json.loads(zd.post("/uploads?filename=shot.png", data=PNG, headers={"Content-Type": "image/png"}).content)
    field = box.zendesk.field_id("EHR environment")
    ticket = {
        "comment": {"body": "hello", "uploads": [upload["upload"]["token"]]},
        "custom_fields": [
            {"id": field, "value": "env_prd"},
            {"id": box.zendesk.field_id("Symptoms"), "value": ["symptom_slow"]},
        ],
        "type": "problem",
    }
    zd.post("/tickets", json={"ticket": ticket})
    zd.post("/tickets", json={"ticket": {"comment": {"body": "x"}, "type": "incident", "problem_id": 1}})
    text = page(box, "/agent/tickets/1").text
    for word in ("hello", "PRD", "Slow", "shot.png", "28 B", "<img src=", "#2"):
        assert word in text
    assert "#1" in page(box, "/agent/tickets/2").text


def test_files_are_saved_and_never_run(box, sn, zd):
    row = sn.post("/table/incident", json={}).json()["result"]
    params = {"table_name": "incident", "table_sys_id": row["sys_id"], "file_name": 'a"\r\nb.html'}
    headers = {"Content-Type": "text/html"}
    file = sn.post("/attachment/file", params=params, data=NASTY, headers=headers).json()["result"]
    answer = page(box, f"/files/servicenow/{file['sys_id']}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%22%0D%0Ab.html"
    assert answer.text == NASTY
    upload = json.loads(zd.post("/uploads?filename=x.html", data=PNG, headers=headers).content)["upload"]
    answer = page(box, f"/files/zendesk/{upload['attachment']['id']}")
    assert (answer.headers["Content-Type"], answer.content) == ("image/png", PNG)


def test_what_is_not_there_is_404(box):
    for path in (
        "/nothing",
        "/incident.do",
        "/sys_user.do?sys_id=1",
        "/agent/tickets/9",
        "/files/zendesk/9",
        "/files/servicenow/9",
    ):
        assert page(box, path).status_code == 404
    assert requests.post(box.url + "/", timeout=5).status_code == 404


def test_faults_are_announced(box):
    box.faults.add("POST *", "late")
    box.servicenow.rows("incident")
    assert "late on POST *" in page(box).text
