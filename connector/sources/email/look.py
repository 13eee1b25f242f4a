"""What the attributes of an HTML element say in a mail: hidden, head or holder of a quoted mail, signature.

The names are those that Gmail, Outlook, Apple Mail, Thunderbird, Yahoo, Proton, Tutanota and Zimbra write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_SPACE = re.compile(r"\s+")
_HIDDEN = re.compile(
    r"display:none|visibility:hidden|max-height:0(?:px)?(?:[;!]|$)|(?:^|;)opacity:0(?:\.0{1,3})?(?:[;!]|$)"
)
_TINY = re.compile(r"font-size:[01](?:px|pt)?(?:[;!]|$)")
_OUTLOOK_RULE = re.compile(r"border-top:solid#(?:e1e1e1|b5c4df)1\.0pt")
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_CLASS = re.compile(r"(?:^|,)\s*\.([\w-]{1,60})\s*(?=,|$)")
_PREHEADERS = frozenset({"preheader", "preheadertext", "preview-text", "previewtext", "mcnpreviewtext"})
_QUOTE_IDS = frozenset({"divrplyfwdmsg", "appendonsend", "mail-editor-reference-message-container", "replywithmessage"})
_QUOTE_HOLDERS = frozenset(
    {"gmail_quote", "gmail_quote_container", "yahoo_quoted", "protonmail_quote", "tutanota_quote"}
)
_QUOTE_HEADS = frozenset({"gmail_attr", "moz-cite-prefix"})
_SIGNATURE_IDS = frozenset({"signature", "ms-outlook-mobile-signature", "applemailsignature"})
_SIGNATURES = frozenset({"gmail_signature", "moz-signature", "protonmail_signature_block"})


@dataclass(frozen=True, slots=True)
class Look:
    """`holds` a quoted mail, or stands at its head (`heads`); `tiny` text hides what is in no further element."""

    hidden: bool = False
    tiny: bool = False
    holds: bool = False
    heads: bool = False
    signature: bool = False
    classes: frozenset[str] = frozenset()


PLAIN = Look()


def look(attributes: Any) -> Look:
    """What an element's attributes (a mapping) say."""
    if not attributes:
        return PLAIN
    get = attributes.get
    if get("hidden") is not None:
        return Look(hidden=True)
    return _look(get("id", "")[:100], get("class", "")[:500], get("style", "")[:2_000], get("data-marker", "")[:100])


@lru_cache(maxsize=1024)  # a mail repeats a handful of styles on every element
def _look(name: str, classes: str, style: str, marker: str) -> Look:
    name = name.lower().removeprefix("x_")  # Outlook on the web prefixes what it quotes
    names = frozenset(each.removeprefix("x_") for each in classes.lower().split())
    squeezed = _squeezed(style)
    return Look(
        hidden=bool(_HIDDEN.search(squeezed)),
        tiny=bool(_TINY.search(squeezed)),
        holds=not _QUOTE_HOLDERS.isdisjoint(names) or marker == "__QUOTED_TEXT__",
        heads=name in _QUOTE_IDS or not _QUOTE_HEADS.isdisjoint(names) or bool(_OUTLOOK_RULE.search(squeezed)),
        signature=name in _SIGNATURE_IDS or not _SIGNATURES.isdisjoint(names),
        classes=names,
    )


def _squeezed(style: str) -> str:
    return _SPACE.sub("", style).lower()


def hidden_classes(sheet: str) -> frozenset[str]:
    """Classes that a style sheet hides on every screen; what comes after `@media` depends on the screen."""
    hidden = set(_PREHEADERS)
    for selectors, rules in _RULE.findall(sheet[:20_000].partition("@media")[0]):
        if _HIDDEN.search(_squeezed(rules)):
            hidden.update(name.lower() for name in _CLASS.findall(selectors))
    return frozenset(hidden)
