"""Tokens that an EHR should have replaced by a value and did not, such as `%CSN%` in the context of an Epic button.

That an unknown token arrives as it was written is experience, not documentation: Epic's token library is not public.
"""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r"%(?:25)?[A-Za-z]\w{0,40}%(?:25)?")
_SAYS_SOMETHING = re.compile(r"[^\W_]")


def without_tokens(value: Any) -> Any:
    """The same document; a text of nothing but tokens (`%USERFNAME% %USERLNAME%`) is null."""
    if isinstance(value, str):
        return None if _TOKEN.search(value) and not _SAYS_SOMETHING.search(_TOKEN.sub("", value)) else value
    if isinstance(value, dict):
        return {key: without_tokens(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_tokens(inner) for inner in value]
    return value
