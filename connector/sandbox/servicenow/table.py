"""The Table API and the Aggregate API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.servicenow import slas
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import missing, refusal
from connector.sandbox.servicenow.query import Query, parse, select
from connector.sandbox.servicenow.view import Look

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance

Row = dict[str, str]


def list_rows(instance: Instance, call: Call, account: Account, table: str) -> Answer:
    """`GET /api/now/table/{table}`."""
    rows, headers = page(instance, call, _known(instance, table), 10000)
    if not rows and call.path.startswith("/api/now/v1/"):
        raise refusal(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
    look = Look.of(call)
    return json_answer(200, {"result": [instance.view.render(table, row, look) for row in rows]}, headers)


def page(instance: Instance, call: Call, table: str, default_limit: int) -> tuple[list[Row], list[tuple[str, str]]]:
    """The rows of one page and its headers. The limit comes before the ACLs, so a page may be short."""
    found = matching(instance, call, table)
    limit = max(call.whole("sysparm_limit", default_limit), 0)
    offset = call.whole("sysparm_offset", 0)
    if offset < 0:
        raise refusal(400, "Invalid offset", "sysparm_offset must not be negative")
    rows = [row for row in found[offset : offset + limit] if row["sys_id"] not in instance.hidden]
    if (table, "read") in instance.denied:
        rows = []
    return rows, _paging(call, len(found), limit, offset)


def matching(instance: Instance, call: Call, table: str) -> list[Row]:
    """Rows that match sysparm_query and every other parameter that names a column."""
    if table == "task_sla":
        slas.refresh(instance)
    parts = [call.param("sysparm_query")]
    for name, value in call.pairs:
        if not name.startswith("sysparm_") and instance.reader.column(table, name):
            parts.append(f"{name}={value.replace('^', '^^')}")
    query: Query = parse("^".join(part for part in parts if part), table, instance.reader)
    if query.invalid and instance.invalid_query_returns_no_rows:
        return []
    return select(query, instance.tables[table], instance.reader)


def _paging(call: Call, total: int, limit: int, offset: int) -> list[tuple[str, str]]:
    headers = []
    counted = call.param("sysparm_no_count").lower() != "true"
    if counted:
        headers.append(("X-Total-Count", str(total)))
    if total > limit > 0 and call.param("sysparm_suppress_pagination_header").lower() != "true":
        places = {"first": 0, "prev": max(offset - limit, -1) if offset else None}
        places |= {"next": offset + limit if offset + limit < total else None}
        places |= {"last": (total - 1) // limit * limit if counted else None}
        links = [f'<{_at(call, place)}>;rel="{rel}"' for rel, place in places.items() if place is not None]
        headers.append(("Link", ",".join(links)))
    return headers


def _at(call: Call, offset: int) -> str:
    """This call's address at another offset; the query is echoed, not encoded again."""
    kept = [f"{name}={value}" for name, value in call.pairs if name != "sysparm_offset"]
    text = f"{call.base}{call.path}?{'&'.join([*kept, f'sysparm_offset={offset}'])}"
    return text.encode("ascii", "replace").decode()


def read(instance: Instance, call: Call, account: Account, table: str, sys_id: str) -> Answer:
    """`GET /api/now/table/{table}/{sys_id}`."""
    row = _row(instance, _known(instance, table), sys_id)
    return json_answer(200, {"result": instance.view.render(table, row, Look.of(call))})


def create(instance: Instance, call: Call, account: Account, table: str) -> Answer:
    """`POST /api/now/table/{table}`."""
    values = read_body(instance, call)
    own_stamps = call.param("sysparm_suppress_auto_sys_field").lower() == "true"
    row = instance.insert(_known(instance, table), values, account, _display(call), own_stamps)
    headers = [("Location", f"{call.base}/api/now/table/{table}/{row['sys_id']}")]
    if call.headers.get("x-no-response-body", "").lower() == "true":
        return Answer(201, b"", headers)
    return json_answer(201, {"result": instance.view.render(table, row, Look.of(call))}, headers)


def change(instance: Instance, call: Call, account: Account, table: str, sys_id: str) -> Answer:
    """`PATCH` and `PUT`, which do the same."""
    values = read_body(instance, call)
    old = _row(instance, _known(instance, table), sys_id)
    row = instance.update(table, old, values, account, _display(call))
    return json_answer(200, {"result": instance.view.render(table, row, Look.of(call))})


def delete(instance: Instance, call: Call, account: Account, table: str, sys_id: str) -> Answer:
    """`DELETE /api/now/table/{table}/{sys_id}`."""
    instance.delete(table, _row(instance, _known(instance, table), sys_id), account)
    return Answer(204)


def stats(instance: Instance, call: Call, account: Account, table: str) -> Answer:
    """`GET /api/now/stats/{table}`: counts, as strings, in groups where asked."""
    rows = matching(instance, call, _known(instance, table))
    group = call.param("sysparm_group_by")
    if not group:
        return json_answer(200, {"result": {"stats": {"count": str(len(rows))}}})
    counts: dict[str, int] = {}
    for row in rows:
        value = instance.reader.value(table, row, group)
        counts[value] = counts.get(value, 0) + 1
    result = [
        {"stats": {"count": str(count)}, "groupby_fields": [{"field": group, "value": value}]}
        for value, count in counts.items()
    ]
    return json_answer(200, {"result": result})


def _known(instance: Instance, table: str) -> str:
    if table not in instance.tables or table == "sys_attachment":
        raise refusal(400, f"Invalid table {table}")
    return table


def _row(instance: Instance, table: str, sys_id: str) -> Row:
    row = instance.tables[table].rows.get(sys_id)
    if row is None or sys_id in instance.hidden or (table, "read") in instance.denied:
        raise missing()
    return row


def _display(call: Call) -> bool:
    return call.param("sysparm_input_display_value").lower() == "true"


def read_body(instance: Instance, call: Call) -> dict[str, Any]:
    """The values that were sent; of an array only the first element counts. Refuses what is too big or no JSON."""
    if len(call.body) > instance.max_body:
        size = f"content-length = {len(call.body)} bytes. Max allowed: {instance.max_body} bytes."
        detail = f"Rejected large REST payload with {size}"
        raise refusal(400, "Exception while reading request", detail)
    try:
        document = call.json() if call.body else {}
    except ValueError as error:
        raise refusal(400, "Exception while reading request", "The payload is not valid JSON") from error
    if isinstance(document, list):
        document = document[0] if document else {}
    if not isinstance(document, dict):
        raise refusal(400, "Exception while reading request", "Expected a JSON object")
    return document
