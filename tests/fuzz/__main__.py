"""Feed readers with damaged input: `python -m tests.fuzz [READER]... --seconds 30`.

Exit code 1 when a reader raised, took longer than 5 s, or answered with what is no reading. The input is then
kept, and `--again FILE` with the reader's name tries it once more.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.inputs import made
from tests.fuzz.readers import READERS
from tests.fuzz.target import Target
from tests.fuzz.trial import Failure, tried

_MOST_FAILURES = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"{', '.join(READERS)}; all where none is named")
    parser.add_argument("--seconds", type=float, default=30.0, help="for each reader")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the same seed makes the same inputs")
    parser.add_argument("--again", type=Path, help="an input that failed, instead of new ones")
    asked = parser.parse_args()
    unknown = set(asked.readers) - set(READERS)
    if unknown or (asked.again and len(asked.readers) != 1):
        parser.error(f"no such reader: {', '.join(sorted(unknown))}" if unknown else "--again takes one reader")
    failed = 0
    for name in asked.readers or READERS:
        target = READERS[name]()
        if asked.again:
            print(dict(tried(target, asked.again.read_bytes())))
        else:
            failed += fuzzed(name, target, asked.seconds, asked.seed)
    return 1 if failed else 0


def fuzzed(name: str, target: Target, seconds: float, seed: int) -> int:
    """How many inputs failed within the time; their traces and the files they are kept in are printed."""
    seen: Counter[str] = Counter()
    slowest, number, failed = 0.0, 0, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and failed < _MOST_FAILURES:
        data = made(target.samples, seed, number)
        began = time.monotonic()
        try:
            seen += tried(target, data)
        except Failure as failure:
            failed += 1
            print(f"{name}: input {number} of seed {seed}, kept as {_kept(name, seed, number, data)}\n{failure}")
        slowest = max(slowest, time.monotonic() - began)
        number += 1
    told = ", ".join(f"{count} {what}" for what, count in seen.most_common())
    print(f"{name}: {number} inputs (seed {seed}), slowest {slowest:.2f} s, {failed} failed; {told}", flush=True)
    return failed


def _kept(name: str, seed: int, number: int, data: bytes) -> Path:
    folder = Path(tempfile.gettempdir()) / "connector-fuzz"
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}-{seed}-{number}.bin"
    file.write_bytes(data)
    return file


if __name__ == "__main__":
    sys.exit(main())
