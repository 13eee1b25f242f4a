"""Which tickets belong together: the next one joins an outage, opens one with others before it, or stays alone."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from connector.problems.likeness import (
    KNOWN,
    Apps,
    Elsewhere,
    Likeness,
    Mates,
    Profile,
    is_code,
    likeness,
    named,
    says_nothing_else,
)
from connector.problems.signature import BROKEN, Signature

JOINS = 10.5  # so much must speak for a ticket that joins
# The greater a part of what is heard, or is heard of its application, is of an outage, the less must speak for one
# more: the logarithm of how much more is heard, and this.
MARGIN, LEAST, APP_MARGIN = 6.0, 8.0, 3.5
# What is said to belong by all of its words must still be told from what is said of the application every day.
APART = 2.0
OPENS = 13.0  # and for each of those that open
PAIRS = 7.0  # two tickets are worth comparing further
TELLING = 5  # words by which is asked how usual it is
TIMES = 2.5  # as much as usual is heard of an outage,
SPREAD = 3.0  # and so many standard deviations more
ALL_BUT_FEW = 0.8
FEW = 60  # tickets in a window of a desk that hears little
LONG = 14_400.0  # seconds after which it is known what is usual
# So improbable must it be that they only happen to go together, the more so the more is heard; less so where an outage
# of that application is going on.
SURE, SURE_MORE = 1.7, 1.0
LOOKED_AT = 20  # tickets that are compared with a new one


@dataclass(frozen=True, slots=True)
class Thresholds:
    """So many tickets from so many people within so many seconds of each other are an outage."""

    tickets: int = 3
    people: int = 3
    window: float = 1800.0


@dataclass(frozen=True, slots=True)
class Heard:
    """So many tickets said something in a window, out of so many in all; so many usually do in as long a time, by what
    was heard for `past` seconds before, which is None where little was."""

    recent: float
    of: int
    usual: float | None
    past: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """How far saying something and naming an application go together: of those who say it and name an application,
    `named` in number, so many `agree` on it; `both` is how many say it and name it, `naming` how many name it at all,
    and `saying` how many say it, of so many in all."""

    agree: int
    named: int
    both: int
    naming: float
    saying: int
    of: float


class Ground(Elsewhere, Protocol):
    """What is known of other tickets around the time of the one that is looked at."""

    apps: Apps
    total: float

    def near(self, most: int) -> Sequence[int]:
        """Tickets before it that share its rarest words, those that share most first."""

    def signatures(self, tickets: Iterable[int]) -> Mapping[int, Signature]: ...

    def clusters(self, tickets: Iterable[int]) -> Mapping[int, int]:
        """Of these tickets, those that belong to an outage, and to which."""

    def profile(self, cluster: int) -> Profile | None:
        """What the outage's tickets have in common; None where it takes in no more."""

    def mates(self, cluster: int) -> Mates:
        """Tickets of this time that name the outage's application."""

    def later(self) -> Sequence[int]:
        """Outages whose first report is later than this one."""

    def live(self) -> Mapping[int, Profile]:
        """The outages that are going on."""

    def heard(self, words: Sequence[str], least: int, window: float) -> Heard:
        """How many tickets said at least so many of these words in the window before this one, and what is usual."""

    def bound(self, words: Sequence[str], least: int, app: str) -> Bound:
        """How far saying at least so many of these words and naming this application go together."""


@dataclass(frozen=True, slots=True)
class Joins:
    """It belongs to an outage that is known."""

    cluster: int
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Opens:
    """It and these before it are one outage, a new one or `cluster`; `why` says for each what speaks for it."""

    why: Mapping[int, Likeness]
    cluster: int | None = None


def place(ticket: int, own: Signature, ground: Ground, asked: Thresholds) -> Joins | Opens | None:
    """Where a ticket belongs."""
    near = ground.near(LOOKED_AT)
    if not near and not ground.later():
        return None
    clusters = ground.clusters(near)
    best = _best(own, dict.fromkeys((*clusters.values(), *ground.later())), ground)
    if best is not None:
        return best
    if own.aside:
        return None
    others = ground.signatures(each for each in near if each not in clusters)
    return _opens(ticket, own, others, ground, asked)


