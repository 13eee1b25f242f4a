"""Uploads: files under a token that lives for a while and is spent by the comment that uses it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connector.sandbox.clock import iso
from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.account import Upload
from connector.sandbox.zendesk.errors import missing, plain

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]


def upload(account: Account, call: Call, who: Record) -> Answer:
    """`POST /uploads?filename=NAME[&token=T]`: raw bytes, their type in the Content-Type."""
    name = call.param("filename")
    if not name:
        raise plain(400, "Required parameter missing: filename")
    if len(call.body) > account.max_upload:
        raise plain(413, "Attachment is too large")
    now = account.clock.now()
    held = account.uploads.get(call.param("token"))
    if held is None or held.expires <= now:
        held = Upload(secrets.token_hex(16), now + account.upload_seconds, [])
        account.uploads[held.token] = held
    attachment = _attachment(account, call, name)
    held.attachments.append(attachment)
    document = {"token": held.token, "expires_at": iso(int(held.expires)), "attachment": attachment}
    answer = json_answer(201, {"upload": {**document, "attachments": list(held.attachments)}})
    answer.content_type = "text/plain; charset=utf-8"  # recorded so, although the body is JSON
    return answer


def _attachment(account: Account, call: Call, name: str) -> Record:
    key = account.next_id()
    address = f"{call.base}/attachments/token/{secrets.token_hex(12)}/?name={quote(name)}&id={key}"
    kind = call.headers.get("content-type", "application/octet-stream").partition(";")[0]
    attachment = {
        "url": f"{call.base}/api/v2/attachments/{key}.json",
        "id": key,
        "file_name": name,
        "content_url": address,
        "mapped_content_url": address,
        "content_type": kind,
        "size": len(call.body),
        "width": None,
        "height": None,
        "inline": False,
        "deleted": False,
        "malware_access_override": False,
        "malware_scan_result": "not_scanned",
        "thumbnails": [],
    }
    account.files[key] = (attachment, call.body)
    return attachment


def withdraw(account: Account, call: Call, who: Record, token: str) -> Answer:
    """`DELETE /uploads/{token}`."""
    if account.uploads.pop(token, None) is None:
        raise missing()
    return Answer(204)


def show(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /attachments/{id}`."""
    if key not in account.files:
        raise missing()
    return json_answer(200, {"attachment": account.files[key][0]})


def content(account: Account, call: Call, who: Record, token: str) -> Answer:
    """What a `content_url` points to: the bytes, never as something that a browser would run."""
    attachment, data = account.files.get(call.whole("id", 0), (None, b""))
    if attachment is None or f"/token/{token}/" not in attachment["content_url"]:
        raise missing()
    headers = [("X-Content-Type-Options", "nosniff"), ("Content-Disposition", "attachment")]
    return Answer(200, data, headers, "application/octet-stream")
