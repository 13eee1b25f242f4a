"""Group commit: posts that come at the same time go into the ledger in one transaction."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.intake.answers import Refused, overloaded
from connector.ledger import inbox
from connector.ledger.database import Database
from connector.ledger.inbox import Post, Receipt

log = structlog.get_logger("connector.intake")

# So many posts wait for the commit under way; one transaction takes so many of them, and so many bytes.
WAITING = 1000
BATCH = 250
BATCH_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Asked:
    post: Post
    future: asyncio.Future[Receipt]


class Writer:
    """A thread that writes to the inbox. Use it as a context manager: at its end all that was taken is written."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._queue: queue.Queue[_Asked | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="inbox", daemon=True)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Can posts be stored?"""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """So many posts wait for a commit."""
        return self._queue.qsize()

    async def put(self, post: Post) -> Receipt:
        """The receipt, once the post is durable. Raises Refused; then it is not stored, or a repetition finds it."""
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait(_Asked(post, future))
        except queue.Full:
            raise overloaded("too many posts wait to be stored") from None
        return await future

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, last = self._gathered(first)
            self._write(batch)
            if last:
                return

    def _gathered(self, first: _Asked) -> tuple[list[_Asked], bool]:
        """What else waits by now, and whether the end was among it."""
        batch, size = [first], len(first.post.data)
        while len(batch) < BATCH and size < BATCH_BYTES:
            try:
                asked = self._queue.get_nowait()
            except queue.Empty:
                break
            if asked is None:
                return batch, True
            batch.append(asked)
            size += len(asked.post.data)
        return batch, False

    def _write(self, batch: Sequence[_Asked]) -> None:
        outcomes = self._outcomes([asked.post for asked in batch])

        def tell() -> None:
            for asked, outcome in zip(batch, outcomes, strict=True):
                if asked.future.done():  # its client has gone
                    continue
                if isinstance(outcome, Receipt):
                    asked.future.set_result(outcome)
                else:
                    asked.future.set_exception(outcome)

        with suppress(RuntimeError):  # the loop has ended, and with it everybody who waited
            batch[0].future.get_loop().call_soon_threadsafe(tell)

    def _outcomes(self, posts: Sequence[Post]) -> Sequence[Receipt | Refused]:
        try:
            return inbox.put_in(self._db, posts, self._clock.wall())
        except ConnectorError as error:
            log.error("posts cannot be stored; their senders are told to try again", posts=len(posts), error=str(error))
        except Exception as error:  # noqa: BLE001 - nobody may be left waiting, whatever happened
            log.error("posts cannot be stored; this is a bug", posts=len(posts), error=type(error).__name__)
        return [overloaded("the ledger does not answer") for _ in posts]
