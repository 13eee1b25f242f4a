"""Where logs go: one `key=value` line per event on stderr."""

from __future__ import annotations

import logging
import sys


def start_logs(verbosity: int) -> None:
    """Begin logging: warnings by default, `-v` also what is done, `-vv` every step, `-q` errors alone."""
    import structlog

    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG if verbosity > 0 else logging.ERROR)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event")),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
