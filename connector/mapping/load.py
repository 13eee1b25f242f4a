"""A mapping file, read, checked as a whole, and made ready to render."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from connector import yamlfile
from connector.delivery import ClosedPolicy
from connector.errors import SettingsError
from connector.fields import Kind, Shape, text_of
from connector.mapping.build import Build, Make
from connector.mapping.derived import COMMENT_NAMES, NAMES
from connector.mapping.findings import Findings
from connector.mapping.model import FieldRule, MappingFile, Rule
from connector.mapping.template_check import Names
from connector.matching import Test
from connector.plugins import Clearance, FieldSpec
from connector.yamlfile import Place, suggestion

# What the connector finds its own records by, and what the remote numbers itself: no mapping may write these.
OWN = frozenset({"correlation_id", "correlation_display", "external_id", "sys_id", "number", "id"})
PATIENT_DATA = ("phi", "extra")


@dataclass(frozen=True, slots=True)
class MappedField:
    """One sink field, ready: `make` gives value and origin; `place` is the mapping's `file:line`."""

    name: str
    place: str
    make: Make = field(repr=False)
    when: Test | None = field(default=None, repr=False)
    choices: frozenset[str] | None = None
    max_length: int | None = None
    required: bool = False
    create_only: bool = False
    literals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mapping:
    """An admin's mapping, faultless. `owned` fields are sent even where the remote changed them since."""

    path: Path
    table: str
    closed: ClosedPolicy
    fields: tuple[MappedField, ...] = field(repr=False)
    owned: frozenset[str]
    comment: MappedField = field(repr=False)
    public: bool | None

    @property
    def names(self) -> tuple[str, ...]:
        """The sink fields that it writes, in the file's order."""
        return tuple(mapped.name for mapped in self.fields)

    @property
    def planned(self) -> dict[str, frozenset[str]]:
        """The sink fields that it writes, each with the values that stand in the file itself."""
        return {mapped.name: mapped.literals for mapped in self.fields}

    @property
    def create_only(self) -> frozenset[str]:
        """The fields that an update never touches."""
        return frozenset(mapped.name for mapped in self.fields if mapped.create_only)


def load(path: Path, fields: Sequence[FieldSpec], *, table: str = "", clearance: Clearance = Clearance.NONE) -> Mapping:
    """The mapping in `path` for a sink that has these fields. Raises SettingsError with every finding, `file:line`.

    `table` is used where the file names none. Patient data can be mapped only with full clearance.
    """
    document = yamlfile.read(path)
    findings = Findings(document)
    try:
        file = MappingFile.model_validate(document.data)
    except ValidationError as error:
        findings.add_all(error)
        raise SettingsError(findings.all()) from None
    made = _Loader(findings, fields, clearance, path).mapping(file, table)
    if findings.all():
        raise SettingsError(findings.all())
    return made


def bare(path: Path, table: str) -> Mapping:
    """A mapping that writes no field, for what needs none."""
    nothing = MappedField("text", str(path), lambda subject: (None, ""))
    return Mapping(path, table, ClosedPolicy.HOLD, (), frozenset(), nothing, None)


def known_names(names: Names, clearance: Clearance) -> Names:
    """The names that a mapping may use for a sink with this clearance."""
    if clearance is Clearance.FULL:
        return names
    return {**names, **{name: replace(names[name], barred=True) for name in PATIENT_DATA}}


