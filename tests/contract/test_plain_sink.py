"""A hospital's own sink, without comments, files, links or calls for many, keeps the contract by deriving OneByOne."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from connector.contract.sink import TEXT, SinkContract, Stage
from connector.errors import Finding, Permanent, Scope, Transient, Uncertain
from connector.plugins import (
    Can,
    Do,
    FieldSpec,
    Key,
    Look,
    OneByOne,
    PluginSettings,
    Receipt,
    Remote,
    Resolved,
    Sink,
    Write,
)


class Shelf:
    """The remote: records by number. `loses` swallows the next answer."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.written = 0
        self.loses = False

    def put(self, number: str, values: Mapping[str, Any]) -> None:
        self.written += 1
        self.records.setdefault(number, {}).update(values)
        if self.loses:
            self.loses = False
            raise Uncertain("the shelf did not answer", code="lost")


class ShelfSink(OneByOne):
    """Puts tickets on a shelf."""

    settings: ClassVar[type[BaseModel]] = PluginSettings
    can: ClassVar[Can] = Can.FIND

    def __init__(self, name: str, settings: Any, tools: Any) -> None:
        self.shelf: Shelf | None = settings
        self.right: bool = tools
        self.table = "shelf"
        self.planned: Mapping[str, frozenset[str]] = {}
        self.settle_after = 1.0
        self.call_seconds = 1.0

    def _opened(self) -> Shelf:
        if self.shelf is None:
            raise Transient("the shelf cannot be reached", code="unreachable", scope=Scope.ACCOUNT)
        if not self.right:
            raise Permanent("the shelf is locked", code="unauthorised", scope=Scope.ACCOUNT)
        return self.shelf

    def check(self) -> Sequence[Finding]:
        return [] if self.right else [Finding("unauthorised", "shelf", "the shelf is locked")]

    def fields(self) -> Sequence[FieldSpec]:
        return [FieldSpec("title"), FieldSpec("text"), FieldSpec("colour")]

    def resolve(self, do: Do, fields: Mapping[str, Any]) -> Resolved:
        return Resolved(dict(fields))

    def read(self, remote_id: str, fields: Sequence[str]) -> Remote | None:
        values = self._opened().records.get(remote_id)
        return None if values is None else Remote(remote_id, {name: values.get(name) for name in fields})

    def create(self, write: Write) -> Receipt:
        shelf = self._opened()
        if write.body.get("colour") == "invisible":
            raise Permanent("the shelf refused it", code="refused")
        number = f"1{len(shelf.records)}0{'0' * 6}"
        shelf.put(number, {**write.body, "key": write.key.remote})
        return Receipt(number, echo=dict(write.body))

    def update(self, write: Write) -> Receipt:
        shelf = self._opened()
        if write.remote_id not in shelf.records:
            raise Permanent("the shelf has no such record", code="gone")
        shelf.put(write.remote_id, write.body)
        return Receipt(write.remote_id, echo=dict(write.body))

    def comment(self, write: Write) -> Receipt:
        raise NotImplementedError

    attach = link = comment

    def find(self, write: Write, control: Write | None) -> Look:
        found = self._found(write)
        proof = None if control is None or found else bool(self._found(control))
        return Look(tuple(found), datetime.now(UTC), proof)

    def _found(self, write: Write) -> list[Receipt]:
        records = self._opened().records
        if write.do is Do.CREATE:
            return [Receipt(number) for number, held in records.items() if held["key"] == write.key.remote]
        held = records.get(write.remote_id, {})
        return [Receipt(write.remote_id)] if write.body.items() <= held.items() else []

    def guards(self, write: Write, age: float) -> bool:
        return write.do is Do.UPDATE


class ShelfStage:
    create: Mapping[str, Any] = {"title": "No labels", "text": TEXT, "colour": "red"}
    change: Mapping[str, Any] = {"colour": "blue"}
    refused: Mapping[str, Any] = {"colour": "invisible"}
    secrets: Collection[str] = ("the key under the mat",)

    def __init__(self) -> None:
        self.shelf = Shelf()
        self.sink: Sink = ShelfSink("shelf", self.shelf, True)

    def lose_answer(self) -> None:
        self.shelf.loses = True

    def unreachable(self) -> Sink:
        return ShelfSink("shelf", None, True)

    def intruder(self) -> Sink:
        return ShelfSink("shelf", self.shelf, False)

    def records(self, key: Key) -> int:
        return len([held for held in self.shelf.records.values() if held["key"] == key.remote])

    def comments(self, remote_id: str) -> Sequence[str]:
        return []

    def files(self, remote_id: str) -> Sequence[bytes]:
        return []

    def problem(self) -> str:
        return ""

    def parent(self, remote_id: str) -> str:
        return ""

    def writes(self) -> int:
        return self.shelf.written

    def wait(self) -> None:
        pass


class TestShelf(SinkContract):
    @pytest.fixture
    def stage(self) -> Stage:
        return ShelfStage()


def test_it_asks_for_nothing_but_single_calls() -> None:
    sink = ShelfStage().sink
    assert {sink.most(do) for do in Do} == {1}
    assert (sink.allowances, sink.jobs_at_once, sink.ended({"1": []})) == ((), 0, {})
