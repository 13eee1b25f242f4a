"""The fuzzer finds what it is there to find, and no reader fails on the inputs of a fixed seed."""

from __future__ import annotations

import itertools

import pytest

from connector.errors import Finding
from connector.plugins import Counted, Reading, Record, Rejected
from tests.fuzz.inputs import made
from tests.fuzz.readers import READERS
from tests.fuzz.target import Target
from tests.fuzz.trial import Failure, tried

_SEED, _INPUTS = 1, 150


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_whatever_comes(name: str) -> None:
    target = READERS[name]()
    assert target.samples
    for number in range(_INPUTS):
        tried(target, made(target.samples, _SEED, number))


def test_a_seed_makes_the_same_inputs() -> None:
    samples = (b'{"a": [1, {"b": 2}]}', b"Subject: x\r\n\r\ny")
    one, other = ([made(samples, 7, number) for number in range(200)] for _ in range(2))
    assert one == other
    assert len(set(one)) > 150


def _raises(record: Record) -> Reading:
    raise KeyError("nobody catches me")


def _hangs(record: Record) -> Reading:
    while True:
        try:
            for _ in itertools.count():
                pass
        except Exception:
            continue


def _nothing(record: Record) -> Reading:
    return None  # type: ignore[return-value]


def _fault(record: Record) -> Reading:
    return Rejected(Finding("our-fault", record.place, "x", "y"))


@pytest.mark.parametrize("read", [_raises, _hangs, _nothing, _fault])
def test_a_broken_promise_is_found(read) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Failure):
        tried(Target(read, (), faults=frozenset({"our-fault"})), b"", seconds=0.05)


def test_readings_are_counted_by_their_sort() -> None:
    two = Target(lambda record: Counted("x"), (), split=lambda record: (record, record))
    assert tried(two, b"") == {"counted": 2}
