"""Real time: the network in between, and the threads that a system has for its callers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol


class Workplace(Protocol):
    """How many calls a system works on at a time (None: any number), and how many more may wait."""

    threads: int | None
    queue: int


class Threads:
    """The threads of one system. A call takes one for all its work; what finds no place in the queue is turned away."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[bool]:
        """A thread, perhaps after waiting for it; False where the queue is full."""
        if self._place.threads is None:
            yield True
        elif await self._enter(self._place.threads):
            try:
                yield True
            finally:
                self._leave()
        else:
            yield False

    async def _enter(self, threads: int) -> bool:
        if self._busy < threads:
            self._busy += 1
            return True
        if len(self._waiting) >= self._place.queue:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        await turn
        return True

    def _leave(self) -> None:
        """The next in the queue goes on with this thread."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._busy -= 1
