"""Names that stay: how the id of a request is made from parts that cannot be edited."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid

_NAMESPACE = uuid.UUID("0f5d6a2c-6d3e-5b0f-9a55-3c1f0c7f6f11")
_PLAIN = re.compile(r"[A-Za-z0-9_.-]*")
_PLAIN_ID = 60


def external_id(tenant: str, system: str, request_id: str) -> str:
    """The id of a request that brought its own: `TENANT:SYSTEM:REQUEST`, leading empty parts left out.

    Parts that are long or not plain are hashed together (UUIDv5), so the id is stable, unique and, mostly, readable.
    """
    parts = [tenant, system, request_id]
    while not parts[0]:
        parts.pop(0)
    plain = all(_PLAIN.fullmatch(part) for part in parts)
    whole = ":".join(parts)
    return whole if plain and len(whole) <= _PLAIN_ID else hashed(*parts)


def hashed(*parts: str, key: str = "") -> str:
    """A UUIDv5 over the parts; with a secret `key` an HMAC-SHA-256 of them, from which nobody can guess the parts."""
    whole = "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts)
    if key:
        return hmac.new(key.encode(), whole.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
    return str(uuid.uuid5(_NAMESPACE, whole))