def _best(own: Signature, clusters: Iterable[int], ground: Ground) -> Joins | None:
    found = []
    for cluster in clusters:
        profile = ground.profile(cluster)
        if profile is not None:
            like = belongs(own, profile, ground, ground.mates(cluster))
            if like is not None:
                found.append(Joins(cluster, like))
    return max(found, key=lambda each: each.likeness.score, default=None)


def belongs(own: Signature, profile: Profile, ground: Ground, mates: Mates) -> Likeness | None:
    """What speaks for a ticket being of an outage, where it is enough: the less is, the greater a part of all that is
    heard is of this outage, or of all that is heard of its application."""
    like = likeness(own, profile, ground, ground.apps, True, mates)
    if profile.size < KNOWN:
        return like if like.score >= JOINS else None
    of_all = ground.total / max(profile.size * profile.recent, 1.0)
    names_it = profile.main_app() in named(own, ground.apps)
    need = JOINS if own.aside and not names_it else min(max(math.log(max(of_all, 1.0)) + MARGIN, LEAST), JOINS)
    speaks = like.score >= need
    if not names_it or not mates.joined:
        return like if speaks else None
    broken = BROKEN in own.words
    if broken and (speaks or says_nothing_else(own, profile, ground.apps)):
        return like
    # It may be of something else with the same application, the more so where nothing is said to be broken.
    of_app = math.log((mates.others + 1.0) / (mates.joined + 1.0))
    among = likeness(own, profile, ground, ground.apps, True, mates, strict=True)
    margin = APART if speaks else APP_MARGIN
    return like if among.besides >= max(of_app, 0.0) + margin else None


def _opens(
    ticket: int, own: Signature, others: Mapping[int, Signature], ground: Ground, asked: Thresholds
) -> Opens | None:
    """The ticket and those like it, where they are enough."""
    pair = Profile.of([own], ground.apps)
    alike = {
        each: other
        for each, other in others.items()
        if not other.aside and likeness(other, pair, ground, ground.apps).score >= PAIRS
    }
    each = {ticket: own, **alike}
    group = _coherent(each, ground, OPENS)
    told = [each[one] for one in group]
    whole = Profile.of(told, ground.apps)
    if ticket in group and enough(told, asked) and _fails(whole) and _unusual(group, told, whole, ground, asked):
        return Opens(group, _going_on(whole, ground))
    # Too few for an outage of their own; but one of their application is going on.
    if ticket not in group or not enough(told, replace(asked, tickets=2, people=2)):
        return None
    known = _going_on(whole, ground)
    if known is None or not _unusual(group, told, whole, ground, asked, 0.0, SURE_MORE):
        return None
    return Opens(group, known)


def _fails(whole: Profile) -> bool:
    """Do they tell of something that fails: do most say so, or name one error? A wish that several have is no outage,
    though it be of one application."""
    return bool(whole.codes()) or 2 * whole.counts[BROKEN] > whole.size


def _going_on(whole: Profile, ground: Ground) -> int | None:
    """The outage that these are reports of too, told in other words."""
    if whole.main_app() is None:
        return None
    return next((known for known, other in ground.live().items() if same(whole, other)), None)


def same(one: Profile, other: Profile) -> bool:
    """Do two outages at one time concern one application, and show no different errors? Then they are one, however
    differently people tell of it."""
    if not set(one.main_apps()) & set(other.main_apps()):
        return False
    codes, others = one.codes(), other.codes()
    return not codes or not others or bool(codes & others)


