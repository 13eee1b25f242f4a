"""Several processes that begin at the same moment."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Tell = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process told, one JSON value each time, and how it ended: its exit code, or minus the signal."""

    told: list[Any]
    code: int


def at_once(works: Sequence[Callable[[Tell], None]]) -> list[Ended]:
    """Each piece of work in a fork of its own, begun together. Connections of the caller's are not theirs to use."""
    gate, opening = os.pipe()
    begun = [_begin(work, gate, opening) for work in works]
    os.close(gate)
    os.close(opening)  # whoever reads at the gate reads its end now
    return [_ended(pid, told) for pid, told in begun]


def _begin(work: Callable[[Tell], None], gate: int, opening: int) -> tuple[int, int]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 1
    try:
        os.close(opening)
        os.close(reading)
        os.read(gate, 1)
        with os.fdopen(writing, "w", buffering=1) as told:
            work(lambda value: print(json.dumps(value), file=told, flush=True))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _ended(pid: int, told: int) -> Ended:
    with os.fdopen(told) as lines:
        values = [json.loads(line) for line in lines]
    return Ended(values, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
