"""Articles that a bot pointed to: whatever in a message has an address and a title (cards, citations, buttons)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connector.sources.text import line
from connector.ticket import Article

_ADDRESS = ("url", "link", "href", "value")
_TITLE = ("title", "name", "text", "label")
_MOST_NODES = 2000


def articles(message: Any) -> Iterator[Article]:
    """The articles anywhere inside a message, in order; files that people sent are not meant and not given here."""
    stack, nodes = [message], 0
    while stack and nodes < _MOST_NODES:
        node, nodes = stack.pop(), nodes + 1
        if isinstance(node, dict):
            found = _article(node)
            if found is not None:
                yield found
            stack.extend(reversed(tuple(node.values())))
        elif isinstance(node, list):
            stack.extend(reversed(node))


def _article(node: dict[str, Any]) -> Article | None:
    url = next((node[key] for key in _ADDRESS if _is_address(node.get(key))), "")
    title = next((node[key] for key in _TITLE if isinstance(node.get(key), str) and node[key].strip()), "")
    if not url or not title or _is_address(title):
        return None
    identity = node.get("id") if isinstance(node.get("id"), str) else node.get("article_id")
    return Article(title=line(title), id=line(str(identity or ""), 100), url=line(url, 500))


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value[:8].lower().startswith(("http://", "https://"))
