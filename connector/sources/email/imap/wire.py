"""What an IMAP server may say within one command: so many bytes, for so long. imaplib itself reads without end."""

from __future__ import annotations

import imaplib
from collections.abc import Callable
from typing import Any

STEP = 65_536
LINE = 1_000_000


class Meter:
    """Stands between imaplib and the socket's file; ends the connection where an answer is without end.

    `allow` is called before each command. Raises `imaplib.IMAP4.abort`, which imaplib's callers expect.
    """

    def __init__(self, imap: Any, monotonic: Callable[[], float]) -> None:
        self._imap = imap
        self._monotonic = monotonic
        self._left = 0
        self._ends = 0.0
        imap.read, imap.readline = self.read, self.readline

    def allow(self, size: int, seconds: float) -> None:
        """The answers that follow may have `size` bytes and take `seconds`."""
        self._left, self._ends = size, self._monotonic() + seconds

    def read(self, size: int) -> bytes:
        """A literal of `size` bytes; fewer where the connection ends."""
        if size > self._left:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")
        pieces = []
        while size and (piece := self._imap.file.read1(min(size, STEP))):
            self._spend(len(piece))
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readline(self) -> bytes:
        """A line with its end; an unfinished one where the connection ends."""
        line = b""
        while not line.endswith(b"\n") and (ahead := self._imap.file.peek(1)):
            piece = self._imap.file.read1(ahead.find(b"\n") + 1 or len(ahead))
            self._spend(len(piece))
            line += piece
            if len(line) > LINE:
                raise imaplib.IMAP4.abort("the server sends a line without end")
        return line

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise imaplib.IMAP4.abort("the server sends more than was asked for")
        if self._monotonic() > self._ends:
            raise imaplib.IMAP4.abort("the server takes too long")
