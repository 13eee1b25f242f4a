"""How far a folder on a server has been read: UIDVALIDITY, the last UID, and what before it could not be had."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace

_MARK = re.compile(r"(\d{1,10}) (\d{1,10})((?: \d{1,10})*)")
_REFUSED = re.compile(r"(\d{1,3}) (\d{1,12}) ([0-9a-f]{16}) ([0-9a-f]{32})")
_MOST_MISSED = 500
_PLACE = re.compile(r"(.+)/(\d{1,10})/(\d{1,10})", re.DOTALL)
_PATIENCE = (60.0, 300.0, 900.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Mark:
    """Everything up to UID `last` was read, except `missed`, which the server listed and did not hand over."""

    uidvalidity: int
    last: int = 0
    missed: tuple[int, ...] = ()

    @classmethod
    def of(cls, value: str, uidvalidity: int) -> Mark:
        """The mark that a cursor value holds; the beginning where it is of another UIDVALIDITY, or none."""
        found = _MARK.fullmatch(value)
        if found is None or int(found[1]) != uidvalidity:
            return cls(uidvalidity)
        return cls(uidvalidity, int(found[2]), tuple(map(int, found[3].split())))

    def past(self, read: set[int], missed: set[int]) -> Mark:
        """The mark after these were read and those were not."""
        left = tuple(sorted(set(self.missed) - read | missed))[-_MOST_MISSED:]
        return replace(self, last=max(self.last, *read, *missed, 0), missed=left)

    def __str__(self) -> str:
        return " ".join(map(str, (self.uidvalidity, self.last, *self.missed)))


def place(folder: str, uidvalidity: int, uid: int) -> str:
    """The name of a mail for ever: `INBOX/1700000000/17`."""
    return f"{folder}/{uidvalidity}/{uid}"


def uid_of(name: str, uidvalidity: int) -> int | None:
    """The UID in a place, if it is of this UIDVALIDITY."""
    found = _PLACE.fullmatch(name)
    return int(found[3]) if found and int(found[2]) == uidvalidity else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A login that was refused: nobody knocks again before `until`, unless with another credential.

    Servers lock an account that is tried too often. The credential is kept as a salted scrypt hash.
    """

    times: int
    until: float
    salt: str
    hash: str

    @classmethod
    def of(cls, value: str) -> Refusal | None:
        found = _REFUSED.fullmatch(value)
        return cls(int(found[1]), float(found[2]), found[3], found[4]) if found else None

    @classmethod
    def after(cls, before: Refusal | None, credential: str, now: float) -> Refusal:
        """One more refusal, now, of this credential."""
        times = before.times + 1 if before and before.concerns(credential) else 1
        salt = os.urandom(8).hex()
        return cls(times, now + _PATIENCE[min(times, len(_PATIENCE)) - 1], salt, _hash(credential, salt))

    def concerns(self, credential: str) -> bool:
        return _hash(credential, self.salt) == self.hash

    def __str__(self) -> str:
        return f"{self.times} {int(self.until)} {self.salt} {self.hash}"


def _hash(credential: str, salt: str) -> str:
    return hashlib.scrypt(credential.encode(), salt=bytes.fromhex(salt), n=16_384, r=8, p=1, dklen=16).hex()
