"""Many calls in one, and the answer taken apart again (ServiceNow docs, Batch API). Pure.

The calls are worked off in order, without rollback, for 30 seconds; what was not begun by then is listed by its id.
Nothing is believed of an item but what its own id, given once, says.
"""

from __future__ import annotations

import binascii
import functools
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.jsontext import dump_ascii
from connector.sinks.servicenow.desk import RAW, Call
from connector.wire import Seen

PATH = "/api/now/v1/batch"  # the version is required here
MOST = 50  # calls in one
LARGEST = 5 * 1024 * 1024  # bytes that the instance takes as an item (`glide.rest.batch.max.inputSize`); kept for all

_ENVELOPE = 400  # bytes of an item besides its address and its body
_HEADERS = [{"name": "Content-Type", "value": "application/json"}, {"name": "Accept", "value": "application/json"}]


@dataclass(frozen=True, slots=True)
class Inner:
    """The answer to one of the calls. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def packed(calls: Mapping[str, Call]) -> tuple[bytes, int]:
    """The body that asks for the calls by their ids, and how many of them, from the first on, have room in it."""
    items: list[dict[str, Any]] = []
    size = 0
    for name, call in calls.items():
        address, body = _address(call.path, call.shown), _body(call.body)
        size += len(address) + len(body) + _ENVELOPE
        if size > LARGEST:
            break
        items.append({"id": name, "method": call.method, "url": address, "headers": _HEADERS, "body": body})
    document = {"batch_request_id": "connector", "rest_requests": items}
    return dump_ascii(document), len(items)


def unpacked(document: Mapping[str, Any], asked: Sequence[str]) -> dict[str, Inner | Seen]:
    """For each id its own answer, or what is seen instead. Raises ValueError where this is no answer to a batch.

    The first call that the instance did not come to may have been the one at which it was cut off.
    """
    serviced, unserviced = document["serviced_requests"], document.get("unserviced_requests")
    if not isinstance(serviced, list):
        raise ValueError("no answer to a batch")
    given = _once(serviced)
    left = {name for name in unserviced if isinstance(name, str)} if isinstance(unserviced, list) else set()
    found: dict[str, Inner | Seen] = {}
    cut = next((name for name in asked if name in left), None)
    for name in asked:
        inner = given.get(name)
        if name in left:
            found[name] = Seen.UNSERVICED if name not in given and name != cut else Seen.LOST
        else:
            found[name] = inner or Seen.GARBLED
    return found


def _once(serviced: Iterable[Any]) -> dict[str, Inner | None]:
    """The answers by their ids; an id that is given twice has none."""
    given: dict[str, Inner | None] = {}
    for item in serviced:
        if isinstance(item, dict) and isinstance(name := item.get("id"), str):
            given[name] = _inner(item) if name not in given else None
    return given


def _inner(item: Mapping[str, Any]) -> Inner | None:
    status, body, headers = item.get("status_code"), item.get("body"), item.get("headers")
    if type(status) is not int or not isinstance(body, str | None):
        return None
    try:
        content = binascii.a2b_base64(body or "", strict_mode=True)
    except ValueError:
        return None
    pairs = headers if isinstance(headers, list) else ()
    named = {str(each.get("name")).lower(): str(each.get("value")) for each in pairs if isinstance(each, dict)}
    return Inner(status, named, content)


@functools.lru_cache(maxsize=256)
def _query(shown: tuple[str, ...]) -> str:
    return urllib.parse.urlencode({**RAW, "sysparm_fields": ",".join(shown)} if shown else RAW)


def _address(path: str, shown: tuple[str, ...]) -> str:
    return f"/api/now{path}?{_query(shown)}"


def _body(body: Mapping[str, Any]) -> str:
    return binascii.b2a_base64(dump_ascii(body), newline=False).decode("ascii")
