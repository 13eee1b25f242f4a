"""Whether a ticket can become an incident of a problem: asked before it is linked, for what Zendesk answers to a link
to anything else is documented nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import Permanent
from connector.plugins import Key, Write
from connector.sinks.zendesk.allowances import parent
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Seen

Row = Mapping[str, Any]


class Links:
    """Looks at both ends of links."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def refusals(self, writes: Sequence[Write]) -> dict[Key, Permanent]:
        """Those of these changes that cannot be made, and why. Asks about links alone; an end to one is no question."""
        found: dict[Key, Permanent] = {}
        ends: dict[Key, tuple[int, int | None]] = {}
        for write in writes:
            try:
                ends[write.key] = number_of(write.remote_id), problem_of(write)
            except Permanent as error:
                found[write.key] = error
        links = {key: (child, problem) for key, (child, problem) in ends.items() if problem is not None}
        rows = self._talk.tickets({number for pair in links.values() for number in pair})
        for key, (child, problem) in links.items():
            if (refusal := self._refusal(rows.get(child), rows.get(problem))) is not None:
                found[key] = refusal
        return found

    def _refusal(self, child: Row | None, problem: Row | None) -> Permanent | None:
        if child is None:
            return Permanent(f"{self._talk.name} has no such record, or hides it from this account", code=Seen.GONE)
        if problem is None or problem.get("type") != "problem" or problem.get("id") == child.get("id"):
            what = "the ticket that it should hang on is no problem"
            return Permanent(what, "set its type to Problem in Zendesk, or link to another", code="no-problem")
        if child.get("type") == "problem" and child.get("has_incidents"):
            what = "it is a problem itself, and incidents hang on it"
            return Permanent(what, "link its incidents to the other problem first", code="has-incidents")
        return None


def problem_of(write: Write) -> int | None:
    """The number of the problem that a link names, None where it ends one. Raises Permanent where this is no number."""
    return number_of(parent(write)) if parent(write) else None
