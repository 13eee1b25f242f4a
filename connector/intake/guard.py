"""Who may post: a bearer token, or HMAC-SHA256 over the time and the raw body. Compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connector.intake.answers import Refused
from connector.plugins import IntakeSettings, Secret
from connector.signing import SIGNATURE, TIMESTAMP, signature

_SECONDS = re.compile(r"[0-9]{9,12}")
_SIGNED = re.compile(r"sha256=([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says for itself before its body is read. A signature is still to be proved."""

    timestamp: str = ""
    signature: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Guard:
    """Stands before one source. `window` is in seconds."""

    keys: tuple[bytes, ...] = field(repr=False)
    tokens: tuple[bytes, ...] = field(repr=False)
    window: float

    @classmethod
    def of(cls, settings: IntakeSettings, base: Path, *more: str) -> Guard:
        """The guard that the settings ask for; it takes `more` as bearer tokens. Raises SettingsError."""
        keys, tokens = _revealed(settings.hmac, base), _revealed(settings.token, base)
        return cls(keys, (*tokens, *(token.encode() for token in more)), settings.window)

    def admit(self, headers: Mapping[str, str], now: float) -> Claim:
        """Look at the headers, before the body is read. Raises Refused."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.tokens:
            if not _among(token.strip().encode("utf-8", "surrogateescape"), self.tokens):
                raise Refused(401, "bad-token", "this token is not the one", "see `intake` of the source")
            return Claim()
        if not self.keys:
            raise Refused(401, "no-token", "there is no bearer token", "send Authorization: Bearer TOKEN")
        return self._signed(headers, now)

    def _signed(self, headers: Mapping[str, str], now: float) -> Claim:
        timestamp, said = headers.get(TIMESTAMP, ""), _SIGNED.fullmatch(headers.get(SIGNATURE, ""))
        if not _SECONDS.fullmatch(timestamp) or said is None:
            remedy = "send X-Connector-Timestamp: SECONDS and X-Connector-Signature: sha256=HEX"
            raise Refused(401, "not-signed", "there is no signature, or its time is no number of seconds", remedy)
        if abs(now - int(timestamp)) > self.window:
            remedy = "sign with the time of sending, and see to both clocks; Date is that of this machine"
            raise Refused(401, "stale", f"the signature is not within {self.window:g} seconds of now", remedy)
        return Claim(timestamp, said[1].lower())

    def prove(self, claim: Claim, body: bytes) -> None:
        """Compare the signature with the body. Raises Refused."""
        if claim.timestamp and not _among(
            claim.signature.encode(), [signature(k, claim.timestamp, body) for k in self.keys]
        ):
            remedy = "sign TIMESTAMP.BODY, the body byte for byte as it is sent"
            raise Refused(401, "bad-signature", "the signature does not fit the body", remedy)


def _among(said: bytes, known: Iterable[bytes]) -> bool:
    """All are compared, so that the time tells neither which it is nor how long it is."""
    digest = hashlib.sha256(said).digest()
    fits = [hmac.compare_digest(digest, hashlib.sha256(one).digest()) for one in known]
    return any(fits)


def _revealed(secrets: Iterable[Secret], base: Path) -> tuple[bytes, ...]:
    return tuple(secret.reveal(base).encode() for secret in secrets)
