"""Which path of the instance is served by what, and what every REST call must bring along."""

from __future__ import annotations

import re

from connector.sandbox.messages import Answer, Call, Routes
from connector.sandbox.servicenow import attachments, batch, imports, table
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import refusal
from connector.sandbox.servicenow.service import Service

_VERSION = re.compile(r"^/api/now/v[12](?=/)")
_READABLE = {"application/json", "text/json", "application/*", "*/*"}


_ROWS, _ONE, _FILE = "/api/now/table/{table}", "/api/now/table/{table}/{sys_id}", "/api/now/attachment/{sys_id}"
_ROUTES = Routes(
    [
        ("GET", _ROWS, table.list_rows),
        ("POST", _ROWS, table.create),
        ("GET", _ONE, table.read),
        ("PATCH", _ONE, table.change),
        ("PUT", _ONE, table.change),
        ("DELETE", _ONE, table.delete),
        ("GET", "/api/now/stats/{table}", table.stats),
        ("GET", "/api/now/attachment", attachments.list_files),
        ("POST", "/api/now/attachment/file", attachments.send),
        ("POST", "/api/now/attachment/upload", attachments.upload),
        ("GET", _FILE, attachments.describe),
        ("PATCH", _FILE, attachments.rename),
        ("DELETE", _FILE, attachments.delete),
        ("GET", _FILE + "/file", attachments.content),
        ("POST", "/api/now/import/{staging}", imports.load),
        ("GET", "/api/now/import/{staging}/{sys_id}", imports.outcome),
        ("POST", "/api/now/batch", batch.serve_all),
    ]
)


class ServiceNow(Service):
    """An emulated instance that answers calls."""

    def seconds(self, call: Call) -> float:
        """What the records that this call writes cost together; a batch is cut off when its time is over."""
        if self.work <= 0 or call.method == "GET":
            return 0.0
        return self.work if not call.path.endswith("/batch") else batch.seconds(self, call)

    def serve(self, call: Call, account: Account) -> Answer:
        """Find the handler of a call and run it. Raises `Refusal`."""
        method = call.headers.get("x-http-method-override", call.method).upper()
        path = _VERSION.sub("/api/now", call.path)
        found = _ROUTES.find("GET" if method == "HEAD" else method, path)
        if found is None or (path == "/api/now/batch" and path == call.path):
            raise refusal(400, "Requested URI does not represent any resource", call.path)
        handler, values = found
        if handler is None:
            raise refusal(405, "Method not supported", f"{method} is not supported for this resource")
        _negotiate(call, method, path)
        return handler(self, call, account, **values)


def _negotiate(call: Call, method: str, path: str) -> None:
    accept = call.headers.get("accept", "")
    if not accept:
        raise refusal(400, "Missing Accept header", "The Accept header is mandatory")
    kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    if not kinds & _READABLE and not path.endswith("/file"):
        raise refusal(406, "Not acceptable", f"Accept {accept} is not supported")
    if method not in ("POST", "PUT", "PATCH", "DELETE") or path.startswith("/api/now/attachment"):
        return
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not kind:
        raise refusal(400, "Missing Content-Type header", "The Content-Type header is mandatory")
    if kind not in ("application/json", "text/json"):
        raise refusal(415, "Unsupported media type", f"Content-Type {kind} is not supported")
