"""The two emulated help desks as an outage sees them: its parents, who hangs on them, who was solved, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from connector.sandbox import Sandbox
from connector.sandbox.servicenow.auth import Account
from connector.sandbox.zendesk import writing

ANN = Account("ann.lee", "", "a" * 32, admin=True)


class Desk(Protocol):
    """One help desk. Records are named by their remote ids."""

    def records(self) -> list[str]:
        """The key of the connector that each record of a ticket carries."""

    def parents(self) -> list[str]:
        """The parents of outages."""

    def linked(self) -> Counter[tuple[str, str]]:
        """How often each child began to hang on each parent."""

    def solved(self) -> Counter[str]:
        """How often each ticket came to be solved."""

    def over(self) -> set[str]:
        """The tickets that are solved now."""

    def solve(self, parent: str) -> None:
        """An analyst solves an outage."""


class ServiceNowDesk:
    """Keeps what was changed as it is written: the platform's own history is not emulated."""

    def __init__(self, box: Sandbox) -> None:
        self._desk = box.servicenow
        self._before = {row["sys_id"] for row in self._desk.rows("problem")}
        self._linked: Counter[tuple[str, str]] = Counter()
        self._solved: Counter[str] = Counter()
        write = self._desk.write

        def noted(table: str, old: Mapping[str, str], *rest: Any, **more: Any) -> Any:
            row = write(table, dict(old), *rest, **more)
            if row.get("problem_id") and row["problem_id"] != old["problem_id"]:
                self._linked[row["sys_id"], row["problem_id"]] += 1
            if table == "incident" and row["state"] == "6" != old["state"]:
                self._solved[row["sys_id"]] += 1
            return row

        self._desk.write = noted  # type: ignore[method-assign]

    def records(self) -> list[str]:
        return [row["correlation_id"] for row in self._desk.rows("incident")]

    def parents(self) -> list[str]:
        return [row["sys_id"] for row in self._desk.rows("problem") if row["sys_id"] not in self._before]

    def linked(self) -> Counter[tuple[str, str]]:
        return self._linked

    def solved(self) -> Counter[str]:
        return Counter(self._solved)

    def over(self) -> set[str]:
        return {row["sys_id"] for row in self._desk.rows("incident") if row["state"] == "6"}

    def solve(self, parent: str) -> None:
        steps: tuple[dict[str, str], ...] = (
            {"state": "102", "assigned_to": ANN.sys_id},
            {"state": "103"},
            {"state": "104", "cause_notes": "A full disk.", "fix_notes": "A larger disk."},
            {"state": "106", "resolution_code": "fix_applied"},
        )
        with self._desk.lock:
            for values in steps:
                self._desk.write("problem", self._desk.tables["problem"].rows[parent], values, ANN)


class ZendeskDesk:
    """Reads the audits of the account."""

    def __init__(self, box: Sandbox) -> None:
        self._desk = box.zendesk

    def records(self) -> list[str]:
        return [str(one["external_id"]) for one in self._desk.list_tickets() if one["type"] != "problem"]

    def parents(self) -> list[str]:
        return [str(one["id"]) for one in self._desk.list_tickets() if one["type"] == "problem"]

    def linked(self) -> Counter[tuple[str, str]]:
        return Counter((key, str(value)) for key, value in self._changes("problem_id") if value)

    def solved(self) -> Counter[str]:
        parents = set(self.parents())
        return Counter(key for key, value in self._changes("status") if value == "solved" and key not in parents)

    def over(self) -> set[str]:
        return {str(one["id"]) for one in self._desk.list_tickets() if one["status"] == "solved"}

    def _changes(self, name: str) -> list[tuple[str, Any]]:
        with self._desk.lock:
            audits = [audit for each in self._desk.audits.values() for audit in each]
        return [
            (str(audit["ticket_id"]), event["value"])
            for audit in audits
            for event in audit["events"]
            if event["type"] == "Change" and event["field_name"] == name
        ]

    def solve(self, parent: str) -> None:
        with self._desk.lock:
            someone = next(user for user in self._desk.users.values() if user["role"] == "admin")
            values = {"status": "solved", "assignee_id": someone["id"], "comment": {"body": "A larger disk."}}
            writing.update(self._desk, someone, self._desk.tickets[int(parent)], values, self._desk.clock.now())


DESKS: Mapping[str, type[ServiceNowDesk] | type[ZendeskDesk]] = {"servicenow": ServiceNowDesk, "zendesk": ZendeskDesk}
