"""The reports of a morning as their channels hand them over: button payloads, mails, transcripts of a bot."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tests.corpus.outages import Report

DOMAIN = "northfield-hospital.example"
SOURCES = {"button": "button", "email": "mail", "chatbot": "bot"}


def deliver(folder: Path, reports: list[Report], start: float, quiet_since: float) -> None:
    """Put reports into the inbox; `start` is when the morning began, in seconds since the epoch."""
    for report in reports:
        at = datetime.fromtimestamp(start + report.at, UTC)
        place, text = _WRITTEN[report.channel](report, at)
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        os.utime(path, (quiet_since, quiet_since))


def _pressed(report: Report, at: datetime) -> tuple[str, str]:
    kind, _, number = report.record.partition(" ")
    payload: dict[str, Any] = {
        "request_id": report.name,
        "submitted_at": at.isoformat(timespec="seconds"),
        "source": {"system": "Epic", "environment": report.environment, "application": report.application},
        "summary": report.summary,
        "description": report.text,
        "error_text": report.error or report.code,
        "requester": {"login": f"p{report.person}", "email": f"p{report.person}@{DOMAIN}"},
        "device": {"workstation": report.workstation},
        "location": {"unit": report.unit},
        "screen": {"activity": report.activity},
        "build_records": [{"type": kind, "id": number}] if report.record else [],
    }
    return f"button/{report.name}.json", json.dumps(payload)


def _mailed(report: Report, at: datetime) -> tuple[str, str]:
    head = (
        f"From: P{report.person} <p{report.person}@{DOMAIN}>\nTo: it-help@{DOMAIN}\nSubject: {report.summary}\n"
        f"Message-ID: <{report.name}@{DOMAIN}>\nDate: {format_datetime(at)}\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
    )
    return f"mail/{report.name}.eml", f"{head}\n{report.text}\n"


def _talked(report: Report, at: datetime) -> tuple[str, str]:
    when = at.isoformat(timespec="seconds")
    user = {"id": f"29:{report.person}", "role": "user", "email": f"p{report.person}@{DOMAIN}"}
    common = {"timestamp": when, "channelId": "msteams", "conversation": {"id": report.name}}
    said = {"type": "message", "id": f"{report.name}-1", "from": user, "text": report.text}
    handed_on = {
        "type": "event",
        "name": "handoff.initiate",
        "id": f"{report.name}-2",
        "from": {"id": "28:bot", "role": "bot"},
        "value": {"va_AgentMessage": report.summary},
    }
    return f"bot/{report.name}.json", json.dumps([{**common, **said}, {**common, **handed_on}])


_WRITTEN = {"button": _pressed, "email": _mailed, "chatbot": _talked}
