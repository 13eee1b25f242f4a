"""Whom a ticket would make: a requester whom the account does not know yet (Zendesk makes one by e-mail)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

_SIZE = 50_000


class Acquaintance:
    """Addresses of requesters who exist at the account, as this process has seen. Shared by all threads."""

    def __init__(self, size: int = _SIZE) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._met: dict[str, None] = {}

    def newcomer(self, fields: Mapping[str, Any]) -> str:
        """The requester whom a ticket of these fields would make, as far as is known here; "" where nobody."""
        address = _address(fields)
        with self._lock:
            return "" if address in self._met else address

    def meet(self, fields: Mapping[str, Any]) -> None:
        """A ticket of these fields was made, so whoever they name exists."""
        if address := _address(fields):
            with self._lock:
                if len(self._met) >= self._size and address not in self._met:
                    del self._met[next(iter(self._met))]  # the one met first
                self._met[address] = None


def _address(fields: Mapping[str, Any]) -> str:
    requester = fields.get("requester")
    return str(requester.get("email", "")).lower() if isinstance(requester, dict) else ""
