"""What the platform does to a record on its own.

Lookups, data policies, state models, and parents that pull their children along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.servicenow.errors import aborted, mandatory
from connector.sandbox.servicenow.seed import identifier

if TYPE_CHECKING:
    from connector.sandbox.servicenow.auth import Account
    from connector.sandbox.servicenow.instance import Instance

Row = dict[str, str]

NEW, IN_PROGRESS, ON_HOLD, RESOLVED, CLOSED, CANCELED = "1", "2", "3", "6", "7", "8"
AWAITING_CALLER, AWAITING_PROBLEM = "1", "3"

# impact, urgency -> priority: the sample data of `dl_u_priority`.
_PRIORITY = {("1", "1"): "1", ("1", "2"): "2", ("1", "3"): "3", ("2", "1"): "2", ("2", "2"): "3", ("2", "3"): "4"}
_PRIORITY |= {("3", "1"): "3", ("3", "2"): "4", ("3", "3"): "5"}

_MOVES = {
    "101": {"102"},
    "102": {"103", "107"},
    "103": {"104", "106", "107"},
    "104": {"103", "106", "107"},
    "106": {"103", "107"},
    "107": {"103"},
}
_NEEDED = {
    "102": ("assigned_to",),
    "104": ("cause_notes", "fix_notes"),
    "106": ("resolution_code",),
    "107": ("resolution_code",),
}
_NEEDED_BY_CODE = {
    "fix_applied": ("cause_notes", "fix_notes"),
    "risk_accepted": ("cause_notes", "fix_notes", "close_notes"),
    "canceled": ("close_notes",),
    "duplicate": ("duplicate_of",),
}


def before(instance: Instance, table: str, old: Row | None, row: Row, account: Account) -> None:
    """Before a row is written: settle what depends on what, or refuse. `old` is None on insert."""
    if table not in ("incident", "problem"):
        return
    if priority := _PRIORITY.get((row["impact"], row["urgency"])):
        row["priority"] = priority
    if table == "incident":
        _incident(instance, old, row, account)
    else:
        _problem(instance, old, row, account)


def after(instance: Instance, table: str, old: Row | None, row: Row, account: Account) -> None:
    """After a row was written: what follows for other rows."""
    if table == "incident":
        _counters(instance, old, row)
        if old is not None and old["state"] != row["state"]:
            _children(instance, old, row, account)
    elif table == "problem" and old is not None and old["state"] != row["state"] and row["state"] in ("106", "107"):
        _problem_over(instance, row, account)


def _incident(instance: Instance, old: Row | None, row: Row, account: Account) -> None:
    _mirror(old, row, "incident_state")
    was, now = (old["state"] if old else NEW), row["state"]
    if old and not account.admin:
        _guard_closed(instance, old, row)
    if now in (RESOLVED, CLOSED) and was not in (RESOLVED, CLOSED) and instance.resolution_mandatory:
        _require(instance, "incident", row, ("close_code", "close_notes"))
    if now != ON_HOLD:
        row["hold_reason"] = ""
    moment, who = row["sys_updated_on"], account.sys_id
    if now in (RESOLVED, CLOSED) and not row["resolved_at"]:
        row.update(resolved_at=moment, resolved_by=who)
        seconds = str(max(instance.clock_seconds(moment) - instance.clock_seconds(row["opened_at"]), 0))
        row.update(calendar_stc=seconds, business_stc=seconds)
    if now in (CLOSED, CANCELED):
        row["active"] = "false"
        if not row["closed_at"]:
            row.update(closed_at=moment, closed_by=who)
    elif old and was in (RESOLVED, CLOSED, CANCELED) and now in (NEW, IN_PROGRESS, ON_HOLD):
        count = str(int(row["reopen_count"] or "0") + 1)
        row.update(active="true", reopen_count=count, reopened_time=moment, reopened_by=who)
        row.update(resolved_at="", resolved_by="", closed_at="", closed_by="")
    if old and old["assignment_group"] and old["assignment_group"] != row["assignment_group"]:
        row["reassignment_count"] = str(int(row["reassignment_count"] or "0") + 1)


def _guard_closed(instance: Instance, old: Row, row: Row) -> None:
    if not instance.closed_locked:
        return
    if old["state"] in (CLOSED, CANCELED):
        rule = "Prevent changes to closed incidents"
    elif row["state"] == CLOSED:
        rule = "Restrict closing to incident managers"
    else:
        return
    raise aborted("incident", rule, identifier("sys_script", rule))


def _mirror(old: Row | None, row: Row, other: str) -> None:
    """`state` and its legacy twin agree; where both were written, `state` wins."""
    if old is not None and row["state"] == old["state"] and row[other] != old[other]:
        row["state"] = row[other]
    row[other] = row["state"]


def _require(instance: Instance, table: str, row: Row, names: tuple[str, ...]) -> None:
    columns = instance.tables[table].columns
    absent = [columns[name].label for name in names if not row[name]]
    if absent:
        raise mandatory(*absent)


def _problem(instance: Instance, old: Row | None, row: Row, account: Account) -> None:
    _mirror(old, row, "problem_state")
    was, now = (old["state"] if old else "101"), row["state"]
    moment, who = row["sys_updated_on"], account.sys_id
    if was != now:
        if now not in _MOVES.get(was, ()):
            if not instance.refuses_moves:
                row["state"] = row["problem_state"] = was
                return
            rule = f"Problem state transition from state {was} to {now} is not possible"
            raise aborted("problem", rule, identifier("sys_script", "problem state model"))
        _require(instance, "problem", row, _NEEDED.get(now, ()))
        if now in ("106", "107"):
            _require(instance, "problem", row, _NEEDED_BY_CODE.get(row["resolution_code"], ()))
            if not row["resolved_at"]:
                row.update(resolved_at=moment, resolved_by=who)
        elif now == "103" and was in ("106", "107"):
            row.update(resolved_at="", resolved_by="", closed_at="", closed_by="", active="true")
            row["reopen_count"] = str(int(row["reopen_count"] or "0") + 1)
        elif now == "103":
            row.update(confirmed_at=moment, confirmed_by=who)
        elif now == "104":
            row.update(fix_at=moment, fix_by=who)
    if now == "107" and row["active"] == "true":
        row.update(active="false", closed_at=moment, closed_by=who)


def _counters(instance: Instance, old: Row | None, row: Row) -> None:
    for column, target, count in (
        ("parent_incident", "incident", "child_incidents"),
        ("problem_id", "problem", "related_incidents"),
    ):
        for key in {row[column], old[column] if old else ""}:
            superior = instance.tables[target].rows.get(key)
            if superior is not None and (old is None or old[column] != row[column]):
                superior[count] = str(len(instance.tables["incident"].where(column, key) or ()))


def _children(instance: Instance, old: Row, row: Row, account: Account) -> None:
    """Parent and child incidents move together, except where the base system leaves the child alone."""
    values: Row
    if row["state"] == RESOLVED:
        values = {name: row[name] for name in ("state", "close_code", "close_notes")}
    elif row["state"] == IN_PROGRESS or (row["state"] == ON_HOLD and row["hold_reason"] != AWAITING_CALLER):
        values = {name: row[name] for name in ("state", "hold_reason")}
    else:
        return
    for child in list(instance.tables["incident"].where("parent_incident", row["sys_id"]) or ()):
        reopening = old["state"] in (RESOLVED, CLOSED)
        final = child["state"] in (CLOSED, CANCELED) or (child["state"] == RESOLVED and not reopening)
        if child["sys_id"] != row["sys_id"] and not final and child["state"] != row["state"]:
            instance.write("incident", child, values, account)


def _problem_over(instance: Instance, row: Row, account: Account) -> None:
    """What a resolved problem does to the incidents that wait for it."""
    for incident in list(instance.tables["incident"].where("problem_id", row["sys_id"]) or ()):
        if row["resolution_code"] == "fix_applied" and (incident["state"], incident["hold_reason"]) == (
            ON_HOLD,
            AWAITING_PROBLEM,
        ):
            notes = row["fix_notes"] or "Fixed by problem " + row["number"]
            values = {"state": RESOLVED, "close_code": "Resolved by problem", "close_notes": notes}
            instance.write("incident", incident, values, account)
        elif row["resolution_code"] == "risk_accepted" and incident["active"] == "true":
            instance.write("incident", incident, {"work_notes": "Risk accepted: " + row["close_notes"]}, account)
