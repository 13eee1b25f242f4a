"""What a user writes today with pysnow or zenpy: read the inbox, and one call after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.cost import Cost, Meter


def pysnow_loop(url: str, folder: Path, looks: bool) -> tuple[int, Cost]:
    """An incident for each line; with `looks`, only where there is none of its number yet."""
    import pysnow

    meter, made = Meter(), 0
    client = pysnow.Client(host=url.partition("//")[2], user="sync", password="sandbox", use_ssl=False)
    incidents = client.resource(api_path="/table/incident")
    for press in _presses(folder):
        key = press["request_id"]
        if looks and incidents.get(query={"correlation_id": key}, limit=1).one_or_none():
            continue
        incidents.create(payload=incident(press))
        made += 1
    return made, meter.read()


def zenpy_loop(url: str, folder: Path, looks: bool) -> tuple[int, Cost]:
    """A ticket for each line; with `looks`, only where a search finds none of its number yet."""
    from zenpy import Zenpy
    from zenpy.lib.api_objects import Comment, Ticket, User

    meter, made = Meter(), 0
    account = {"subdomain": "bench", "email": "sync@northfield-hospital.example", "token": "sandbox"}
    client = Zenpy(**account, session=_session_to(url))
    for press in _presses(folder):
        said = ticket(press)
        if looks and any(client.search(type="ticket", external_id=said["external_id"])):
            continue
        requester, comment = User(**said.pop("requester")), Comment(**said.pop("comment"))
        client.tickets.create(Ticket(requester=requester, comment=comment, **said))
        made += 1
    return made, meter.read()


def incident(press: dict[str, Any]) -> dict[str, Any]:
    """The fields that a simple mapping fills."""
    return {
        "short_description": press["summary"],
        "description": press["description"],
        "caller_id": press["requester"]["login"],
        "impact": "2",
        "urgency": "1",
        "correlation_id": press["request_id"],
    }


def ticket(press: dict[str, Any]) -> dict[str, Any]:
    """The same for Zendesk."""
    person = press["requester"]
    return {
        "subject": press["summary"],
        "comment": {"body": press["description"]},
        "requester": {"name": person["name"], "email": person["email"]},
        "priority": "high",
        "external_id": press["request_id"],
    }


def _presses(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "inbox" / "new.ndjson").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _session_to(url: str) -> Any:
    """zenpy speaks to https://bench.zendesk.com alone; the emulated one is here."""
    import requests

    class Here(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *given: Any, **more: Any) -> requests.Response:
            request.url = str(request.url).replace("https://bench.zendesk.com", url)
            return super().send(request, *given, **more)

    session = requests.Session()
    session.trust_env = False
    session.mount("https://bench.zendesk.com", Here())
    return session
