"""Whom a ticket would make: a requester whom the account does not know yet (Zendesk makes one by e-mail)."""

from __future__ import annotations

import threading
from typing import Any

from connector.plugins import Write

_SIZE = 50_000


class Acquaintance:
    """Addresses of requesters who exist at the account, as this process has seen. Shared by all threads."""

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._met: dict[str, None] = {}

    def newcomer(self, write: Write) -> str:
        """The requester whom this write would make, as far as is known here; "" where nobody."""
        address = _address(write)
        with self._lock:
            return "" if address in self._met else address

    def meet(self, write: Write) -> None:
        """This write was done, so whoever it names exists."""
        if address := _address(write):
            with self._lock:
                if len(self._met) >= self._size and address not in self._met:
                    del self._met[next(iter(self._met))]  # the one met first
                self._met[address] = None


def _address(write: Write) -> str:
    requester: Any = write.body.get("requester")
    return str(requester.get("email", "")).lower() if isinstance(requester, dict) else ""
