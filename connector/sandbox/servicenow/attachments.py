"""The Attachment API."""

from __future__ import annotations

import hashlib
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import TYPE_CHECKING

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import denied, missing, refusal
from connector.sandbox.servicenow.table import page
from connector.sandbox.servicenow.view import Look

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance


def send(instance: Instance, call: Call, account: Account) -> Answer:
    """`POST /api/now/attachment/file`: the body is the file, its type is the Content-Type."""
    kind = call.headers.get("content-type", "")
    if not kind:
        raise refusal(400, "Missing content type", "Content-Type is mandatory")
    return _store(instance, call, account, call.params, kind, call.body)


def upload(instance: Instance, call: Call, account: Account) -> Answer:
    """`POST /api/now/attachment/upload`: a form; only what stands before the file part counts."""
    head = b"Content-Type: " + call.headers.get("content-type", "").encode("latin-1") + b"\r\n\r\n"
    form = message_from_bytes(head + call.body, policy=policy.HTTP)
    values: dict[str, str] = {}
    for part in form.iter_parts() if isinstance(form, EmailMessage) else ():
        content = part.get_payload(decode=True)
        data = content if isinstance(content, bytes) else b""
        if name := part.get_filename():
            return _store(instance, call, account, {**values, "file_name": name}, part.get_content_type(), data)
        values[str(part.get_param("name", header="content-disposition"))] = data.decode(errors="replace").strip()
    raise refusal(400, "Missing file", "No file part in the request")


def _store(instance: Instance, call: Call, account: Account, values: dict[str, str], kind: str, data: bytes) -> Answer:
    for name in ("table_name", "table_sys_id", "file_name"):
        if not values.get(name):
            raise refusal(400, "Missing parameter", f"{name} is mandatory")
    table = instance.tables.get(values["table_name"])
    if table is None or values["table_sys_id"] not in table.rows or values["table_sys_id"] in instance.hidden:
        raise missing()
    if ("sys_attachment", "insert") in instance.denied:
        raise denied("Insert")
    if len(data) > instance.max_attachment:
        raise refusal(400, "Attachment size exceeds the limit", f"Max allowed: {instance.max_attachment} bytes.")
    sys_id, now = f"{instance.chance.getrandbits(128):032x}", instance.stamp()
    attachments = instance.tables["sys_attachment"]
    row = {
        **attachments.defaults,
        **{name: values[name] for name in ("table_name", "table_sys_id", "file_name")},
        "sys_id": sys_id,
        "content_type": kind,
        "size_bytes": str(len(data)),
        "size_compressed": str(len(data)),
        "hash": hashlib.sha256(data).hexdigest(),
        "download_link": f"{call.base}/api/now/attachment/{sys_id}/file",
        **dict.fromkeys(("sys_created_on", "sys_updated_on"), now),
        **dict.fromkeys(("sys_created_by", "sys_updated_by"), account.login),
    }
    instance.files[sys_id] = data
    attachments.put(row)
    headers = [("Location", f"{call.base}/api/now/attachment/{sys_id}")]
    return json_answer(201, {"result": {**row, "state": "pending"}}, headers)


def list_files(instance: Instance, call: Call, account: Account) -> Answer:
    """`GET /api/now/attachment`."""
    rows, headers = page(instance, call, "sys_attachment", 1000)
    look = Look.of(call)
    return json_answer(200, {"result": [instance.view.render("sys_attachment", row, look) for row in rows]}, headers)


def describe(instance: Instance, call: Call, account: Account, sys_id: str) -> Answer:
    """`GET /api/now/attachment/{id}`."""
    return json_answer(200, {"result": _row(instance, sys_id)})


def content(instance: Instance, call: Call, account: Account, sys_id: str) -> Answer:
    """`GET /api/now/attachment/{id}/file`."""
    row = _row(instance, sys_id)
    return Answer(200, instance.files[sys_id], [("X-Content-Type-Options", "nosniff")], row["content_type"])


def rename(instance: Instance, call: Call, account: Account, sys_id: str) -> Answer:
    """`PATCH /api/now/attachment/{id}`."""
    row = _row(instance, sys_id)
    try:
        name = str(call.json()["file_name"])
    except (ValueError, KeyError, TypeError) as error:
        raise refusal(400, "Missing parameter", "file_name is mandatory") from error
    instance.tables["sys_attachment"].put({**row, "file_name": name})
    return Answer(204)


def delete(instance: Instance, call: Call, account: Account, sys_id: str) -> Answer:
    """`DELETE /api/now/attachment/{id}`."""
    instance.delete("sys_attachment", _row(instance, sys_id), account)
    instance.files.pop(sys_id, None)
    return Answer(204)


def _row(instance: Instance, sys_id: str) -> dict[str, str]:
    row = instance.tables["sys_attachment"].rows.get(sys_id)
    if row is None or sys_id in instance.hidden:
        raise missing()
    return row
