"""Where in a reply the quoted mail begins, and what of the text is a signature. Pure, linear, never raises.

Nothing is thrown away: a text is split into parts. The rules cut too little rather than too much: what an answer
says between or below the quotes is never cut, and a cut that would leave nothing is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from connector.sources.email.html import CUT, END, MARKS, SIGN, UNSIGN
from connector.sources.email.languages import ABOVE, FORWARDED, FROM_LINE, OTHER_LINE, SENT_FROM, SEPARATOR, WROTE

_LINES_OF_HEAD = 3
_HEAD_LENGTH = 400
_SIGNATURE_LINES = 20
_YEAR = re.compile(r"\b(?:19|20)\d{2}(?!\d)")
_TIME = re.compile(r"\d{1,2}[:.h]\d{2}(?!\d)")
_ADDRESS = re.compile(r"[^\s<>@]{1,100}@[^\s<>@]{1,100}\.\w")
_RULE = re.compile(r"[_\u2500]{20,}\s*")


@dataclass(frozen=True, slots=True)
class Said:
    """A text in three: what is new, the quoted mail, the signature. `whole` is all of it but the signature."""

    new: str
    quoted: str = ""
    signature: str = ""

    @property
    def whole(self) -> str:
        return "\n\n".join(part for part in (self.new, self.quoted) if part)


def said(text: str) -> Said:
    """What a mail's text says. Takes the marks of `mail_html`; leaves none."""
    lines = text.split("\n")
    cut = _cut(lines)
    above, signature = _without_signature(lines[:cut])
    below = lines[cut:] if cut < len(lines) else []
    return Said(_joined(above), _joined(below), _joined(signature))


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(line for line in lines if not MARKS.fullmatch(line)).strip("\n")


def _cut(lines: Sequence[str]) -> int:
    """The line at which the quoted mail begins; the number of lines where there is none."""
    for number in range(len(lines)):
        if _begins_quote(lines, number):
            if not _has_text(lines[:number]) or _has_answer(lines[number:]):
                return len(lines)
            return number
    return len(lines)


def _begins_quote(lines: Sequence[str], number: int) -> bool:
    line = lines[number][:_HEAD_LENGTH]
    if line == CUT:
        return True
    bare = line.lstrip(" *\t")
    if not bare or MARKS.fullmatch(bare):
        return False
    if bare[0] == ">" or SEPARATOR.match(bare) or ABOVE.match(bare) or FORWARDED.match(bare):
        return True
    if _RULE.fullmatch(bare):
        below = next((n for n in range(number + 1, min(number + 4, len(lines))) if lines[n].strip()), number)
        return is_header_block(lines, below)
    return is_header_block(lines, number) or _is_attribution(lines, number)


def is_header_block(lines: Sequence[str], number: int) -> bool:
    """Does a forwarded or quoted mail's header begin at this line: From and two more of its fields?"""
    if not FROM_LINE.match(lines[number][:200]):
        return False
    following = [line for line in lines[number + 1 : number + 9] if line.strip()][:6]
    return sum(bool(OTHER_LINE.match(line[:200])) for line in following) >= 2


def _is_attribution(lines: Sequence[str], number: int) -> bool:
    """`On 3 May 2026 at 10:12, Ann <a@b> wrote:`, over three lines at most.

    A person may write "on Monday the doctor wrote:" too, so it takes an address, or year and time, or quotes below.
    """
    if not lines[number].strip():
        return False
    most = _LINES_OF_HEAD if _may_go_on(lines[number].strip()) else 1
    for last in range(number, min(number + most, len(lines))):
        end = lines[last].strip()
        if not end or MARKS.fullmatch(end):
            return False
        if end[-1] in ":：":
            head = " ".join(line.strip() for line in lines[number : last + 1])[: _HEAD_LENGTH + 1]
            return (
                len(head) <= _HEAD_LENGTH and bool(WROTE.search(head)) and _is_dated(head, lines[last + 1 : last + 4])
            )
    return False


def _may_go_on(line: str) -> bool:
    """May an attribution go on after this line? What somebody answered above it is not its beginning."""
    return line[-1] not in ".!?" and any(sign.search(line) for sign in (_YEAR, _TIME, _ADDRESS))


def _is_dated(head: str, below: Sequence[str]) -> bool:
    if _ADDRESS.search(head) or (_YEAR.search(head) and _TIME.search(head)):
        return True
    return next((line for line in below if line.strip()), "").lstrip().startswith(">")


def _has_text(lines: Sequence[str]) -> bool:
    return any(line.strip() and not MARKS.fullmatch(line) for line in lines)


def _has_answer(lines: Sequence[str]) -> bool:
    """Does text that is not quoted follow quoted lines, or the element that held them?"""
    quoted = False
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith(">") or line == END:
            quoted = True
        elif quoted and bare and not MARKS.fullmatch(bare) and not _is_attribution(lines, number):
            return not (bare in ("--", "-- ") or SENT_FROM.match(bare) or SIGN in lines[max(number - 2, 0) : number])
    return False


def _without_signature(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines above, and the signature: marked in the HTML, below a `-- ` line, or `Sent from my …`."""
    if SIGN in lines:
        start = lines.index(SIGN)
        end = lines.index(UNSIGN, start) if UNSIGN in lines[start:] else len(lines)
        start -= bool(start and lines[start - 1].strip() == "--")
        kept, cut = lines[:start] + lines[end:], lines[start:end]
        return (kept, cut) if _has_text(kept) else (lines, [])
    below = 0  # lines with text under the one looked at
    for number in range(len(lines) - 1, max(len(lines) - _SIGNATURE_LINES - 1, 0), -1):
        line = lines[number].rstrip()
        if line in ("--", "—") or (below <= 1 and SENT_FROM.fullmatch(line.strip()[:200])):
            return (lines[:number], lines[number:]) if _has_text(lines[:number]) else (lines, [])
        below += bool(line.strip())
    return lines, []
