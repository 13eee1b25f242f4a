"""What a ticket is known by when others like it are sought: words of its fields and of what it says, and who says it.

Only shielded text is looked at, so nothing here shows a patient.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from connector.ticket import Kind, Person, Ticket

TEXT_LIMIT = 2_000  # characters of a text that are looked at: the trouble is told at the beginning
WORDS = 40  # of each ticket, the first ones; a field's come before what is told
STEM = 6  # letters of a word that count: "verify" and "verification" are one word

APP, ENVIRONMENT, WHO, NAMES, ASIDE, ALL, NEW = "app:", "env:", "who:", "names:", "aside:", "*", "new:"
BROKEN = "broken"
_FACETS = (APP, ENVIRONMENT, WHO, NAMES, ASIDE, ALL, NEW)

_TOKEN = re.compile(r"\[[A-Z]+_\d+\]")  # what stands in place of patient data
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_NUMBERED = re.compile(r"\b(?:INC|PRB)\d{5,12}\b|(?:#|\bticket |\brequest )(\d{1,12})\b", re.IGNORECASE)
_NUMBERS = 5

# Said in every request, of whatever kind.
_FILLERS = """
about after again all also and any anyone are asap because been before but call can cannot cant could couldn did
didn does doesn doesnt dont for from get gets getting give got had has have hello help her here hey him his how
info into isn isnt its just know let like logged may more most much must need needs needed new not now one only
our out over own page please pls possible regards same see sent she should since some someone something still
than thank thanks that the their them then there these they thing this those ticket time today too try trying
unable until urgent use used user users using very want was way were what when where which while who whole will
with won work worked working works would you your morning afternoon evening team desk dear advise iphone good
issue issues problem problems hold holding fixed idea waiting hyperspace epic computer back another every
everybody everyone nobody keeps says said shows show showing
"""
_STOP = frozenset(_FILLERS.split())

# Names of applications that hold all the others.
_SHELLS = frozenset({"hyperspace", "epic", "cerner", "millennium", "powerchart"})

# What one person wants, or one device of theirs lacks: it comes in every day and opens nothing by itself.
_ASIDE = re.compile(
    r"\bpass ?(?:word|code)s?\b|\breset(?:ting)?\b|\bunlock|\blocked out\b|\baccount\b|\bexpired\b"
    r"|\b(?:mfa|token|authenticator)\b"
    r"|\btoner\b|\b(?:no|more|out of|low on) paper\b|\bpaper (?:jam|tray|size|feed)"
    r"|\b(?:mouse|keyboard|monitor|headset|docking|laptop|battery|cable|charger|webcam)\b"
    r"|\bnew (?:hire|starter|employee|user|phone|pc)\b|\baccess (?:request|to|for)\b|\bneeds? access\b|\blicen[sc]e\b"
    r"|\binstall(?:ation|ed)?\b|\bhow (?:do|can|to)\b|\bwhere (?:can|do|is)\b|\bwho owns\b|\bis there\b"
    r"|\b(?:can|could|may) (?:we|i|the|you|someone)\b.*\?|\bplease (?:add|give|map|move|remove|create|change|set)\b"
    r"|\b(?:i|we) (?:need|want|would like) (?:a|an|to|new)\b|\brequest(?:ing)?:|\bthank you for\b|\bvoice ?mail\b"
    r"|\b(?:pager|badge)\b|\bfor me only\b|\bonly (?:for )?me\b|\bmy (?:pc|computer|phone|screen|mouse)\b",
    re.IGNORECASE,
)
# What says that something does not work, in whatever words: all of these count as one word, `BROKEN`.
_BROKEN = re.compile(
    r"\b(?:down|dead|offline|unavailable|unreachable|unresponsive|disconnect\w*|outage|broken|blank|black|stuck|stale"
    r"|fail\w*|error\w*|crash\w*|hang\w*|hung|fr[eo]ez\w*|frozen|spin\w*|time[sd]? ?out|timeout|reject\w*|cannot|can'?t"
    r"|unable|won'?t|(?:do|does|did|is|are|has|have|was)n'?t|not|never|no|none|neither|nothing|gone|vanished"
    r"|missing|stop(?:s|ped)|lost|drop(?:s|ped)|nobody can|kicks? me|logs? me out"
    r"|lock(?:s|ed)|read[- ]only|delayed|interrupted)\b",
    re.IGNORECASE,
)
# What says that it is not one person's alone; "the badge system is down" says so too.
_SHARED = re.compile(
    r"\b(?:everyone|everybody|nobody|no one|none of us|all of us|all users|(?:whole|entire) (?:unit|floor|department"
    r"|team|clinic|ward|hospital|pharmacy|lab|practice)|many of us|several (?:users|people|colleagues)"
    r"|(?:any|all|every|none of the) (?:workstation|computer|pc|terminal)s?|(?:is|are|seems?|went) (?:all )?down)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What one ticket is known by. `at` is when it was reported, in seconds since the epoch.

    `aside` says that it is of the sort that comes in every day: it may join what others opened, and opens nothing.
    `names` are the numbers of other tickets that it names, as `INC0010023` or `4711`.
    """

    words: frozenset[str]
    apps: frozenset[str]
    environment: str
    person: str
    at: float
    aside: bool = False
    names: tuple[str, ...] = ()

    @property
    def traits(self) -> list[str]:
        """All of it as words, by which the ledger finds it again."""
        found = [*self.words, *(APP + app for app in self.apps), WHO + self.person, ALL]
        found += [ENVIRONMENT + self.environment] if self.environment else []
        found += [NAMES + number for number in self.names]
        return found + ([ASIDE] if self.aside else [])

    @classmethod
    def of(cls, traits: Iterable[str], at: float) -> Signature:
        """The signature that has these traits."""
        found = list(traits)
        return cls(
            frozenset(word for word in found if not word.startswith(_FACETS)),
            frozenset(_after(APP, found)),
            next(_after(ENVIRONMENT, found), ""),
            next(_after(WHO, found), ""),
            at,
            ASIDE in found,
            tuple(_after(NAMES, found)),
        )


