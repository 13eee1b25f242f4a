"""How much speaks for a ticket being of an outage: for each word, how much more it is said there than elsewhere.

The weight of a word that both have is `log(p(word | outage) / p(word | elsewhere))`; what else is said costs nothing,
for people say much besides. Words that differ by a slip of the finger count as one (rapidfuzz).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from rapidfuzz import process
from rapidfuzz.distance import OSA

from connector.problems.signature import BROKEN, TROUBLE, Signature

MIXED = 0.7  # of what reports of an outage say, so much is about the outage
PRIOR, PRIOR_TICKETS = 0.004, 300.0  # how often a word is said where little was heard yet
DAMPED = 0.8  # words come together, so each counts less than the one before
APP_WEIGHT = 2.5  # the application's name counts once, and no more than this
NAMES_IT = 0.6  # of the reports of an outage name its application, or more
TELLING = 24  # words of a profile by which others are found
KNOWN = 6  # reports after which it is known how people tell of it
FOREIGN, MOST_FOREIGN = 0.6, 4.0  # what each word says against it that none of them has
OTHER_CODE = 3.0
UNSAID = 0.05  # of reports of an outage, so many more do not say that it is broken than were heard
SHORTEST_CODE = 4
CODE = 2.0  # what an error code counts beside a word
SHORTEST = 5  # letters of a word that may be a slip for another
NEAR = 24  # words of a profile that others may be slips for
SLIP = 0.6  # what a slip counts
SHOWN = 6  # words that explain a likeness
COMMON = 0.2  # of all tickets: an application that is named so often tells nothing apart
NAME = 0.3  # of those who name the application say a word that is a part of its name, or more
FEW_MATES = 4.0  # tickets of an application after which it is known what is said of it
KEPT = 120  # words of a profile


# The words by which applications are named, and which each names.
Apps = Mapping[str, str]


class Elsewhere(Protocol):
    """How often words are said at large."""

    def rate(self, word: str, besides: float) -> float:
        """The part of all tickets that have the word, `besides` so many that are known to."""


@dataclass(slots=True)
class Profile:
    """What the tickets of one outage have in common. `size` counts them, `counts` how many of them say a word; the
    part `recent` of them lies in the time that is looked at."""

    size: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    apps: Counter[str] = field(default_factory=Counter)
    environments: Counter[str] = field(default_factory=Counter)
    recent: float = 1.0

    @classmethod
    def of(cls, signatures: Iterable[Signature], apps: Apps) -> Profile:
        """The profile of these tickets."""
        made = cls()
        for signature in signatures:
            made.add(signature, apps)
        return made

    def add(self, signature: Signature, apps: Apps) -> None:
        """One more ticket."""
        self.size += 1
        self.counts.update(signature.words)
        self.apps.update(named(signature, apps))
        if signature.environment:
            self.environments[signature.environment] += 1

    def without(self, signature: Signature, apps: Apps) -> Profile:
        """The profile of all tickets but this one of them."""
        less = Profile(self.size - 1, self.counts.copy(), self.apps.copy(), self.environments.copy(), self.recent)
        less.counts.subtract(signature.words)
        less.apps.subtract(named(signature, apps))
        if signature.environment:
            less.environments[signature.environment] -= 1
        return less

    def plus(self, other: Profile) -> None:
        """The tickets of another outage, which turned out to be this one."""
        self.size += other.size
        self.counts.update(other.counts)
        self.apps.update(other.apps)
        self.environments.update(other.environments)

    def main_app(self) -> str | None:
        """The application that most of those name who name any, or None."""
        return next(iter(self.main_apps()), None)

    def main_apps(self) -> list[str]:
        """The words of its name, where it has several, the one that most say first."""
        return [app for app, count in self.apps.most_common() if 2 * count > self.size * NAMES_IT]

    def telling(self) -> list[str]:
        """The words that are said most, by which others like it are found."""
        return [word for word, _ in self.counts.most_common(TELLING)]

    def codes(self) -> set[str]:
        """Errors, records and devices that several name."""
        least = max(2.0, self.size / 8)
        return {word for word, count in self.counts.items() if count >= least and is_code(word)}

    def document(self) -> Mapping[str, Any]:
        """What the ledger keeps of it: the words that are said most."""
        return {
            "size": self.size,
            "words": dict(self.counts.most_common(KEPT)),
            "apps": dict(self.apps.most_common(20)),
            "environments": dict(self.environments.most_common(5)),
        }

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Profile:
        """The profile that a document holds; what it leaves out is empty."""
        words, apps, environments = (Counter(said.get(name, {})) for name in ("words", "apps", "environments"))
        return cls(said.get("size", 0), words, apps, environments)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much speaks for it, and the words that speak most; `besides` is what speaks for it besides the name of the
    application."""

    score: float
    words: tuple[str, ...] = ()
    besides: float = -math.inf


@dataclass(frozen=True, slots=True)
class Mates:
    """Tickets of the same time that name the application of an outage: so many belong to it, so many do not, and how
    many of these say a word."""

    joined: int = 0
    others: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def name(self, word: str) -> bool:
        """Is it a part of the application's name, for many say it who are not of the outage?"""
        return self.counts[word] >= max(FEW_MATES, NAME * self.others)

    def rate(self, word: str, rate: float) -> float:
        """The part of the others that have the word, which tends to that of all tickets."""
        return (self.counts[word] + FEW_MATES * rate) / (self.others + FEW_MATES)


