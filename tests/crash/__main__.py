"""The long run: `python -m tests.crash --seeds 5000`; prints every hundred seeds, stops at the first failure."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from connector.sandbox import Sandbox
from tests.crash.harness import SETTLE, memory, stories
from tests.postgres import serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--postgres", action="store_true", help="ledgers on PostgreSQL instead of in files")
    asked = parser.parse_args()
    os.environ["CRASH_SECRET"] = "sandbox"
    began = time.monotonic()

    def told(seed: int) -> None:
        done = seed - asked.first + 1
        if done % 100 == 0 or done == asked.seeds:
            print(
                f"{done} seeds, {(time.monotonic() - began) / done:.2f} s each, none missing, none double", flush=True
            )

    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="connector-crash-", dir=memory()))
        box = held.enter_context(Sandbox(settle=SETTLE))
        server = held.enter_context(serving()) if asked.postgres else None
        stories(box, Path(folder), range(asked.first, asked.first + asked.seeds), told, server)


if __name__ == "__main__":
    main()
