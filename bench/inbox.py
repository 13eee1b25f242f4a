"""Inboxes of any size, realistic in shape: what a help button posts."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path


def press(number: int) -> dict[str, object]:
    """One button payload of about 1.2 KB."""
    return {
        "schema_version": "1",
        "request_id": f"r-{number:07d}",
        "source": {"system": "Epic", "environment": "PRD", "application": "Hyperspace", "app_version": "2026.1"},
        "submitted_at": "2026-11-20T08:15:00Z",
        "summary": f"Printer on unit {number % 50} does not print labels",
        "description": "When I press Print in the label activity nothing comes out. " * 6
        + "SmartText ETX 3097767 is used.",
        "error_text": "ERR-4711: spooler not available",
        "issue_type": "break/fix",
        "impact": "unit",
        "urgency": "high",
        "patient_care_affected": number % 7 == 0,
        "requester": {
            "kind": "staff",
            "login": f"user{number % 500}",
            "name": "Alex Doe",
            "email": f"user{number % 500}@northfield-hospital.example",
            "phone": "555-0100",
            "role": "RN",
            "department": "4 West",
        },
        "device": {"workstation": f"WS-{number % 900:04d}"},
        "location": {"facility": "Main", "unit": "4W", "room": "12"},
        "screen": {"workspace": "Chart", "activity": "Labels"},
    }


def lines(path: Path, count: int, first: int = 0) -> None:
    """An NDJSON file of so many presses, long quiet. They are numbered from `first`."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(first, first + count):
            file.write(json.dumps(press(number)) + "\n")
    age(path)


def files(folder: Path, count: int) -> None:
    """So many files of one press each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = folder / f"{number:06d}.json"
        path.write_text(json.dumps(press(number)), "utf-8")
        age(path)


def age(path: Path) -> None:
    """Make the file look as if it had been written an hour ago."""
    then = time.time() - 3600
    os.utime(path, (then, then))
