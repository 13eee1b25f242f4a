"""A message in the way of the source's own."""

from __future__ import annotations

from connector.messengers.messenger import Messenger
from connector.plugins import Notifies, Receipt, SinkTools, Write

_SECONDS = 30.0


class ByTheSource(Messenger):
    """Lets the source tell its people."""

    def __init__(self, name: str, source: Notifies, tools: SinkTools, per_hour: int) -> None:
        super().__init__(name, tools, _SECONDS, per_hour)
        self._source = source

    def notify(self, write: Write) -> Receipt:
        return self._source.notify(write)
