"""What Zendesk allows, and what a call costs of it (Zendesk docs, Rate limits). Pure.

The classes: "" every request of the account; `create` POST /tickets, which only some accounts limit; `update` PUT
/tickets/{id}; `update_each/NUMBER` changes of one ticket by one user; `list` and `export` are reads with limits of
their own, those of exports counted as they come (`export/incremental`); `jobs` calls for many, which are held while
too many jobs are in flight, and counted by nobody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from connector.plugins import Allowance, Cost, Do, Write
from connector.sinks.zendesk import fields as tickets
from connector.wire import Endpoint

CREATE, UPDATE, UPDATE_EACH, JOBS = "create", "update", "update_each", "jobs"
LIST, EXPORT = "list", "export"
ALLOWANCES = (Allowance(UPDATE, 100, 60.0), Allowance(UPDATE_EACH, 30, 600.0), Allowance(EXPORT, 10, 60.0))


def _endpoint(name: str, word: str, method: str, path: str, seconds: float = 60.0) -> Endpoint:
    return Endpoint(name, word, method, re.compile(rf"/api/v2/{path}(?:\.json)?"), seconds)


ENDPOINTS = (
    _endpoint(CREATE, "ticket-request-create-by-user-and-ip", "POST", "tickets"),
    _endpoint(CREATE, "tickets-create", "POST", "tickets"),
    _endpoint(UPDATE, "tickets-update", "PUT", r"tickets/\d+"),
    _endpoint(UPDATE_EACH, "tickets-update-per-ticket", "PUT", r"tickets/(\d+)(?:/\w+)?", 600.0),
    _endpoint(LIST, "tickets-index", "GET", "tickets"),
    _endpoint(EXPORT, "incremental-exports", "GET", r"(incremental)/.+"),
)


def cost(writes: Sequence[Write], imports: bool = False) -> Cost:
    """What one call with these writes costs; several go as a job."""
    found = Counter[str]()
    for write in writes:
        if write.do is not Do.CREATE:
            found[f"{UPDATE_EACH}/{write.remote_id}"] += 1
    if len(writes) > 1:
        return found | {"": 1 + _looks(writes), JOBS: 1}
    for write in writes:
        found += _alone(write, imports)  # which leaves out what costs nothing
    return found


def _alone(write: Write, imports: bool) -> Counter[str]:
    if write.do is Do.CREATE:
        return Counter({"": 1} if imports else {"": 1, CREATE: 1})
    if write.do is Do.ATTACH:
        return Counter({"": 2, UPDATE: 1})  # the upload, and the comment that it hangs on
    if write.do is Do.UPDATE:
        changes, tags = bool(tickets.ticket(write.body)), sum(map(bool, tickets.tag_changes(write.body)))
        calls = max(changes + tags, 1)
        return Counter({"": calls, UPDATE: int(changes), f"{UPDATE_EACH}/{write.remote_id}": calls - 1})
    return Counter({"": 2 if write.do is Do.SOLVE else 1 + _looks([write]), UPDATE: 1})


def _looks(writes: Sequence[Write]) -> int:
    """Requests that it takes to see what is to be linked."""
    linked = {name for write in writes if parent(write) for name in (write.remote_id, parent(write))}
    return -(-len(linked) // 100)


def parent(write: Write) -> str:
    """The problem that a link names, "" where it names none."""
    return str(write.body.get("problem") or "") if write.do is Do.LINK else ""
