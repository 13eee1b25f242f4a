"""The Batch API: one after another, no rollback, and what does not fit into 30 seconds is not serviced."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import refusal
from connector.sandbox.servicenow.service import Service

Item = dict[str, Any]

_QUOTA_SECONDS = 30.0


def serve_all(instance: Service, call: Call, account: Account) -> Answer:
    """`POST /api/now/v1/batch`."""
    items = _items(call)
    done = len(items) // 2 if call.flaw == "unserviced" else _within_quota(instance, items)
    middle = len(items) // 2
    serviced = [_one(instance, call, account, item, at == middle) for at, item in enumerate(items[:done])]
    if call.flaw == "unserviced" and done < len(items):
        _one(instance, call, account, items[done])  # in flight when the batch was cut
    result = {"batch_request_id": str(call.json().get("batch_request_id", "")), "serviced_requests": serviced}
    return json_answer(200, {**result, "unserviced_requests": [str(item.get("id", "")) for item in items[done:]]})


def seconds(instance: Service, call: Call) -> float:
    """What the records that a batch writes cost together, to the end of its quota."""
    try:
        writing = [item for item in _items(call) if item.get("method") != "GET"]
    except Refusal:
        return 0.0
    return min(len(writing) * instance.work, _QUOTA_SECONDS)


def _items(call: Call) -> list[Item]:
    try:
        return [item for item in call.json()["rest_requests"] if isinstance(item, dict)]
    except (ValueError, KeyError, TypeError) as error:
        raise refusal(400, "Exception while reading request", "rest_requests is missing") from error


def _within_quota(instance: Service, items: list[Item]) -> int:
    """How many items are done before the batch's time is over."""
    spent = 0.0
    for position, item in enumerate(items):
        spent += instance.batch_item_seconds + (instance.work if item.get("method") != "GET" else 0.0)
        if spent > _QUOTA_SECONDS:
            return position
    return len(items)


def _one(instance: Service, outer: Call, account: Account, item: Item, spoilt: bool = False) -> Item:
    flaw = outer.flaw if spoilt else ""
    try:
        inner = _call(outer, item)
        over = instance.limits.check(inner) if instance.batch_charged else None
        answer = over or (None if flaw == "item" else instance.serve(inner, account))
    except Refusal as refused:
        answer = refused.answer
    if answer is None or flaw == "item_after":
        answer = instance.status(outer.fault.status if outer.fault else 500)
    return _shown(instance, item, answer)


def _shown(instance: Service, item: Item, answer: Answer) -> Item:
    found = {
        "id": str(item.get("id", "")),
        "status_code": answer.status,
        "status_text": HTTPStatus(answer.status).phrase,
        "body": base64.b64encode(answer.body).decode(),
        "execution_time": int((instance.batch_item_seconds + instance.work) * 1000),
    }
    if not item.get("exclude_response_headers"):
        headers = [("Content-Type", answer.content_type), *answer.headers]
        found["headers"] = [{"name": name, "value": value} for name, value in headers]
    if answer.status >= 400:
        found["error_message"] = _message(answer)
    return found


def _call(outer: Call, item: Item) -> Call:
    path, _, query = str(item.get("url", "")).partition("?")
    headers = {"host": outer.headers.get("host", "")}
    for header in item.get("headers") or ():
        if isinstance(header, dict):
            headers[str(header.get("name", "")).lower()] = str(header.get("value", ""))
    try:
        body = base64.b64decode(str(item.get("body") or ""), validate=True)
    except binascii.Error as error:
        raise refusal(400, "Exception while reading request", "The body of a batch item must be base64") from error
    return Call(str(item.get("method", "GET")).upper(), path, query, headers, body, outer.at)


def _message(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return HTTPStatus(answer.status).phrase
