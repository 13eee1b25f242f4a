"""One contender at work, in a process of its own: `python -m bench.runner NAME SINK URL FOLDER COUNT`, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench import inbox
from bench.cost import Cost

Work = Callable[[str, str, Path], tuple[int, Cost]]


def _ours(bulk: str) -> Work:
    def work(sink: str, url: str, folder: Path) -> tuple[int, Cost]:
        from bench import ours

        return ours.sync(ours.install(folder, sink, url, bulk))

    return work


def _loop(looks: bool) -> Work:
    def work(sink: str, url: str, folder: Path) -> tuple[int, Cost]:
        from bench import loops

        loop = loops.pysnow_loop if sink == "servicenow" else loops.zenpy_loop
        return loop(url, folder, looks)

    return work


def _dlt(sink: str, url: str, folder: Path) -> tuple[int, Cost]:
    from bench.dlt_load import load

    return load(sink, url, folder)


WORK: dict[str, Work] = {
    "connector": _ours("auto"),
    "connector, bulk off": _ours("off"),
    "loop": _loop(False),
    "loop that looks first": _loop(True),
    "dlt": _dlt,
}


def main(name: str, sink: str, url: str, place: str, count: str) -> None:
    folder = Path(place)
    (folder / "inbox").mkdir(parents=True)
    inbox.lines(folder / "inbox" / "new.ndjson", int(count))
    made, cost = WORK[name](sink, url, folder)
    print(json.dumps({"made": made, **asdict(cost)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
