"""The Import Set API: a row goes to a staging table and is transformed at once, matched by its coalesce field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.servicenow.errors import denied, missing, refusal
from connector.sandbox.servicenow.table import read_body
from connector.sandbox.servicenow.values import text

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance

Row = dict[str, str]


def load(instance: Instance, call: Call, account: Account, staging: str) -> Answer:
    """`POST /api/now/import/{staging}`: 201 whatever the transform made of the row; each result says it."""
    table = instance.staging.get(staging)
    if table is None:
        raise refusal(400, f"Invalid staging table {staging}")
    if (staging, "insert") in instance.denied:
        raise denied("Insert")
    values = _mapped(instance, table, read_body(instance, call))
    result = {
        "transform_map": f"{staging} to {table}",
        "table": table,
        **_transformed(instance, call, account, table, values),
    }
    number = len(instance.staged) + 1
    sys_id = f"{instance.chance.getrandbits(128):032x}"
    document = {"import_set": f"ISET{10000 + number:07d}", "staging_table": staging, "result": [result]}
    instance.staged[staging, sys_id] = document
    return json_answer(201, document, [("Location", f"{call.base}/api/now/import/{staging}/{sys_id}")])


def outcome(instance: Instance, call: Call, account: Account, staging: str, sys_id: str) -> Answer:
    """`GET /api/now/import/{staging}/{sys_id}`."""
    if (staging, sys_id) not in instance.staged:
        raise missing()
    return json_answer(200, instance.staged[staging, sys_id])


def _mapped(instance: Instance, table: str, sent: dict[str, Any]) -> Row:
    """The transform map: each staging column `u_name` or `name` feeds `name`; empty ones overwrite nothing."""
    known = instance.tables[table].columns
    values = {}
    for name, value in sent.items():
        target = name if name in known else name.removeprefix("u_")
        if target in known and (content := text(value)):
            values[target] = content
    return values


def _transformed(instance: Instance, call: Call, account: Account, table: str, values: Row) -> dict[str, Any]:
    """Transforms run as the system: what binds people to a state does not bind them; data policies do."""
    key = values.get(instance.coalesce, "")
    if not key:
        return {"status": "skipped", "status_message": f"No value for coalesce field {instance.coalesce}"}
    system = replace(account, admin=True)
    old = instance.tables[table].first(instance.coalesce, key)
    try:
        if old is None:
            row = instance.insert(table, values, system, own_stamps=True)
        else:
            row = instance.write(table, old, values, system)
    except Refusal as refused:
        said = json.loads(refused.answer.body)["error"]
        return {
            "status": "error",
            "error_message": said["detail"] or said["message"],
            "status_message": said["message"],
        }
    changed = old is None or row["sys_mod_count"] != old["sys_mod_count"]
    return {
        "status": "inserted" if old is None else "updated" if changed else "ignored",
        "display_name": "number",
        "display_value": row["number"],
        "record_link": f"{call.base}/api/now/table/{table}/{row['sys_id']}",
        "sys_id": row["sys_id"],
    }
