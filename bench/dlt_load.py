"""What a user writes with dlt: a custom destination that posts each row with dlt's own retrying `requests`.

Runs in an environment of its own: dlt wants a newer pytz than pysnow allows.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cost import Cost, Meter
from bench.loops import incident, ticket

PATHS = {"servicenow": "/api/now/table/incident", "zendesk": "/api/v2/tickets.json"}
AUTH = {"servicenow": ("sync", "sandbox"), "zendesk": ("sync@northfield-hospital.example/token", "sandbox")}


def load(sink: str, url: str, folder: Path) -> tuple[int, Cost]:
    """A pipeline from the inbox to the help desk, one row after another."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(folder / "dlt")
    import dlt
    from dlt.sources.helpers import requests

    meter, made = Meter(), 0
    session = requests.Client().session
    session.trust_env = False

    @dlt.destination(name=sink, batch_size=10)
    def desk(items: list[dict[str, Any]], table: Any) -> None:
        nonlocal made
        for item in items:
            said = json.loads(item["said"])
            session.post(url + PATHS[sink], auth=AUTH[sink], json=said).raise_for_status()
            made += 1

    @dlt.resource(name="tickets")
    def tickets() -> Iterator[dict[str, str]]:
        with (folder / "inbox" / "new.ndjson").open(encoding="utf-8") as lines:
            for press in map(json.loads, lines):
                said = incident(press) if sink == "servicenow" else {"ticket": ticket(press)}
                yield {"said": json.dumps(said)}

    pipeline = dlt.pipeline("bench", destination=desk, pipelines_dir=str(folder / "dlt"))
    pipeline.run(tickets()).raise_on_failed_jobs()
    return made, meter.read()
