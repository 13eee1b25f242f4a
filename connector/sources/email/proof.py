"""Whether the site's own mail server has proved the sender (RFC 8601). Anybody can write a From line."""

from __future__ import annotations

import re

from connector.sources.email.parse import Fields

# What `authserv_id` says for servers that write no name of their own: Exchange Online.
NAMELESS = "none"
_COMMENT = re.compile(r"\([^()]{0,500}\)")
_RESULT = re.compile(r"\s*(dmarc|dkim|spf)\s*=\s*(\w{1,20})", re.IGNORECASE)
_DOMAIN = re.compile(r"\b(?:header\.from|header\.d|header\.i|smtp\.mailfrom)\s*=\s*\"?([^\s;\"]{1,320})", re.IGNORECASE)


def proved(fields: Fields, authserv: str, address: str) -> bool:
    """Does the topmost result of the server `authserv` say that the mail is from the address's domain?

    DMARC has passed, or DKIM or SPF has for the domain itself or one above it.
    """
    domain = address.rpartition("@")[2].lower()
    if not authserv or not domain:
        return False
    for value in fields.every("authentication-results")[:20]:
        name, _, results = _COMMENT.sub("", value[:4_096]).partition(";")
        if "=" in name:
            name, results = NAMELESS, f"{name};{results}"
        if name.lower().split()[:1] == [authserv.lower()]:
            return any(_passes(result, domain) for result in results.split(";"))
    return False


def _passes(result: str, domain: str) -> bool:
    found = _RESULT.match(result)
    if found is None or found[2].lower() != "pass":
        return False
    named = [value.rpartition("@")[2].lower() for value in _DOMAIN.findall(result)]
    if found[1].lower() == "dmarc":
        return not named or domain in named
    return any(domain == name or domain.endswith(f".{name}") for name in named if "." in name)
