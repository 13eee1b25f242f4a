"""Service levels of incidents: rows that begin with the incident, pause, end, and are refreshed when they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.clock import plain
from connector.sandbox.servicenow.rules import CANCELED, CLOSED, NEW, ON_HOLD, RESOLVED
from connector.sandbox.servicenow.seed import identifier

if TYPE_CHECKING:
    from connector.sandbox.servicenow.instance import Instance

Row = dict[str, str]

RESPONSE, RESOLUTION = "Response", "Resolution"


def follow(instance: Instance, old: Row | None, row: Row) -> None:
    """Begin, pause or end the service levels of an incident that was written."""
    if not instance.service_levels:
        return
    if old is None:
        for name, seconds in instance.service_levels.items():
            _begin(instance, row, name, seconds)
    elif old["state"] != row["state"]:
        for level in instance.tables["task_sla"].where("task", row["sys_id"]) or ():
            _moved(instance, level, row)


def refresh(instance: Instance) -> None:
    """Bring percentages and breaches of what still runs up to now; the incidents themselves do not change by it."""
    now = instance.moment()
    for level in instance.tables["task_sla"].rows.values():
        if level["stage"] == "in_progress":
            _measure(instance, level, now)


def _begin(instance: Instance, row: Row, name: str, seconds: float) -> None:
    definition, table = identifier("contract_sla", name), instance.tables["task_sla"]
    contracts = instance.tables["contract_sla"]
    if definition not in contracts.rows:
        contracts.put({**contracts.defaults, "sys_id": definition, "name": name, "target": name.lower()})
    start = instance.clock_seconds(row["opened_at"])
    now = row["sys_created_on"]
    values = {"task": row["sys_id"], "sla": definition, "start_time": plain(start)}
    stamps = {"sys_created_on": now, "sys_updated_on": now, "sys_created_by": "system", "sys_updated_by": "system"}
    sys_id = identifier("task_sla", row["sys_id"], name)
    table.put({**table.defaults, **stamps, **values, "planned_end_time": plain(int(start + seconds)), "sys_id": sys_id})


def _moved(instance: Instance, level: Row, incident: Row) -> None:
    """A response is given by the first move out of New, a resolution by Resolved; On Hold stops the clock."""
    over, now = level["stage"] in ("completed", "cancelled"), instance.moment()
    state, response = incident["state"], level["sla"] == identifier("contract_sla", RESPONSE)
    if over and not (state not in (RESOLVED, CLOSED, CANCELED) and not response):
        return
    if level["stage"] == "in_progress":
        _measure(instance, level, now)
    if state == CANCELED:
        _end(level, "cancelled", now)
    elif state in (RESOLVED, CLOSED) or (response and state != NEW):
        _end(level, "completed", now)
    elif state == ON_HOLD:
        level.update(stage="paused", pause_time=plain(now))
    else:
        _go_on(instance, level, now)


def _end(level: Row, stage: str, now: int) -> None:
    level.update(stage=stage, active="false", end_time=plain(now))


def _go_on(instance: Instance, level: Row, now: int) -> None:
    """After a pause the end moves by its length."""
    if level["stage"] == "paused":
        paused = now - instance.clock_seconds(level["pause_time"])
        end = instance.clock_seconds(level["planned_end_time"]) + paused
        spent = instance.clock_seconds(level["pause_duration"]) + paused
        level.update(planned_end_time=plain(end), pause_duration=plain(spent), pause_time="")
    level.update(stage="in_progress", active="true", end_time="")


def _measure(instance: Instance, level: Row, now: int) -> None:
    start, end = (instance.clock_seconds(level[name]) for name in ("start_time", "planned_end_time"))
    share = 100 * (now - start) / max(end - start, 1)
    level["percentage"] = level["business_percentage"] = f"{max(share, 0):.2f}"
    level["has_breached"] = "true" if now > end else level["has_breached"]
