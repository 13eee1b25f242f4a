"""The threads that talk to one sink. Each keeps its connections as long as the crew is together."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

Answer = TypeVar("Answer")


class Crew:
    """So many calls at once; with one, everything happens in the caller's own thread, one after another."""

    def __init__(self, name: str, calls: int) -> None:
        self.calls = calls
        self._pool = ThreadPoolExecutor(calls, thread_name_prefix=name) if calls > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def begin(self, work: Callable[..., Answer], *given: Any) -> Future[Answer]:
        """Start a piece of work; what it raises comes out of the future's `result()`.

        Its log lines say what the caller's would: which run, which sink.
        """
        if self._pool is not None:
            return self._pool.submit(contextvars.copy_context().run, work, *given)
        done: Future[Answer] = Future()
        try:
            done.set_result(work(*given))
        except BaseException as error:  # noqa: BLE001 - as a pool does: it belongs to whoever asks for the result
            done.set_exception(error)
        return done
