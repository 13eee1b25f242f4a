"""What of a mail's parts is shown as its text, and what is a file.

Walks the tree by hand: of alternatives the last that shows something, of related parts the root, of mixed parts every
text in order; an attached mail is a file, its text is not this mail's.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from connector.sources.email import smime, tnef
from connector.sources.email.charset import decode
from connector.sources.email.html import HTML_LIMIT, MARKS, html_text
from connector.sources.email.parse import Part, parse
from connector.sources.email.plain import unflowed, uu_bytes, uuencoded
from connector.sources.email.words import base64_bytes, parameters, words

_TEXTS = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext"})
_MARKED_UP = frozenset({"text/enriched", "text/richtext"})
_VARIANTS = frozenset({"text/x-amp-html", "text/watch-html"})
_SIGNATURES = frozenset(
    {
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
        "application/pgp-signature",
        "application/pgp-keys",
    }
)
_ENRICHED = re.compile(r"<(?:param>[^<]{0,200}</param|[^<>]{1,60})>", re.IGNORECASE)
_ENVELOPES = 5
_DATA_URI = re.compile(r"data:(image/[a-z.+-]{1,30});base64,([A-Za-z0-9+/=\s]{16,})", re.IGNORECASE)
_CID = re.compile(r"""cid:([^"'\s<>()]{1,250})""", re.IGNORECASE)
_BARE = re.compile(r"""\bsrc\s{0,3}=\s{0,3}["']?([^"'\s<>:]{1,250})""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that will be a file: what the mail calls them, and `part`, where they are one of its parts."""

    content: bytes = field(repr=False)
    name: str = ""
    type: str = ""
    cid: str = ""
    disposition: str = ""
    related: bool = False
    part: Part | None = field(default=None, repr=False)


@dataclass(slots=True)
class Body:
    """Texts in the order they are shown, marks of `mail_html` included; files; the ids that the HTML shows inline.

    `guessed`: a text's charset was; `cut`: there was more HTML than is read; `instead`: the text counts only where
    there is no other.
    """

    texts: list[str] = field(default_factory=list)
    files: list[Piece] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    guessed: bool = False
    cut: bool = False
    instead: bool = False

    @property
    def text(self) -> str:
        return "\n\n".join(text for text in self.texts if text.strip())

    def add(self, other: Body) -> None:
        self.texts += other.texts
        self.files += other.files
        self.shown |= other.shown
        self.notes += other.notes
        self.guessed |= other.guessed
        self.cut |= other.cut


def body(part: Part, related: bool = False, depth: int = 0) -> Body:
    """What a part shows and carries. `depth` counts the envelopes (S/MIME, TNEF) that were opened to come to it."""
    if part.children:
        match part.content:
            case "multipart/alternative":
                return _alternative(part, depth)
            case "multipart/related":
                return _related(part, depth)
            case "multipart/signed":
                return _signed(part, depth)
            case "multipart/encrypted":
                found = _mixed(part.children, False, depth)
                found.notes.append("the mail is encrypted: its text is in the attached file")
                return found
        return _mixed(part.children, related, depth)
    if part.content in _TEXTS and not _is_attached(part):
        return _text(part)
    if part.content in _VARIANTS and related is False and not file_name_of(part):
        return Body()
    return (_opened(part, depth) if depth < _ENVELOPES else None) or Body(
        files=[_piece(part, related)], notes=_remarks(part)
    )


def _mixed(parts: list[Part], related: bool, depth: int) -> Body:
    whole = Body()
    for part in parts:
        found = body(part, related, depth)
        if found.instead and whole.text.strip():  # what Outlook packed says the same again
            found.texts = []
        whole.add(found)
    return whole


def _alternative(part: Part, depth: int) -> Body:
    """Every alternative's files, the text of the last that has some."""
    bodies = [body(child, False, depth) for child in part.children]
    chosen = next((found for found in reversed(bodies) if MARKS.sub("", found.text).strip()), bodies[-1])
    for other in bodies:
        if other is not chosen:
            chosen.files += other.files
            chosen.notes += other.notes
    return chosen


def _related(part: Part, depth: int) -> Body:
    start = part.parameters.get("start", "").strip("<> ")
    root = next((child for child in part.children if start and content_id(child) == start), part.children[0])
    found = body(root, False, depth)
    found.add(_mixed([child for child in part.children if child is not root], True, depth))
    return found


def _signed(part: Part, depth: int) -> Body:
    """The signature is of no use at a help desk; anything else beside the signed part is kept."""
    found = body(part.children[0], False, depth)
    found.add(_mixed([child for child in part.children[1:] if child.content not in _SIGNATURES], False, depth))
    return found


def _opened(part: Part, depth: int) -> Body | None:
    """What is in an envelope, or None where the part is none or cannot be opened."""
    name = file_name_of(part).lower()
    if part.content in smime.TYPES or name.endswith(".p7m"):
        content = smime.signed_content(payload(part))
        return body(parse(content).root, False, depth + 1) if content else None
    if part.content in tnef.TYPES or name == "winmail.dat":
        found = tnef.unpacked(payload(part))
        return _unpacked(found, part) if found else None
    return None


def _unpacked(found: tnef.Unpacked, part: Part) -> Body:
    made = Body(instead=True)
    if found.html:
        _html(found.html, made)
    elif found.text:
        made.texts = [MARKS.sub("", found.text)]
    made.files += [Piece(content, name, kind, cid.strip("<>")) for name, kind, cid, content in found.files]
    if found.partly:
        made.files.append(_piece(part, False))
        made.notes.append("the text in winmail.dat could not be read; the file is attached")
    return made


def _remarks(part: Part) -> list[str]:
    name = file_name_of(part).lower()
    if part.content in smime.TYPES or name.endswith(".p7m"):
        return ["the mail, or a part of it, is encrypted (S/MIME): it was kept as a file"]
    if part.content in tnef.TYPES or name == "winmail.dat":
        return ["Outlook packed a part of the mail into winmail.dat, which cannot be read: it was kept as a file"]
    return []


def _is_attached(part: Part) -> bool:
    """Text with a name is a file, except HTML that is said to be shown inline (Outlook names its bodies so)."""
    disposition = parameters(part.fields.first("content-disposition"))[0]
    if disposition == "attachment":
        return True
    return bool(file_name_of(part)) and not (disposition == "inline" and part.content == "text/html")


def _text(part: Part) -> Body:
    data = payload(part)
    html = part.content == "text/html"
    text, guessed = decode(data, part.parameters.get("charset", ""), html)
    found = Body(guessed=guessed and not data.isascii())
    if html:
        _html(text, found)
        return found
    if part.content in _MARKED_UP:
        text = _ENRICHED.sub("", text.replace("<<", "<"))
    elif text.lstrip()[:40].startswith("-----BEGIN PGP MESSAGE-----"):
        found.notes.append("the text is encrypted (PGP)")
    elif part.parameters.get("format", "").lower() == "flowed":
        text = unflowed(text, part.parameters.get("delsp", "").lower() == "yes")
    if "begin " in text:
        text, encoded = uuencoded(text)
        found.files = [Piece(content, name) for name, content in encoded]
    found.texts = [MARKS.sub("", text)]
    return found


def _html(html: str, found: Body) -> None:
    """Pictures that stand in the HTML itself become files too."""

    def taken(match: re.Match[str]) -> str:
        name = f"picture-{len(found.files) + 1}"
        found.files.append(Piece(base64_bytes(match[2].encode()), "", match[1], name, "inline", related=True))
        return f"cid:{name}"

    if "base64," in html:
        html = _DATA_URI.sub(taken, html)
    found.shown = {cid.lower() for cid in _CID.findall(html)} | {name.lower() for name in _BARE.findall(html)}
    found.texts = [html_text(html)]
    found.cut = len(html) > HTML_LIMIT


def payload(part: Part) -> bytes:
    """The bytes of a part out of their transfer encoding; an unknown encoding is taken as none."""
    encoding = part.fields.first("content-transfer-encoding").partition(";")[0].strip().strip("\"'").lower()
    match encoding:
        case "base64" | "b" | "base-64":
            return base64_bytes(part.raw)
        case "quoted-printable" | "q" | "quoted_printable":
            return binascii.a2b_qp(part.raw)
        case "uuencode" | "x-uuencode" | "x-uue" | "uue":
            return uu_bytes(part.raw)
    return part.raw


def content_id(part: Part) -> str:
    return part.fields.first("content-id").strip("<> \t")


def file_name_of(part: Part) -> str:
    """The name that a part's header gives to its file, or an empty string; not yet safe."""
    for value, key in (("content-disposition", "filename"), ("content-type", "name")):
        found = part.parameters if value == "content-type" else parameters(part.fields.first(value))[1]
        if name := found.get(key):
            return words(name)  # RFC 2047 forbids encoded words here, and many senders write them
    return ""


def _piece(part: Part, related: bool) -> Piece:
    disposition = parameters(part.fields.first("content-disposition"))[0]
    location = words(part.fields.first("content-location")) if not file_name_of(part) else ""
    return Piece(
        payload(part), file_name_of(part) or location, part.content, content_id(part), disposition, related, part
    )
