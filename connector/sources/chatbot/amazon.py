"""What Lex V1 and V2 write alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connector.sources.chatbot.entries import Entry, objects, word
from connector.ticket import Article

_OWN = "x-amz-lex:"
_TAGS = re.compile(r"<[^<>]{0,500}>")


def attributes(*holders: Entry) -> dict[str, Any]:
    """Attributes that the site gave a session or a request; Lex's own are left out."""
    return {name: value for holder in holders for name, value in holder.items() if not name.startswith(_OWN)}


def plain(content: str) -> str:
    """What is heard of SSML."""
    return " ".join(_TAGS.sub(" ", content).split()) if content.lstrip().startswith("<speak") else content


def documents(answer: Mapping[str, Any]) -> Iterator[Article]:
    """The documents in a Kendra answer (Amazon Kendra API, Query)."""
    for item in objects(_either(answer, "resultItems")):
        title = _either(item, "documentTitle")
        title = _either(title, "text") if isinstance(title, dict) else title
        url = word(_either(item, "documentURI"))
        identity = word(_either(item, "documentId"))
        if word(title) or url:
            yield Article(title=word(title)[:160] or url, id=identity[:100], url=url)


def _either(holder: Mapping[str, Any], name: str) -> Any:
    return holder.get(name, holder.get(name[0].upper() + name[1:]))
