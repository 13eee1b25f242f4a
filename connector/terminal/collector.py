"""Python's garbage collector, told what kind of program this is."""

from __future__ import annotations

import gc

# So many new objects, and so many passes, before the collector looks; records make hardly any cycles.
SELDOM = (20_000, 20, 50)


def look_seldom() -> None:
    """What was made so far lives as long as the process: leave it alone, and look at the rest less often.

    Once a process, after everything is set up; a fifth of the time of a large import goes into looking otherwise.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