class _Loader:
    """Checks and builds one file against what the sink says of its fields."""

    def __init__(self, findings: Findings, specs: Sequence[FieldSpec], clearance: Clearance, path: Path) -> None:
        self.findings = findings
        self.specs = specs
        self.path = path
        self.build = Build(findings, known_names(NAMES, clearance))
        self.build_comment = Build(findings, known_names(COMMENT_NAMES, clearance))

    def mapping(self, file: MappingFile, table: str) -> Mapping:
        mapped = tuple(self._field(name, rule) for name, rule in file.fields.items())
        self._required(file)
        make, shape = self.build_comment.rule(file.comment, ("comment",))
        self._sendable(shape, ("comment",))
        return Mapping(
            path=self.path,
            table=file.table or table,
            closed=file.closed,
            fields=mapped,
            owned=frozenset(name for name, rule in file.fields.items() if rule.owner == "connector"),
            comment=MappedField("text", self._where(("comment",)), make, required=True),
            public=None if file.comment.public == "as_said" else file.comment.public,
        )

    def _field(self, name: str, rule: FieldRule) -> MappedField:
        place: Place = ("fields", name)
        spec = self._spec(name, place)
        make, shape = self.build.rule(rule, place)
        self._sendable(shape, place)
        self._choices(rule, shape, spec, place)
        self._lengths(rule, spec, place)
        when = self.build.condition(rule.when, (*place, "when")) if rule.when else None
        return MappedField(
            name=name,
            place=self._where(place),
            make=make,
            when=when,
            choices=spec.choices,
            max_length=spec.max_length,
            required=rule.required or spec.required,
            create_only=rule.on == "create",
            literals=frozenset(_literals(rule)),
        )

    def _where(self, place: Place) -> str:
        return f"{self.path}:{self.findings.line(place)}"

    def _spec(self, name: str, place: Place) -> FieldSpec:
        if name in OWN or name.startswith("correlation_"):
            self.findings.add(place, "own-field", f'"{name}" is set by the connector or the help desk', "remove it")
            return FieldSpec(name)
        exact = next((spec for spec in self.specs if spec.name == name), None)
        found = exact or next((spec for spec in self.specs if fnmatchcase(name, spec.name)), None)
        if found is None:
            near = suggestion(name, (spec.name for spec in self.specs)) or "`connector mapping fields` lists them"
            self.findings.add(place, "unknown-sink-field", f'the help desk has no field "{name[:80]}"', near)
        return found or FieldSpec(name)

    def _required(self, file: MappingFile) -> None:
        for spec in self.specs:
            if spec.required and spec.name not in file.fields:
                what = f'"{spec.name}" is not mapped, and the help desk makes no record without it'
                self.findings.add(("fields",), "missing-field", what, f"add `{spec.name}:`")

    def _sendable(self, shape: Shape, place: Place) -> None:
        if shape.kind is Kind.PERSON:
            self.findings.add(
                place, "not-a-value", f"this is {shape}", "add `transform: person`, or name a field of it"
            )
        elif shape.kind in (Kind.GROUP, Kind.TABLE) and not shape.said:
            self.findings.add(place, "not-a-value", f"this is {shape}", "name a field of it, or use a template")

    def _choices(self, rule: FieldRule, shape: Shape, spec: FieldSpec, place: Place) -> None:
        if spec.choices is None:
            return
        for where, value in _constants(rule):
            for word in map(text_of, value if isinstance(value, list) else [value]):
                if word and word not in spec.choices:
                    near = suggestion(word, spec.choices) or f"there are {', '.join(sorted(spec.choices)[:20])}"
                    self.findings.add((*place, *where), "no-such-choice", f'"{word}" is no choice of {spec.name}', near)
        if rule.values is not None or not (rule.from_ or rule.cases) or shape.kind is Kind.ANY:
            return
        stray = [member for member in shape.members if member not in spec.choices]
        if stray or not shape.members:
            what = f"{', '.join(stray)} is no choice of {spec.name}" if stray else f"{spec.name} takes only its choices"
            self.findings.add(place, "no-such-choice", what, "add a `values:` table that leads to its choices")

    def _lengths(self, rule: Rule, spec: FieldSpec, place: Place) -> None:
        for index, step in enumerate(rule.transform):
            given = step.get("truncate") if isinstance(step, dict) else None
            length = given.get("length") if isinstance(given, dict) else given
            if isinstance(length, int) and spec.max_length is not None and length > spec.max_length:
                what = f"{spec.name} holds {spec.max_length} characters, and this lets {length} through"
                self.findings.add((*place, "transform", index), "too-long", what, f"write {spec.max_length} or less")


def _literals(rule: Rule) -> Iterator[str]:
    for _, value in _constants(rule):
        yield from filter(None, map(text_of, value if isinstance(value, list) else [value]))


def _constants(rule: Rule) -> Iterator[tuple[Place, Any]]:
    """Every value that stands in the file itself, with its place below the rule."""
    yield ("value",), rule.value
    yield ("default",), rule.default
    for key, value in (rule.values or {}).items():
        yield ("values", key), value
    for index, case in enumerate(rule.cases or ()):
        yield ("cases", index, "value"), case.value
