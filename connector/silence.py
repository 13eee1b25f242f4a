"""Keep libraries out of the logs: at debug level they print bodies, tokens, rows, and addresses with names in them."""

from __future__ import annotations

import logging
import threading

_silencing = threading.Lock()


class _Nothing(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return False


_NOTHING = _Nothing()


def silence(*packages: str) -> None:
    """Nothing of these packages reaches any log, whatever level somebody sets, now or later.

    Their top loggers hand nothing on; a filter stops each logger that exists, so call it again once more of a package
    has been imported.
    """
    with _silencing:
        for package in packages:
            logging.getLogger(package).propagate = False
            _stop(package)
        for name in list(logging.root.manager.loggerDict):
            if name.partition(".")[0] in packages:
                _stop(name)


def _stop(name: str) -> None:
    logger = logging.getLogger(name)
    if _NOTHING not in logger.filters:
        logger.addFilter(_NOTHING)
        logger.addHandler(logging.NullHandler())  # else logging's last resort would print warnings
