"""Refusals in the shape of ServiceNow: `{"error": {"message", "detail"}, "status": "failure"}`."""

from __future__ import annotations

from connector.sandbox.messages import Refusal, json_answer

FAILED = "Operation Failed"


def refusal(
    status: int, message: str, detail: str | None = None, headers: list[tuple[str, str]] | None = None
) -> Refusal:
    """A refusal to raise."""
    document = {"error": {"message": message, "detail": detail}, "status": "failure"}
    return Refusal(json_answer(status, document, headers or ()))


def missing() -> Refusal:
    """404: absent and hidden look the same."""
    return refusal(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")


def aborted(table: str, rule: str, sys_id: str) -> Refusal:
    """403: a before-rule said no."""
    text = (
        f"Operation against file '{table}' was aborted by Business Rule '{rule}^{sys_id}'. Business Rule Stack:{rule}"
    )
    return refusal(403, FAILED, text)


def mandatory(*labels: str) -> Refusal:
    """403: a data policy wants fields; it names labels, not columns."""
    return refusal(403, FAILED, "Data Policy Exception: The following fields are mandatory: " + ", ".join(labels))


def denied(operation: str) -> Refusal:
    """403: an ACL said no. `operation` is Insert, Update or Delete."""
    return refusal(403, FAILED, f"ACL Exception {operation} Failed due to security constraints")
