"""The Batch API: one after another, no rollback, and what does not fit into 30 seconds is not serviced."""

from __future__ import annotations

import base64
import binascii
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import refusal

if TYPE_CHECKING:
    from connector.sandbox.servicenow.service import ServiceNow

_QUOTA_SECONDS = 30.0


def serve_all(instance: ServiceNow, call: Call, account: Account) -> Answer:
    """`POST /api/now/v1/batch`."""
    try:
        document = call.json()
        requests = [item for item in document["rest_requests"] if isinstance(item, dict)]
    except (ValueError, KeyError, TypeError) as error:
        raise refusal(400, "Exception while reading request", "rest_requests is missing") from error
    serviced, unserviced, spent = [], [], 0.0
    for item in requests:
        spent += instance.batch_item_seconds
        if spent > _QUOTA_SECONDS:
            unserviced.append(str(item.get("id", "")))
        else:
            serviced.append(_one(instance, call, account, item))
    result = {"batch_request_id": str(document.get("batch_request_id", "")), "serviced_requests": serviced}
    return json_answer(200, {**result, "unserviced_requests": unserviced})


def _one(instance: ServiceNow, outer: Call, account: Account, item: dict[str, Any]) -> dict[str, Any]:
    try:
        inner = _call(outer, item)
        answer = instance.serve(inner, account)
    except Refusal as refused:
        answer = refused.answer
    found = {
        "id": str(item.get("id", "")),
        "status_code": answer.status,
        "status_text": HTTPStatus(answer.status).phrase,
        "body": base64.b64encode(answer.body).decode(),
        "execution_time": int(instance.batch_item_seconds * 1000),
    }
    if not item.get("exclude_response_headers"):
        headers = [("Content-Type", answer.content_type), *answer.headers]
        found["headers"] = [{"name": name, "value": value} for name, value in headers]
    if answer.status >= 400:
        found["error_message"] = _message(answer)
    return found


def _call(outer: Call, item: dict[str, Any]) -> Call:
    path, _, query = str(item.get("url", "")).partition("?")
    headers = {"host": outer.headers.get("host", "")}
    for header in item.get("headers") or ():
        if isinstance(header, dict):
            headers[str(header.get("name", "")).lower()] = str(header.get("value", ""))
    try:
        body = base64.b64decode(str(item.get("body") or ""), validate=True)
    except binascii.Error as error:
        raise refusal(400, "Exception while reading request", "The body of a batch item must be base64") from error
    return Call(str(item.get("method", "GET")).upper(), path, query, headers, body)


def _message(answer: Answer) -> str:
    try:
        return str(json.loads(answer.body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return HTTPStatus(answer.status).phrase
