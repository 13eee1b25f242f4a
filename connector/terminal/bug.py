"""Where the traceback of a bug goes."""

from __future__ import annotations

import os
import tempfile
import traceback
from pathlib import Path

from connector.clock import SystemClock, utc

NAME = "connector-errors.log"


def written(error: BaseException, config: Path) -> Path:
    """Append the traceback to a log beside the ledger, readable by its owner alone, and say where that is.

    Messages of exceptions are left out, because they may quote a ticket; the types and the lines of code stay.
    """
    entry = f"{utc(SystemClock().wall()).isoformat()}\n{''.join(_frames(error))}\n"
    for folder in (_ledger_folder(config), Path(tempfile.gettempdir())):
        path = folder / NAME
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError:
            continue
        with open(descriptor, "a", encoding="utf-8") as log:
            log.write(entry)
        return path
    return Path("no place that can be written to; run it again with -vv")


def _frames(error: BaseException) -> list[str]:
    lines = []
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        lines += [*_frames(cause), "  which led to\n"]
    lines += traceback.format_tb(error.__traceback__)
    return [*lines, f"{type(error).__module__}.{type(error).__qualname__}\n"]


def _ledger_folder(config: Path) -> Path:
    """The folder of a SQLite ledger, else the one of the settings."""
    base = config.resolve().parent
    try:
        from connector.yamlfile import read

        ledger = str(read(config).data["ledger"])
    except Exception:  # noqa: BLE001 - whatever is wrong with the settings must not hide the bug being told
        return base
    return (base / ledger.removeprefix("sqlite:///")).parent if ledger.startswith("sqlite:///") else base
