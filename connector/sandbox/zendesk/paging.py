"""Lists, in pages: by cursor (`page[size]`) and by offset (`page`, `per_page`), each with its own shape."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.errors import bad_attribute

Record = dict[str, Any]

_PAGE = 100
_DEEPEST = 10_000


def paged(call: Call, name: str, records: Sequence[Record], show: Callable[[Record], Record], **more: Any) -> Answer:
    """One page of the records, in the shape that the call asks for."""
    if any(key.startswith("page[") for key in call.params):
        return _by_cursor(call, name, records, show, more)
    number, size = max(call.whole("page", 1), 1), min(max(call.whole("per_page", _PAGE), 1), _PAGE)
    if number * size > _DEEPEST:
        raise bad_attribute("Offset pagination is limited to the first 10000 records. Use cursor pagination.")
    start = (number - 1) * size
    following = _at(call, page=number + 1, per_page=size) if start + size < len(records) else None
    before = _at(call, page=number - 1, per_page=size) if number > 1 else None
    page = [show(record) for record in records[start : start + size]]
    shape = {"count": len(records), "next_page": following, "previous_page": before}
    return json_answer(200, {name: page, **more, **shape})


def _by_cursor(
    call: Call, name: str, records: Sequence[Record], show: Callable[[Record], Record], more: Record
) -> Answer:
    size = min(max(call.whole("page[size]", _PAGE), 1), _PAGE)
    start = decode(call.param("page[after]")) or 0
    page = records[start : start + size]
    end = start + len(page)
    after, before = encode(end), encode(max(start - size, 0))
    # The next link stays a URL at the end too: only `has_more` says that it is the end.
    links = {"next": _at(call, **{"page[after]": after, "page[size]": size})}
    links["prev"] = _at(call, **{"page[before]": before, "page[size]": size})
    meta = {"has_more": end < len(records), "after_cursor": after, "before_cursor": before}
    shape = {"meta": meta, "links": links if page else {"next": None, "prev": None}}
    return json_answer(200, {name: [show(record) for record in page], **more, **shape})


def _at(call: Call, **changed: Any) -> str:
    pairs = [(key, value) for key, value in call.pairs if key not in changed and not key.startswith("page[")]
    return f"{call.base}{call.path}?{urlencode([*pairs, *changed.items()])}"


def encode(place: int | str) -> str:
    """An opaque cursor."""
    return base64.urlsafe_b64encode(f"at:{place}".encode()).decode()


def decode(cursor: str) -> int | None:
    """The place that a cursor stands for; None where there is none. Refuses what is no cursor."""
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        return int(text.removeprefix("at:"))
    except (binascii.Error, ValueError) as error:
        raise bad_attribute("The cursor is invalid") from error
