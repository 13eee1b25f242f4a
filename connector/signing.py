"""The signature of what is posted, to the intake and by the connector itself. Pure."""

from __future__ import annotations

import hashlib
import hmac

TIMESTAMP = "x-connector-timestamp"
SIGNATURE = "x-connector-signature"


def signature(key: bytes, timestamp: str, body: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) of `TIMESTAMP.BODY` in lower-case hexadecimal digits."""
    made = hmac.new(key, timestamp.encode() + b".", hashlib.sha256)
    made.update(body)
    return made.hexdigest().encode()
