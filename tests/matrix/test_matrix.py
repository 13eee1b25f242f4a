"""Every fault that the sandbox knows x every write x both help desks x single and many at once: nothing is missing,
nothing double. The cells come from the sandbox's own list of faults, so a new fault is covered by itself."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from connector.plugins import Do
from connector.sandbox import Fault
from connector.sandbox.faults import KINDS, forms, place
from tests.crash.harness import memory
from tests.matrix.stage import PATIENCE, SECRET, SETTLE, Stage

FEW, MANY = 2, 9

WRITES = (Do.CREATE, Do.UPDATE, Do.COMMENT, Do.ATTACH, Do.LINK, Do.SOLVE)
BATCH, CREATE_MANY, UPDATE_MANY = "/api/now/batch", "/api/v2/tickets/create_many", "/api/v2/tickets/update_many"
# What goes many at once, and by which call.
TOGETHER = {
    "servicenow": {Do.CREATE: BATCH, Do.UPDATE: BATCH, Do.COMMENT: BATCH, Do.LINK: BATCH},
    "zendesk": {Do.CREATE: CREATE_MANY, Do.UPDATE: UPDATE_MANY, Do.LINK: UPDATE_MANY},
}
SINGLE = {"servicenow": "P* /api/now/[ta]*", "zendesk": "P* /api/v2/[tu]*"}
POLL = "GET /api/v2/job_statuses*"


@dataclass(frozen=True)
class Cell:
    """One way for one kind of call to fail. `site` names the stage on which it is played."""

    site: str
    do: Do
    fault: Fault
    where: str

    @property
    def id(self) -> str:
        return f"{self.site}-{self.do}-{self.where}-{self.fault.name}"


def cells() -> Iterator[Cell]:
    """All of them."""
    for site in ("servicenow", "hardened", "zendesk"):
        desk = "zendesk" if site == "zendesk" else "servicenow"
        for do in WRITES:
            for fault in faults("/", site):
                yield Cell(f"{site}-single", do, replace(fault, on=SINGLE[desk], after=1), "write")
            if (path := TOGETHER[desk].get(do)) is not None:
                for fault in faults(path, site):
                    yield Cell(f"{site}-many", do, replace(fault, on=f"P* {path}"), "call")
    for fault in faults("/", "zendesk"):
        yield Cell("zendesk-many", Do.CREATE, replace(fault, on=POLL), "poll")


def faults(path: str, site: str) -> Iterator[Fault]:
    """How a request to this path can fail. An instance that drops our sys_id matters where something was done."""
    for fault in forms(path, SETTLE, PATIENCE):
        if site != "hardened" or not fault.fails_before or fault.kind == "late":
            yield fault


CELLS = list(cells())


class Stages:
    """Each is set when its first cell is played, and anew after a cell that failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._set: dict[str, Stage] = {}
        self._count = 0

    def play(self, cell: Cell) -> None:
        if cell.site not in self._set:
            self._count += 1
            name, _, mode = cell.site.partition("-")
            kind = "zendesk" if name == "zendesk" else "servicenow"
            size = MANY if mode == "many" else FEW
            stage = Stage(self._folder / str(self._count), kind, mode == "many", name == "hardened", size)
            self._set[cell.site] = stage.__enter__()
        try:
            self._set[cell.site].play(cell.do, cell.fault)
        except BaseException:
            self._set.pop(cell.site).__exit__(None, None, None)
            raise

    def strike(self) -> None:
        for stage in self._set.values():
            stage.__exit__(None, None, None)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    os.environ[SECRET] = "sandbox"
    with tempfile.TemporaryDirectory(dir=memory() or tmp_path_factory.mktemp("matrix")) as folder:
        opened = Stages(Path(folder))
        yield opened
        opened.strike()
    del os.environ[SECRET]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_nothing_is_missing_and_nothing_double(cell: Cell, stages: Stages) -> None:
    stages.play(cell)


def test_every_fault_has_a_cell() -> None:
    assert {cell.fault.kind for cell in CELLS} == set(KINDS)
    assert {cell.fault.kind for cell in CELLS if cell.site == "servicenow-many"} >= {
        kind for kind in KINDS if place(kind) in ("many", "batch")
    }
    assert len({cell.id for cell in CELLS}) == len(CELLS)
