# ruff: noqa: RUF012  nothing changes what these classes hold
"""The sources that come with the connector keep the contract. E-mail does so in test_email.py."""

from __future__ import annotations

import base64
import json
from typing import Any

from connector.contract.source import SourceContract
from connector.sources.chatbot import Chatbot
from connector.sources.ehr_button import EhrButton


def _lines(documents: list[Any]) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def _message(role: str, text: str, second: int) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m{second}",
        "channelId": "webchat",
        "conversation": {"id": "conv-1"},
        "timestamp": f"2026-03-02T16:11:{second:02}Z",
        "from": {"id": role, "role": role},
        "text": text,
    }


FULL = {
    "request_id": "R-1",
    "source": {"system": "Epic", "tenant": "north", "unknown": [1, {"deep": None}]},
    "submitted_at": "2026-03-02T10:11:12",
    "description": "SmartText ETX 3097767 is empty for EPT 1234567",
    "requester": {"login": "jdoe", "is_physician": "no"},
    "patient": {"mrn": "00123", "room": 4},
    "attachments": [
        {"filename": "a.png", "content_type": "image/png", "content_base64": base64.b64encode(b"x").decode()}
    ],
    "extra": {"steps_tried": ["again"]},
}


class TestEhrButton(SourceContract):
    plugin = EhrButton
    options = {"timezone": "America/Chicago"}
    samples = {
        "one.json": json.dumps(FULL).encode(),
        "deep/many.json": json.dumps([FULL, {"description": "b"}, 3]).encode(),
        "lines.ndjson": _lines([{"description": "a"}, FULL, [], {"summary": "no description"}]) + b"{broken\n",
        "empty.json": b"",
        "latin.json": '{"description": "café"}'.encode("latin-1"),
    }
    crowd = {
        "a.ndjson": _lines([{"description": f"line {n}"} for n in range(1100)]),
        "b.json": json.dumps([{"description": f"element {n}"} for n in range(700)]).encode(),
        "c.json": b'{"description": "alone"}',
    }


ESCALATED = [
    _message("bot", "Hello", 1),
    _message("user", "The label printer prints blank wristbands", 2),
    {"type": "event", "name": "handoff.initiate", "id": "h1", "value": {"summary": "printer"}},
    _message("user", "And I cannot log in to the lab system", 4),
    {"type": "event", "name": "handoff.initiate", "id": "h2", "value": 7},
]
TRACKER = {
    "sender_id": "u-1",
    "slots": {"workstation": "WS-1", "patient_name": "A B"},
    "events": [
        {"event": "session_started", "timestamp": 1.5},
        {
            "event": "user",
            "text": "queue frozen",
            "timestamp": 2,
            "parse_data": {"intent": {"name": "x", "confidence": 0.5}},
        },
        {"event": "bot", "text": "see", "timestamp": 3, "data": {"buttons": [{"title": "Yes", "payload": "/yes"}]}},
        {"event": "action", "name": "action_human_handoff", "timestamp": 4},
    ],
}


class TestChatbot(SourceContract):
    plugin = Chatbot
    options = {"person": "staff"}
    samples = {
        "teams.transcript": b"\xef\xbb\xbf" + json.dumps(ESCALATED).encode(),
        "direct-line.json": json.dumps({"activities": ESCALATED[:2], "watermark": "2"}).encode(),
        "rasa.json": json.dumps(TRACKER).encode(),
        "lines.ndjson": _lines([TRACKER, {"transcript": ESCALATED}, {}, 1]) + b"{broken\n",
        "several.json": json.dumps(
            [TRACKER, {"name": "c_b", "content": json.dumps({"activities": ESCALATED})}]
        ).encode(),
    }
    crowd = {
        "a.ndjson": _lines([TRACKER, {"transcript": ESCALATED}] * 300),
        "b.json": json.dumps([{"transcript": ESCALATED}] * 100).encode(),
    }
