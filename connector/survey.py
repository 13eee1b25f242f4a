"""The link by which people say how content they were: it names the ticket to nobody but us. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

_MAC_BYTES = 10
_ID_BYTES = 8


def token(secret: bytes, ticket_id: int) -> str:
    """The token of a ticket, 29 letters and digits; nobody can make another ticket's without the secret."""
    named = ticket_id.to_bytes(_ID_BYTES, "big")
    return base64.b32encode(named + _mac(secret, named)).decode("ascii").rstrip("=").lower()


def ticket_of(secret: bytes, said: str) -> int | None:
    """The ticket that a token names, or None where we did not make it."""
    try:
        raw = base64.b32decode(said[:40].upper() + "=" * (-len(said[:40]) % 8))
    except ValueError:
        return None
    named, mac = raw[:_ID_BYTES], raw[_ID_BYTES:]
    return int.from_bytes(named, "big") if hmac.compare_digest(mac, _mac(secret, named)) else None


def _mac(secret: bytes, named: bytes) -> bytes:
    return hmac.new(secret, b"survey\x1f" + named, hashlib.sha256).digest()[:_MAC_BYTES]