def _unusual(
    group: Mapping[int, Likeness],
    told: Sequence[Signature],
    whole: Profile,
    ground: Ground,
    asked: Thresholds,
    spread: float = SPREAD,
    sure: float = SURE,
) -> bool:
    """Is more heard of this than comes in every day: of what tells most, and of what all of them say?"""
    counts = Counter(word for like in group.values() for word in like.words)
    telling = [word for word, _ in counts.most_common(TELLING)]
    heard = ground.heard(telling, max(min(2, len(telling)), (len(telling) + 1) // 2), asked.window)
    if heard.past < LONG and _of_one_application(told, whole, telling, ground, asked, sure):
        return True
    if not _more_than_usual(heard, spread):
        return False
    most = [word for word in telling if counts[word] >= ALL_BUT_FEW * len(group) and word not in ground.apps]
    return len(most) < 2 or _more_than_usual(ground.heard(most, len(most), asked.window), spread)


def _of_one_application(
    group: Sequence[Signature], whole: Profile, telling: Sequence[str], ground: Ground, asked: Thresholds, sure: float
) -> bool:
    """Is what they name, or what they say, said of one application?"""
    app = whole.main_app()
    return app is not None and (_share_a_code(group, app, ground, asked) or _bound(group, telling, app, ground, sure))


def _share_a_code(group: Sequence[Signature], app: str, ground: Ground, asked: Thresholds) -> bool:
    """Do so many people as make an outage name one error, and is it named of this application?"""
    codes = {word for own in group for word in own.words if is_code(word)}
    named_by = {code: [own for own in group if code in own.words] for code in codes}
    return any(
        enough(naming, asked) and _agrees(ground.bound([code], 1, app)) for code, naming in sorted(named_by.items())
    )


def _bound(group: Sequence[Signature], telling: Sequence[str], app: str, ground: Ground, sure: float) -> bool:
    """Is this said of this application, and more so than by chance?"""
    words = [word for word in telling if word not in ground.apps]
    if not words:
        return False
    said = Counter(word for own in group for word in own.words if word in words)
    most = [word for word in words if said[word] >= ALL_BUT_FEW * len(group)]
    asked = [(words, (len(words) + 1) // 2)] + [(most, len(most))] * (len(most) > 1)
    return any(_goes_with(ground.bound(some, least, app), sure) for some, least in asked)


def _agrees(found: Bound) -> bool:
    return found.agree >= ALL_BUT_FEW * found.named and found.both > 0


def _goes_with(found: Bound, sure: float) -> bool:
    if not _agrees(found):
        return False
    chance = found.naming * found.saying / found.of
    return found.both * math.log(found.both / chance) - found.both + chance >= sure * math.log(found.of)


def _more_than_usual(heard: Heard, spread: float) -> bool:
    if heard.usual is None:  # among a few tickets three that are alike are no chance, among a thousand they may be
        return heard.of <= FEW
    return heard.recent >= TIMES * heard.usual + spread * math.sqrt(heard.usual)


def _coherent(group: Mapping[int, Signature], ground: Ground, least: float) -> dict[int, Likeness]:
    """Those of a group that fit what the others have in common: the worst third is left out until all do."""
    left = dict(group)
    while len(left) > 1:
        whole = Profile.of(left.values(), ground.apps)
        why = {each: likeness(own, whole.without(own, ground.apps), ground, ground.apps) for each, own in left.items()}
        poor = sorted((each for each in left if why[each].score < least), key=lambda each: why[each].score)
        if not poor:
            return why
        for each in poor[: max(len(left) // 3, 1)]:
            del left[each]
    return {}


def enough(group: Collection[Signature], asked: Thresholds) -> bool:
    """Are these so many, from so many people, with no longer silence between them than the window?"""
    times = sorted(own.at for own in group)
    joined = all(later - earlier <= asked.window for earlier, later in itertools.pairwise(times))
    return len(group) >= asked.tickets and len({own.person for own in group}) >= asked.people and joined


def matching(others: Mapping[int, Signature], profile: Profile, ground: Ground, mates: Mates) -> dict[int, Likeness]:
    """Those of these tickets that belong to an outage, by what is known of it now."""
    why = {each: belongs(own, profile, ground, mates) for each, own in others.items()}
    return {each: like for each, like in why.items() if like is not None}
