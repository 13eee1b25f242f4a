"""Where logs go: stderr, one line per event; for people on a terminal, as JSON for whoever collects them elsewhere.

Every line says when (`timestamp`, UTC), how grave (`level`) and what (`event`); of a run also `run`, and `source`,
`sink` and `delivery` where the line is about one.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connector.terminal.screen import clean

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

_FIRST = ("timestamp", "level", "event", "run", "sink", "source", "delivery")


def start_logs(verbosity: int) -> None:
    """Begin logging: warnings by default, `-v` also what is done, `-vv` every step, `-q` errors alone."""
    import structlog

    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG if verbosity > 0 else logging.ERROR)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _in_order,
            *(_for_people() if sys.stderr.isatty() else _for_machines()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up for each line: while a bar is shown it stands above it.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


def _in_order(_logger: object, _method: str, said: EventDict) -> EventDict:
    return {name: said[name] for name in (*_FIRST, *said) if name in said}


def _for_people() -> Sequence[Processor]:
    import structlog

    colours = "NO_COLOR" not in os.environ
    return [_harmless, structlog.dev.ConsoleRenderer(colors=colours, sort_keys=False, pad_event_to=0, pad_level=False)]


def _for_machines() -> Sequence[Processor]:
    import structlog

    return [structlog.processors.JSONRenderer()]


def _harmless(_logger: object, _method: str, said: EventDict) -> EventDict:
    """Names of files and the like come from outside and must not order the terminal about."""
    return {name: _shown(value) for name, value in said.items()}


def _shown(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