ALONE = Mates()


NONE = Likeness(-math.inf)


def named(signature: Signature, apps: Apps) -> frozenset[str]:
    """The applications that a ticket names: by its field or, where that is empty, in its words."""
    return signature.apps or frozenset(apps[word] for word in signature.words if word in apps)


def likeness(
    signature: Signature,
    profile: Profile,
    elsewhere: Elsewhere,
    apps: Apps,
    slips: bool = False,
    mates: Mates = ALONE,
    strict: bool = False,
) -> Likeness:
    """How like a ticket is to those of a profile; NONE where it is of another application or environment. With `slips`
    a word counts too that is nearly one of theirs. `mates` tell which words are a part of the application's name;
    where it is `strict`, a word counts only as far as they say it less."""
    if _apart(signature, profile, elsewhere, apps):
        return NONE
    weights = {
        word: _weight(word, profile, elsewhere, mates if strict else ALONE)
        for word in signature.words
        if profile.counts[word]
    }
    if slips:
        weights.update(_slips(signature.words - weights.keys(), profile, elsewhere, mates if strict else ALONE))
    ranked = sorted(((weight, word) for word, weight in weights.items() if weight > 0), reverse=True)
    names = {word for word in weights if word in apps or mates.name(word)}
    besides = [weight for weight, word in ranked if word not in names]
    named_by = [weight for weight, word in ranked if word in names]
    told = sum(weight * DAMPED**place for place, weight in enumerate(besides))
    told -= _foreign(signature, weights, profile, elsewhere)
    name = min(max(named_by, default=0.0), APP_WEIGHT)
    return Likeness(told + name, tuple(word for _, word in ranked[:SHOWN]), told)


def _foreign(signature: Signature, weights: Mapping[str, float], profile: Profile, elsewhere: Elsewhere) -> float:
    """What speaks against it: other words than those of many reports, and another error than theirs."""
    others = [word for word in signature.words if word not in weights]
    codes = profile.codes()
    other_code = bool(codes) and not codes & signature.words and any(map(is_code, others))
    against = min(FOREIGN * len(others), MOST_FOREIGN) + (OTHER_CODE if other_code else 0.0)
    against += _unbroken(signature, profile, elsewhere)
    return against * min(max(profile.size - 1, 0) / KNOWN, 1.0)


def _unbroken(signature: Signature, profile: Profile, elsewhere: Elsewhere) -> float:
    """What speaks against it where nothing is said to be broken, and the others say so."""
    if BROKEN in signature.words:
        return 0.0
    saying = profile.counts[BROKEN]
    silent = 1.0 - saying / (profile.size + 1.0)
    return max(math.log((1.0 - elsewhere.rate(BROKEN, saying * profile.recent)) / (silent + UNSAID)), 0.0)


def says_nothing_else(signature: Signature, profile: Profile, apps: Apps) -> bool:
    """Does a ticket say nothing that the reports of an outage do not say too, but the application's name and that it
    does not work?"""
    others = [word for word in signature.words - TROUBLE if profile.counts[word] < 2 and word not in apps]
    near = profile.telling()
    return all(slip(word, near) for word in others)


@lru_cache(maxsize=10_000)
def is_code(word: str) -> bool:
    """Is it an error, a record or a device? A day of the month is not."""
    return len(word) >= SHORTEST_CODE and any(sign.isdigit() for sign in word)


def weight(there: float, rate: float, word: str) -> float:
    """What a word says that this part of an outage's reports have, and that part of all tickets."""
    return math.log(MIXED * there / rate + 1.0 - MIXED) * (CODE if is_code(word) else 1.0)


def _weight(word: str, profile: Profile, elsewhere: Elsewhere, mates: Mates) -> float:
    count = profile.counts[word]
    rate = elsewhere.rate(word, count * profile.recent + 1.0)  # besides those of the outage, and the one at hand
    return weight(count / (profile.size + 1.0), max(rate, mates.rate(word, rate)), word)


def _slips(words: Iterable[str], profile: Profile, elsewhere: Elsewhere, mates: Mates) -> dict[str, float]:
    """Words that nobody else says and that are nearly one of the profile's."""
    near = [word for word, _ in profile.counts.most_common(NEAR)]
    meant = ((word, slip(word, near)) for word in words)
    return {word: SLIP * _weight(known, profile, elsewhere, mates) for word, known in meant if known is not None}


def slip(word: str, known: Sequence[str]) -> str | None:
    """The known word that this one is a slip of the finger for, or None."""
    if len(word) < SHORTEST or is_code(word):
        return None
    best = process.extractOne(
        word, [each for each in known if len(each) >= SHORTEST], scorer=OSA.distance, score_cutoff=1
    )
    return None if best is None else str(best[0])


def _apart(signature: Signature, profile: Profile, elsewhere: Elsewhere, apps: Apps) -> bool:
    theirs = _most(profile.environments)
    if signature.environment and theirs and signature.environment not in theirs:
        return True
    named_here, named_there = named(signature, apps), _most(profile.apps)
    if not named_here or not named_there or named_here & named_there:
        return False
    return all(elsewhere.rate("app:" + app, 0.0) < COMMON for app in named_here)


def _most(counts: Counter[str]) -> set[str]:
    """What is named by a good part of those who name any."""
    most = max(counts.values(), default=0)
    return {word for word, count in counts.items() if count > 0 and count * 3 >= most}
