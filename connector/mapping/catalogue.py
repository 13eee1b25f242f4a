"""Everything a mapping may name, for people: ticket fields and transforms, each with what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.fields import Kind, look_up, paths
from connector.mapping.derived import DERIVED, NAMES
from connector.mapping.load import known_names
from connector.mapping.transforms import TRANSFORMS
from connector.plugins import Clearance

_TABLES: Mapping[str, str] = {
    "conversation.slots": "an answer given to the bot: any name may follow",
    "extra": "what nobody mapped: any name may follow",
    "phi.extra": "patient data of other sorts: any name may follow",
    "phi.tokens": "what stands in the text, and what stood there before",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One name, what sort of value it stands for, and a few words about it."""

    name: str
    kind: str
    help: str


def ticket_fields(clearance: Clearance = Clearance.NONE) -> Iterator[Entry]:
    """What may stand behind `from:` and `when:` and in templates for a sink with this clearance."""
    names = known_names(NAMES, clearance)
    for path in paths(names):
        if names[path.partition(".")[0]].barred:
            continue
        shape = look_up(path, names)
        if shape.kind is Kind.TABLE:
            yield Entry(f"{path}.NAME", Kind.TEXT.value, _TABLES.get(path, "any name may follow"))
        elif shape.kind is not Kind.GROUP or shape.said:
            known = f"one of {', '.join(shape.members)}" if shape.members else ""
            yield Entry(path, str(shape), DERIVED[path].help if path in DERIVED else known)


def transforms() -> Iterator[Entry]:
    """What may stand behind `transform:`, and as a filter in templates."""
    for name, transform in sorted(TRANSFORMS.items()):
        takes = ", ".join(
            f"{key}" if field.is_required() else f"{key}={field.default!r}"
            for key, field in transform.arguments.model_fields.items()
        )
        yield Entry(name, takes, transform.help)
