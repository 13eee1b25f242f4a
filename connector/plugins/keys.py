"""The names of things to do, the same for every attempt."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from functools import lru_cache

KEY_LIMIT = 100
_PLAIN = re.compile(r"[A-Za-z0-9_.:-]+")
_NAMESPACE = uuid.UUID("5b0c1a5e-8a1d-5c66-9d1e-0f7c2f6f3a10")


@dataclass(frozen=True, slots=True)
class Key:
    """The name of one thing to do, the same for every attempt: site, source id, external id, table, part.

    `part` is `ticket`, `update:N`, `comment:ID`, `file:COMMENT:NAME:SHA256` or `link:…`. No component is empty.
    """

    site: str
    source: str
    external_id: str
    table: str
    part: str

    def __post_init__(self) -> None:
        if not all((self.site, self.source, self.external_id, self.table, self.part)):
            raise ValueError("a key has no empty component")

    @property
    def text(self) -> str:
        """All components, unambiguous; the ledger's unique name for the delivery."""
        return "\x1f".join((self.site, self.source, self.external_id, self.table, self.part))

    @property
    def uuid(self) -> str:
        """UUIDv5 of the key in 32 hex digits: ServiceNow's client-chosen `sys_id`, Zendesk's Idempotency-Key."""
        return _uuid(self.text)

    @property
    def remote(self) -> str:
        """`SITE:SOURCE:EXTERNAL_ID`, what the remote record carries and is looked up by; 100 characters at most.

        The external id is hashed where it is long or leaves `[A-Za-z0-9_.:-]`; so is the part of a follow-up ticket.
        """
        external = self.external_id if self.part == "ticket" else f"{self.external_id}\x1f{self.part}"
        whole = f"{self.site}:{self.source}:{external}"
        if len(whole) <= KEY_LIMIT and _PLAIN.fullmatch(whole):
            return whole
        digest = hashlib.sha256(external.encode("utf-8", "surrogatepass")).hexdigest()[:40]
        return f"{self.site}:{self.source}:{digest}"

    @property
    def marker(self) -> str:
        """A short word, unique to this key, that can stand in a comment's text and be found again."""
        return f"{self.site}-{self.uuid[:20]}"


@lru_cache(maxsize=1024)
def _uuid(text: str) -> str:
    """Kept, because a write in flight asks for it at every turn."""
    return uuid.uuid5(_NAMESPACE, text).hex
