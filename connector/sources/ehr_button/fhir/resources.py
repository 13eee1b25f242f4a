"""The resources of a payload, which of them are requests, and what belongs to which (HL7 FHIR R4, Bundle)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from connector.sources.ehr_button.fhir.values import Json, objects, text

REQUESTS = ("Task", "Communication", "QuestionnaireResponse")
MOST_REQUESTS = 1000
_HISTORY = "/_history/"
# What these list they need not have in common: nothing belongs to a request because such a resource names both.
_LISTS = frozenset({"MessageHeader", "List", "Composition", "Provenance"})


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One resource. `url` is its `fullUrl`; `within` is the resource that contains it, if one does."""

    type: str
    id: str
    body: Json
    url: str = ""
    within: Resource | None = None

    @classmethod
    def of(cls, body: Json, url: str = "", within: Resource | None = None) -> Self:
        """The resource that a JSON object is; its type is empty where it says none."""
        return cls(text(body.get("resourceType")), text(body.get("id")).removeprefix("#"), body, url, within)


class Resources:
    """All resources of a payload, contained ones and those of Bundles in Bundles too, in order.

    The first counts where two have one name. `notes` tells what is wrong with the payload, by position.
    """

    def __init__(self, payload: Json) -> None:
        self.notes: list[str] = []
        self.all = tuple(self._gathered(payload))
        self._named: dict[str, Resource] = {}
        self._inside: dict[tuple[Resource, str], Resource] = {}
        for one in self.all:
            self._index(one)

    @property
    def requests(self) -> tuple[Resource, ...]:
        """The Tasks; where there is none the Communications; where there is none the QuestionnaireResponses."""
        free = [one for one in self.all if one.within is None]
        return next((found for kind in REQUESTS if (found := tuple(one for one in free if one.type == kind))), ())

    def of(self, *types: str) -> Iterator[Resource]:
        """Those of these types, in order."""
        return (one for one in self.all if one.type in types)

    def resolve(self, reference: Any, source: Resource) -> Resource | None:
        """What a Reference, or its text, means within this payload, seen from the resource that says it."""
        name = reference.get("reference") if isinstance(reference, dict) else reference
        if not isinstance(name, str) or not name:
            return None
        holder = source.within or source
        if name.startswith("#"):
            return self._inside.get((holder, name[1:])) if name != "#" else holder
        name = name.partition(_HISTORY)[0]
        base = holder.url.removesuffix(f"{holder.type}/{holder.id}") if holder.url.startswith("http") else ""
        found = self._named.get(base + name) or self._named.get(name)
        return found or self._named.get("?" + "/".join(name.rsplit("/", 2)[-2:]))

    def _gathered(self, payload: Json) -> Iterator[Resource]:
        waiting: list[tuple[Any, str]] = [(payload, "")]
        while waiting:
            body, url = waiting.pop()
            if not isinstance(body, dict):
                self.notes.append("an entry of the Bundle holds no resource")
            elif body.get("resourceType") == "Bundle" or (not body.get("resourceType") and "entry" in body):
                waiting.extend(reversed(list(_entries(body))))
            else:
                yield from self._with_contained(body, url)

    def _with_contained(self, body: Json, url: str) -> Iterator[Resource]:
        whole = Resource.of(body, url)
        yield whole
        if not whole.type:
            self.notes.append("a resource without resourceType was passed over, but for its files")
        for inner in objects(body.get("contained")):
            yield Resource.of(inner, within=whole)

    def _index(self, one: Resource) -> None:
        if one.within is not None:
            self._inside.setdefault((one.within, one.id), one)
            return
        if one.url and self._named.setdefault(one.url, one) is not one:
            self.notes.append("two resources have the same fullUrl; references mean the first")
        if one.type and one.id:
            self._named.setdefault(f"{one.type}/{one.id}", one)
            if not one.url:  # then an address that ends like this may be its own
                self._named.setdefault(f"?{one.type}/{one.id}", one)


def requests(payload: Json) -> list[Json]:
    """A payload with several requests as one for each, with what belongs to it; else the payload itself.

    To a request belongs what it refers to, at any remove, and what refers to it; what belongs to none goes with the
    first. From request 1,000 on, the rest stays in one piece.
    """
    held = Resources(payload)
    asked = held.requests
    if len(asked) < 2:
        return [payload]
    links = _links(held)
    back: dict[Resource, list[Resource]] = {one: [] for one in held.all}
    for one, targets in links.items():
        for target in targets:
            back[target].append(one)
    alone, rest = asked[: MOST_REQUESTS - 1], asked[MOST_REQUESTS - 1 :]
    together = [{one} for one in alone] + ([set(rest)] if rest else [])
    groups = [_belonging(some, links, back, frozenset(asked)) for some in together]
    groups[0].update(set(held.all).difference(*groups))
    order = {one: number for number, one in enumerate(held.all)}
    return [_bundle(payload, sorted(group, key=order.__getitem__)) for group in groups]


def walk(value: Any, key: str = "") -> Iterator[tuple[str, Json]]:
    """Every object below a value, outer ones first, each with the key that it is under; contained resources apart."""
    waiting: list[tuple[str, Any]] = [(key, value)]
    while waiting:
        name, here = waiting.pop()
        if isinstance(here, list):
            waiting.extend((name, inner) for inner in reversed(here))
        elif isinstance(here, dict):
            yield name, here
            waiting.extend((inner, here[inner]) for inner in reversed(here) if inner != "contained")


def _entries(bundle: Json) -> Iterator[tuple[Any, str]]:
    entries = bundle.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        said = entry if isinstance(entry, dict) else {"resource": None}
        if "resource" in said:
            yield said["resource"], text(said.get("fullUrl"))
        yield from ((answer["outcome"], "") for answer in objects(said.get("response")) if answer.get("outcome"))


def _links(held: Resources) -> Mapping[Resource, set[Resource]]:
    """What each resource refers to; one that contains others refers to them, and they to it."""
    links: dict[Resource, set[Resource]] = {one: set() for one in held.all}
    for one in held.all:
        names = (said for _, element in walk(one.body) for said in (element.get("reference"), element.get("url")))
        links[one].update(found for name in names if (found := held.resolve(name, one)) is not None)
        if one.within is not None:
            links[one].add(one.within)
            links[one.within].add(one)
    return links


def _belonging(
    some: set[Resource],
    links: Mapping[Resource, set[Resource]],
    back: Mapping[Resource, list[Resource]],
    asked: frozenset[Resource],
) -> set[Resource]:
    """What can be reached from some requests, and from what refers to them, without passing through other ones."""
    waiting = [*some, *(source for one in some for source in back[one])]
    reached: set[Resource] = set()
    while waiting:
        here = waiting.pop()
        if here not in reached and (here in some or here not in asked):
            reached.add(here)
            waiting.extend(links[here] if here.type not in _LISTS else ())
    return reached


def _bundle(payload: Json, group: list[Resource]) -> Json:
    """A Bundle of a part of the resources. The Bundle's own identifier names them all, so it names none of them."""
    entries = [
        {"fullUrl": one.url, "resource": one.body} if one.url else {"resource": one.body}
        for one in group
        if one.within is None
    ]
    kept = {key: value for key, value in payload.items() if key not in ("entry", "identifier", "id")}
    return {**kept, "resourceType": "Bundle", "entry": entries}


def as_bytes(payload: Json) -> bytes:
    """The payload as a record of its own."""
    return json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass")
