"""Whether a ticket can become an incident of a problem: asked before it is linked, for what Zendesk answers to a link
to anything else is documented nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.errors import Permanent
from connector.plugins import Write
from connector.sinks.zendesk.allowances import parent
from connector.sinks.zendesk.talk import Talk, number_of
from connector.wire import Effect, Seen, verdict

Row = Mapping[str, Any]


class Links:
    """Looks at both ends of links."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def check(self, writes: Sequence[Write]) -> None:
        """Raises Permanent where one of the links cannot be made; an end to a link always can."""
        ends = {number_of(name) for write in writes if parent(write) for name in (write.remote_id, parent(write))}
        rows = self._talk.tickets(ends)
        for write in writes:
            if (problem := problem_of(write)) is not None:
                self._judge(rows.get(number_of(write.remote_id)), rows.get(problem))

    def _judge(self, child: Row | None, problem: Row | None) -> None:
        if child is None:
            raise verdict(Seen.GONE, Effect.WRITE, self._talk.name)
        if problem is None or problem.get("type") != "problem" or problem.get("id") == child.get("id"):
            what = "the ticket that it should hang on is no problem"
            raise Permanent(what, "set its type to Problem in Zendesk, or link to another", code="no-problem")
        if child.get("type") == "problem" and child.get("has_incidents"):
            what = "it is a problem itself, and incidents hang on it"
            raise Permanent(what, "link its incidents to the other problem first", code="has-incidents")


def problem_of(write: Write) -> int | None:
    """The number of the problem that a link names, None where it ends one. Raises Permanent where this is no number."""
    return number_of(parent(write)) if parent(write) else None