def _after(facet: str, traits: Iterable[str]) -> Iterator[str]:
    return (trait[len(facet) :] for trait in traits if trait.startswith(facet))


def signature(ticket: Ticket, name: str, now: float) -> Signature:
    """What the ticket is known by. `name` stands in for a person who is not known."""
    said = _said(ticket)
    at = ticket.submitted_at or ticket.received_at
    apps = frozenset(stems(ticket.context.application, _SHELLS))
    broken = bool(_BROKEN.search(said.replace("\u2019", "'")))
    return Signature(
        frozenset(_words(_fields(ticket), said)) | ({BROKEN} if broken else set()),
        apps,
        ticket.context.environment.strip().casefold()[:20],
        _person(ticket.requester, name),
        min(at.timestamp(), now) if at else now,
        ticket.kind is not Kind.INCIDENT or (not (apps and broken) and _is_aside(said)),
        _numbers(said),
    )


def _is_aside(said: str) -> bool:
    return bool(_ASIDE.search(said)) and not _SHARED.search(said)


def _numbers(said: str) -> tuple[str, ...]:
    found = (match[1] or match[0].upper() for match in _NUMBERED.finditer(said))
    return tuple(dict.fromkeys(found))[:_NUMBERS]


def _said(ticket: Ticket) -> str:
    """Everything that the person said, from the beginning."""
    talk = ticket.conversation
    turns = [turn.text for turn in talk.turns if turn.speaker == "user"] if talk else []
    slots = [str(value) for value in talk.slots.values()] if talk else []
    texts = (ticket.summary, ticket.description, *turns, *slots)
    return _TOKEN.sub(" ", "\n".join(text[:TEXT_LIMIT] for text in dict.fromkeys(texts)))[: 2 * TEXT_LIMIT]


def _fields(ticket: Ticket) -> str:
    context = ticket.context
    records = " ".join(f"{record.type}{record.id}" for record in ticket.records[:5])
    texts = (context.application, *context.error_codes[:5], context.error_text[:300], records, context.activity)
    place = max(context.location.unit.split(), key=len, default="")  # one place, however many words its name has
    return _TOKEN.sub(" ", " ".join((*texts, place)))


def _words(*texts: str) -> list[str]:
    found: dict[str, None] = {}
    for text in texts:
        for word in stems(text):
            found.setdefault(word)
            if len(found) >= WORDS:
                return list(found)
    return list(found)


def stems(text: str, stop: frozenset[str] = _STOP) -> Iterator[str]:
    """The words of a text, as far as they say something, and as much of each as counts."""
    return (stem for stem, _ in _parts(text, stop))


def whole(known: Iterable[str], tickets: Iterable[Ticket]) -> dict[str, str]:
    """For each of these stems the word that is said most in the tickets; itself where none is."""
    said: dict[str, Counter[str]] = {stem: Counter() for stem in known}
    for ticket in tickets:
        for stem, word in _parts(f"{_fields(ticket)} {_said(ticket)}", _STOP):
            if stem in said:
                said[stem][word] += 1
    return {stem: words.most_common(1)[0][0] if words else stem for stem, words in said.items()}


def _parts(text: str, stop: frozenset[str]) -> Iterator[tuple[str, str]]:
    for said in _WORD.findall(text.casefold()):
        for part in _of_word(said):
            if part[1] not in stop:
                yield part


@lru_cache(maxsize=20_000)
def _of_word(said: str) -> tuple[tuple[str, str], ...]:
    """What counts of a word, and what it was."""
    word = said.replace("'", "").replace("’", "")
    if any(sign.isdigit() for sign in word):  # a code, a device; bare numbers say nothing
        return () if word.replace("-", "").replace(".", "").isdigit() else ((word[:24], word[:24]),)
    return tuple((part[:STEM], part[:40]) for part in re.split(r"[-.]", word) if len(part) > 2)


def _person(person: Person, name: str) -> str:
    """Who says it, so that two can be told apart and neither is named."""
    known = next((word.casefold() for word in (person.email, person.login, person.id, person.phone) if word), name)
    return hashlib.blake2b(known.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


# Words that say no more than that something does not work.
TROUBLE = frozenset(
    stems(
        "down dead offline unavailable unreachable unresponsive outage broken stuck error errors failed fails failure"
        " crash crashes hang hangs hung freezes frozen timeout"
    )
)
