"""The page for people: what arrived, server-rendered, self-contained, and with everything that was sent escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from connector.sandbox import showing
from connector.sandbox.box import Box
from connector.sandbox.messages import Answer, Call, Routes

_HERE = Path(__file__).parent
_SAFE = [
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]


def index(box: Box, call: Call) -> Answer:
    """`/`: everything that arrived."""
    sections = [
        ("ServiceNow problems", showing.incidents(box.servicenow, "problem")),
        ("ServiceNow incidents", showing.incidents(box.servicenow, "incident")),
        ("Zendesk tickets", showing.tickets(box.zendesk)),
    ]
    shown = [(title, records) for title, records in sections if records]
    recent = list(reversed(box.requests))[:12]
    return _page("index.html", box, sections=shown, counts=_counts(box), recent=recent, faults=box.faults.document())


def _counts(box: Box) -> list[tuple[str, int]]:
    with_files = sum(len(comment["attachments"]) for said in box.zendesk.comments.values() for comment in said)
    return [
        ("incident", len(box.servicenow.tables["incident"].rows)),
        ("problem", len(box.servicenow.tables["problem"].rows)),
        ("ticket", len(box.zendesk.list_tickets())),
        ("comment", len(box.servicenow.tables["sys_journal_field"].rows) + _said(box)),
        ("file", len(box.servicenow.tables["sys_attachment"].rows) + with_files),
        ("request", sum(box.counts.values())),
    ]


def _said(box: Box) -> int:
    """Comments beyond the one that every ticket begins with."""
    return sum(max(len(said) - 1, 0) for said in box.zendesk.comments.values())


def incident(box: Box, call: Call, table: str) -> Answer:
    """`/incident.do?sys_id=` and `/problem.do?sys_id=`."""
    known = table in ("incident", "problem")
    shown = showing.incident(box.servicenow, table, call.param("sys_id")) if known else None
    return _page("record.html", box, record=shown) if shown else _nothing(box)


def ticket(box: Box, call: Call, key: int) -> Answer:
    """`/agent/tickets/{id}`."""
    shown = showing.ticket(box.zendesk, key)
    return _page("record.html", box, record=shown) if shown else _nothing(box)


def servicenow_file(box: Box, call: Call, sys_id: str) -> Answer:
    """The bytes of an attachment."""
    row = box.servicenow.tables["sys_attachment"].rows.get(sys_id)
    return _file(row["file_name"], box.servicenow.files[sys_id]) if row else _nothing(box)


def zendesk_file(box: Box, call: Call, key: int) -> Answer:
    """The bytes of an upload."""
    found = box.zendesk.files.get(key)
    return _file(found[0]["file_name"], found[1]) if found else _nothing(box)


def _file(name: str, data: bytes) -> Answer:
    """To be saved, never to be run: its type is read from the bytes, and only pictures have one."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Answer(200, data, [*_SAFE, ("Content-Disposition", disposition)], showing.picture_type(data))


def _nothing(box: Box) -> Answer:
    answer = _page("nothing.html", box)
    answer.status = 404
    return answer


def _page(name: str, box: Box, **values: Any) -> Answer:
    style = (_HERE / "page.css").read_text("utf-8")
    text = _template(name).render(style=style, url=box.url, now=showing.moment(box.clock.now()), **values)
    return Answer(200, text.encode("utf-8", "replace"), list(_SAFE), "text/html; charset=utf-8")


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)


_ROUTES = Routes(
    [
        ("GET", "/", index),
        ("GET", "/{table}.do", incident),
        ("GET", "/agent/tickets/{key:int}", ticket),
        ("GET", "/files/servicenow/{sys_id}", servicenow_file),
        ("GET", "/files/zendesk/{key:int}", zendesk_file),
    ]
)


def answer(box: Box, call: Call) -> Answer:
    """Serve a page."""
    handler, values = _ROUTES.find("GET" if call.method == "HEAD" else call.method, call.path) or (None, {})
    return handler(box, call, **values) if handler else _nothing(box)
