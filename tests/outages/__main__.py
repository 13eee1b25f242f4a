"""The long run: `python -m tests.outages --seeds 200`; says what is missing or double, and stops there."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.crash.harness import memory
from tests.outages.day import FILE
from tests.outages.killed import LARGE, ready, survived
from tests.postgres import serving


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--postgres", action="store_true", help="ledgers on PostgreSQL instead of in files")
    asked = parser.parse_args()
    os.environ["CRASH_SECRET"] = "sandbox"
    began = time.monotonic()
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="connector-outages-", dir=memory()))
        server = held.enter_context(serving()) if asked.postgres else None
        held.enter_context(ready(Path(folder), server))
        for seed in range(asked.first, asked.first + asked.seeds):
            kind = ("servicenow", "zendesk")[seed % 2]
            ledger = server.ledger() if server else FILE
            counts, sizes = survived(Path(folder) / str(seed), kind, seed, LARGE, ledger)
            wrong = {what: count for what, count in counts.items() if count.missing or count.double}
            spent = (time.monotonic() - began) / (seed - asked.first + 1)
            print(f"seed {seed}, {kind}: outages of {sizes}, {spent:.1f} s each; {wrong or 'each once'}", flush=True)
            if wrong:
                raise SystemExit(1)


if __name__ == "__main__":
    main()
