"""What telling people looks like to the engine: a sink whose one kind of delivery is a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NoReturn

from pydantic import BaseModel

from connector.answering import Way
from connector.clock import utc
from connector.errors import Finding, Permanent
from connector.plugins import (
    Allowance,
    Can,
    Change,
    ChangePage,
    Cost,
    Do,
    FieldSpec,
    Known,
    Look,
    OneByOne,
    Receipt,
    Remote,
    Resolved,
    SinkTools,
    Write,
)

TABLE = "message"
# The class of allowances that counts what goes to one person.
PERSON = "person"
_LOOK_AGAIN = 86_400.0


class Messenger(OneByOne):
    """Tells people; makes, changes and finds nothing.

    Nobody can look whether a message arrived: one whose fate is unknown waits for a person, unless the other side
    takes a second copy for the first (`repeatable`).
    """

    settings: ClassVar[type[BaseModel]] = Way
    can: ClassVar[Can] = Can.NOTIFY
    repeatable: ClassVar[bool] = False

    def __init__(self, name: str, tools: SinkTools, timeout: float, per_hour: int) -> None:
        self.name = name
        self.tools = tools
        self.table = TABLE
        self.planned: Mapping[str, frozenset[str]] = {}
        self.settle_after = 1.0
        self.call_seconds = 3 * timeout
        self.allowances: Sequence[Allowance] = (Allowance(PERSON, per_hour, 3600.0),)

    def notify(self, write: Write) -> Receipt:
        """Tell one person. Raises RemoteError."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more is told for now."""

    def check(self) -> Sequence[Finding]:
        return ()

    def cost(self, writes: Sequence[Write]) -> Cost:
        people = [write.body.get("person", "") for write in writes]
        return {"": len(writes), **{f"{PERSON}/{person}": people.count(person) for person in people if person}}

    def find(self, write: Write, control: Write | None) -> Look:
        if self.repeatable:
            return Look((), utc(self.tools.clock.wall()))
        raise Permanent(
            "nobody can tell whether this message arrived, and it is not sent twice",
            "ask the person, or see the server's log; then: connector confirm TICKET --sent ID | --absent",
            code="unsure-message",
            retry_after=_LOOK_AGAIN,
        )

    def guards(self, write: Write, age: float) -> bool:
        return self.repeatable

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        return Resolved(fields)

    def fields(self) -> Sequence[FieldSpec]:
        return ()

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        return None

    def changes(self, cursor: Mapping[str, str], known: Known) -> Iterator[ChangePage]:
        return iter(())

    def observe(self, remote_ids: Sequence[str]) -> Sequence[Change]:
        return ()

    def _makes_nothing(self, write: Write) -> NoReturn:
        raise Permanent(f"{self.name} tells people and makes no records", "report this as a bug")

    create = update = comment = attach = link = solve = _makes_nothing
