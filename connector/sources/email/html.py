"""HTML of a mail as plain text, with marks where a reply's quoted mail and a signature stand.

Kept: links, list marks, table rows on one line, quotes behind `> `. Dropped: style, script, comments, and what is
hidden: it can carry instructions or a forged token. Nothing is ever loaded.

An own walk over the lxml tree takes two thirds of the time of inscriptis, which sets layout tables as wide columns,
drops link targets by default, shows preheaders, and would still leave the quoted mail to be found.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from connector.sources.email.look import Look, hidden_classes, look

HTML_LIMIT = 1_000_000

CUT = "\ue000"  # the quoted mail begins here
END = "\ue001"  # the element that holds the quoted mail ends here
SIGN = "\ue002"  # a signature begins here
UNSIGN = "\ue003"  # and ends here
MARKS = re.compile("[\ue000-\ue003]")

_KINDS = {
    "skipped": "head title style script noscript template svg math object embed applet audio video canvas iframe "
    "frame select textarea map meta link base input",
    "paragraph": "p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote hr",
    "line": "div tr li dt dd section article header footer nav aside main center address figure figcaption fieldset "
    "form caption thead tbody tfoot body details summary",
}
_KIND = {tag: kind for kind, tags in _KINDS.items() for tag in tags.split()}
_SPACE = re.compile("[ \t\n\r\f\ue000-\ue003]+")  # nobody else may set marks, not as a character reference either
_GAP = re.compile(r"\n(?:[ \xa0]*\n){2,}")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_LINKS = ("http://", "https://", "mailto:", "tel:", "ftp://", "file:")
_DEPTH_OF_QUOTES = 10


def html_text(html: str) -> str:
    """The text that a person sees, marks included. Looks at the first million characters; never raises."""
    html = html[:HTML_LIMIT].replace("\0", "")
    # The input is bounded here already; mail nests deeper than the 256 elements that lxml takes otherwise.
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True)
    try:
        root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError):
        root = None
    if root is None or any(error.level_name == "FATAL" for error in parser.error_log):
        return _SPACE.sub(" ", _TAG.sub(" ", html)).strip()
    page = _Page(hidden_classes("\n".join(style.text or "" for style in islice(root.iter("style"), 20))))
    page.walk(root)
    return page.text()


class _Page:
    """Lines in the making."""

    def __init__(self, hidden: frozenset[str]) -> None:
        self.hidden = hidden
        self.lines: list[str] = []
        self.current: list[str] = []
        self.quotes = 0
        self.preformatted = 0
        self.row: Any = None  # the table row that is being set on one line
        self.cell = False  # a cell of it has ended
        self.numbers: list[int | None] = []  # the lists that are open: next number, or None for bullets

    def text(self) -> str:
        self.end_line()
        return _GAP.sub("\n\n", "\n".join(self.lines).strip("\n"))

    def walk(self, root: Any) -> None:
        walker = etree.iterwalk(root, events=("start", "end"))
        skipped = False
        for event, element in walker:
            tag = element.tag if isinstance(element.tag, str) else ""
            said = look(element.attrib)
            if event == "start":
                skipped = not tag or _KIND.get(tag) == "skipped" or self.is_hidden(said, element)
                if skipped:  # its end is the next event
                    walker.skip_subtree()
                else:
                    self.open(tag, element, said)
                    self.say(element.text)
            else:
                if not skipped:
                    self.close(tag, element, said)
                skipped = False
                self.say(element.tail)

    def is_hidden(self, said: Look, element: Any) -> bool:
        return said.hidden or (said.tiny and not len(element)) or not self.hidden.isdisjoint(said.classes)

    def open(self, tag: str, element: Any, said: Look) -> None:
        if said.holds or said.heads:
            self.mark(CUT)
        if said.signature:
            self.mark(SIGN)
        self.edge(tag)
        match tag:
            case "br":
                self.break_line()
            case "tr" if self.row is None and _fits_one_line(element):
                self.row = element
            case "ul" | "ol":
                self.numbers.append(1 if tag == "ol" else None)
            case "li":
                self.bullet()
            case "pre":
                self.preformatted += 1
            case "blockquote" if _is_cited(element, said):
                self.quotes += 1
            case "img":
                self.say(_picture(element))

    def close(self, tag: str, element: Any, said: Look) -> None:
        if tag == "a":
            self.link(element)
        elif tag in ("td", "th"):
            self.cell = self.row is not None
        elif element is self.row:
            self.row, self.cell = None, False
        self.edge(tag)
        match tag:
            case "ul" | "ol" if self.numbers:
                self.numbers.pop()
            case "pre":
                self.preformatted -= 1
            case "blockquote" if _is_cited(element, said):
                self.quotes -= 1
        if said.holds:
            self.mark(END)
        if said.signature:
            self.mark(UNSIGN)

    def mark(self, mark: str) -> None:
        self.row, self.cell = None, False
        self.end_line()
        self.lines.append(mark)

    def edge(self, tag: str) -> None:
        kind = _KIND.get(tag)
        if kind == "paragraph":
            self.end_line()
            if self.row is None:
                self.lines.append("")
        elif kind == "line":
            self.end_line()

    def say(self, text: str | None) -> None:
        if not text:
            return
        if self.preformatted:
            self.say_as_it_is(text)
            return
        text = _SPACE.sub(" ", text)
        spaced = not self.current or self.current[-1].endswith(" ")
        if spaced:
            text = text.lstrip(" ")
        if self.cell and text.strip():
            self.cell, text = False, ("| " if spaced else " | ") + text.lstrip(" ")
        if text:
            self.current.append(text)

    def say_as_it_is(self, text: str) -> None:
        first, *others = MARKS.sub("", text).split("\n")
        self.current.append(first)
        for other in others:
            self.break_line()
            self.current.append(other)

    def bullet(self) -> None:
        number = self.numbers[-1] if self.numbers else None
        indent = "  " * (min(len(self.numbers), _DEPTH_OF_QUOTES) - 1)
        self.current.append(indent + ("- " if number is None else f"{number}. "))
        if number is not None:
            self.numbers[-1] = number + 1

    def link(self, element: Any) -> None:
        target = _SPACE.sub("", element.get("href") or "")[:2_000]
        if self.current and target.lower().startswith(_LINKS):
            said = "".join(islice(element.itertext(), 50)).strip().rstrip("/")
            if said and said not in (target.rstrip("/"), target.partition(":")[2].strip("/")):
                self.current.append(f" <{target}>")

    def break_line(self) -> None:
        if self.row is None and not self.current:
            self.lines.append("")
        self.end_line()

    def end_line(self) -> None:
        if self.row is not None:
            self.say(" ")
            return
        line = "".join(self.current).rstrip(" ")
        self.current = []
        if line and not line.isspace():
            self.lines.append("> " * min(self.quotes, _DEPTH_OF_QUOTES) + line)


def _is_cited(element: Any, said: Look) -> bool:
    """Outlook and others indent with blockquotes too; only a mail that is quoted says so."""
    return (element.get("type") or "").lower() == "cite" or "gmail_quote" in said.classes


def _fits_one_line(row: Any) -> bool:
    """Rows of data; rows that lay out a page hold tables, lists or many paragraphs."""
    cells = [cell for cell in row if cell.tag in ("td", "th")]
    if len(cells) < 2 or next(row.iter("table", "ul", "ol", "blockquote", "pre"), None) is not None:
        return False
    return all(len(list(islice(cell.iter("p", "div", "br"), 3))) < 3 for cell in cells)


def _picture(element: Any) -> str:
    source = _SPACE.sub("", (element.get("src") or "")[:200])
    name = _SPACE.sub(" ", (element.get("alt") or "")[:200]).strip()
    if source.lower().startswith("cid:"):
        return f" [image: {name or source[4:].partition('@')[0]}] "
    return f" [{name}] " if name and element.get("width") not in ("0", "1") else ""
