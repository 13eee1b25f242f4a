"""From what the admin wrote to functions that make values, noting everything that is wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from connector import matching
from connector.fields import Getter, Kind, Shape, UnknownName, filled, getter, look_up, text_of
from connector.mapping.findings import Findings
from connector.mapping.model import Origin, Rule
from connector.mapping.template_check import BadTemplate, Names
from connector.mapping.templates import compiled
from connector.mapping.transforms import TRANSFORMS, Apply, arguments
from connector.yamlfile import Place, suggestion

Made = tuple[Any, str]  # a value, and in words where it came from
Make = Callable[[Any], Made]

NOTHING: Made = (None, "")
_FREE_TEXT = Shape(Kind.TEXT)


class Build:
    """Builds the rules of one file; `findings` holds what is wrong, and what is built then is of no use."""

    def __init__(self, findings: Findings, names: Names) -> None:
        self.findings = findings
        self.names = names

    def rule(self, rule: Rule, place: Place) -> tuple[Make, Shape]:
        """How the rule makes a value, and what shape that has; an empty value means there is none."""
        make, shape = self._origin(rule, place)
        steps, shape = self._steps(rule, shape, place)
        table = self._table(rule, shape, place) if rule.values is not None else None
        default = rule.default, f"default, line {self.findings.line((*place, 'default'))}"
        return _pipeline(make, steps, table, default), (Shape(Kind.ANY) if table else shape)

    def condition(self, when: Mapping[str, Any], place: Place) -> matching.Test:
        """The test that `when` stands for."""
        faults = list(matching.faults(when, self.names))
        for fault in faults:
            self.findings.add((*place, fault.key), fault.code, fault.what, fault.remedy)
        return (lambda subject: False) if faults else matching.compiled(when, self.names)

    # ── where a value comes from ─────────────────────────────────────────────────────────────────────────────────

    def _origin(self, rule: Origin, place: Place) -> tuple[Make, Shape]:
        given = [key for key in ("from_", "value", "template", "cases") if getattr(rule, key, None) is not None]
        if len(given) != 1:
            words = "from, value, template or cases" if isinstance(rule, Rule) else "from, value or template"
            what = "nothing says where the value comes from" if not given else "the value comes from several places"
            self.findings.add(place, "no-origin" if not given else "two-origins", what, f"write one of {words}")
            return (lambda subject: NOTHING), Shape(Kind.ANY)
        if rule.from_ is not None:
            return self._from(rule.from_, (*place, "from"))
        if rule.template is not None:
            return self._template(rule.template, (*place, "template"))
        if rule.value is not None:
            made = rule.value, f"value, line {self.findings.line((*place, 'value'))}"
            return (lambda subject: made), Shape(Kind.ANY)
        assert isinstance(rule, Rule)  # noqa: S101 - the only origin left
        return self._cases(rule, (*place, "cases"))

    def _from(self, paths: Sequence[str], place: Place) -> tuple[Make, Shape]:
        ways = [(self._way(path, place), path) for path in paths]
        known = [(get, shape, f"from {path}") for (get, shape), path in ways if shape is not None]
        if len(known) == 1:
            ((get, shape, origin),) = known
            return (lambda subject: (get(subject), origin)), shape

        def first_filled(subject: Any) -> Made:
            for get, _, origin in known:
                value = get(subject)
                if filled(value):
                    return value, origin
            return NOTHING

        if not paths:
            self.findings.add(place, "no-origin", "no ticket field is named", "write one, such as summary")
        return first_filled, _common([shape for _, shape, _ in known])

    def _way(self, path: str, place: Place) -> tuple[Getter, Shape | None]:
        try:
            shape = look_up(path, self.names)
        except UnknownName as unknown:
            self.findings.add(place, "unknown-ticket-field", unknown.what, unknown.remedy)
            return (lambda subject: None), None
        return getter(path, self.names), shape

    def _template(self, source: str, place: Place) -> tuple[Make, Shape]:
        try:
            render = compiled(source, self.names)
        except BadTemplate as bad:
            block = "\n" in source
            for fault in bad.faults:
                self.findings.add(place, fault.code, fault.what, fault.remedy, below=fault.line if block else 0)
            return (lambda subject: NOTHING), _FREE_TEXT
        origin = f"template, line {self.findings.line(place)}"
        return (lambda subject: (render(subject), origin)), _FREE_TEXT

    def _cases(self, rule: Rule, place: Place) -> tuple[Make, Shape]:
        built: list[tuple[matching.Test, Make]] = []
        shapes: list[Shape] = []
        for index, case in enumerate(rule.cases or ()):
            test = self.condition(case.when, (*place, index, "when"))
            make, shape = self._origin(case, (*place, index))
            built.append((test, make))
            shapes.append(shape)

        def first_case(subject: Any) -> Made:
            for test, make in built:
                if test(subject):
                    return make(subject)
            return NOTHING

        return first_case, _common(shapes)

    # ── what is done with it ─────────────────────────────────────────────────────────────────────────────────────

    def _steps(self, rule: Rule, shape: Shape, place: Place) -> tuple[list[Apply], Shape]:
        steps: list[Apply] = []
        for index, step in enumerate(rule.transform):
            here = (*place, "transform", index)
            name, given = (step, None) if isinstance(step, str) else next(iter(step.items()), ("", None))
            if isinstance(step, dict) and len(step) != 1:
                self.findings.add(
                    here, "bad-form", "one transform stands in one entry", "put each on a line of its own"
                )
                continue
            made = self._step(name, given, shape, here)
            if made is not None:
                steps.append(made)
                shape = TRANSFORMS[name].gives(shape)
        return steps, shape

    def _step(self, name: str, given: Any, shape: Shape, place: Place) -> Apply | None:
        transform = TRANSFORMS.get(name)
        if transform is None:
            near = suggestion(name, TRANSFORMS) or f"there are {', '.join(sorted(TRANSFORMS))}"
            self.findings.add(place, "unknown-transform", f'there is no transform "{name[:40]}"', near)
            return None
        if not transform.fits(shape):
            self.findings.add(place, "wrong-transform", f'"{name}" is given {shape}', f"it takes {transform.takes}")
            return None
        try:
            return transform.make(**arguments(transform, given))
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                argument = ".".join(map(str, found["loc"]))
                self.findings.add(place, "bad-argument", f'"{name}", {argument}: {found["msg"]}', transform.help)
            return None

    def _table(self, rule: Rule, shape: Shape, place: Place) -> Callable[[Any], Made]:
        here = (*place, "values")
        table: dict[str, Made] = {}
        members = shape.members or (("true", "false") if shape.kind is Kind.FLAG else ())
        for key, value in (rule.values or {}).items():
            word = text_of(key).casefold()
            if word in table:
                self.findings.add((*here, key), "duplicate-key", f'"{word}" stands here twice', "remove one of them")
            elif members and word not in members:
                near = suggestion(word, members) or f"there are {', '.join(members)}"
                self.findings.add((*here, key), "never-so", f'the ticket field is never "{word}"', near)
            table[word] = value, f"values table, line {self.findings.line((*here, key))}"
        if "default" not in rule.model_fields_set:
            self._missing(table, members, here)
        return lambda value: _looked_up(table, value)

    def _missing(self, table: Mapping[str, Made], members: Sequence[str], place: Place) -> None:
        missing = [member for member in members if member not in table]
        if missing:
            what = f"the table says nothing for {', '.join(missing)}"
            self.findings.add(place, "incomplete-table", what, "add a line for each, or a `default:`")
        elif not members:
            what = "the ticket field may hold anything, and the table has no answer for the rest"
            self.findings.add(place, "incomplete-table", what, 'add a `default:`; `default: ""` leaves the field out')


def _common(shapes: Iterable[Shape]) -> Shape:
    """What can be said of a value that has one of these shapes."""
    different = list(dict.fromkeys(shapes))
    if len(different) == 1:
        return different[0]
    if {(shape.kind, shape.many) for shape in different} == {(Kind.TEXT, False)}:
        every = all(shape.members for shape in different)
        members = dict.fromkeys(member for shape in different for member in shape.members)
        return Shape(Kind.TEXT, members=tuple(members) if every else ())
    kinds = {shape.kind for shape in different}
    return Shape(kinds.pop() if len(kinds) == 1 else Kind.ANY, many=any(shape.many for shape in different))


def _looked_up(table: Mapping[str, Made], value: Any) -> Made:
    if not isinstance(value, (tuple, list)):
        return table.get(text_of(value).casefold(), NOTHING)
    found = [table.get(text_of(item).casefold(), NOTHING) for item in value]
    kept = [(answer, origin) for answer, origin in found if filled(answer)]
    return [answer for answer, _ in kept], kept[0][1] if kept else ""


def _pipeline(make: Make, steps: Sequence[Apply], table: Callable[[Any], Made] | None, default: Made) -> Make:
    def made(subject: Any) -> Made:
        value, origin = make(subject)
        if filled(value):
            for step in steps:
                value = step(value)
            if table is not None:
                value, line = table(value)
                origin = f"{origin}, {line}"
        return (value, origin) if filled(value) else default

    if steps or table is not None or filled(default[0]):
        return made
    return make
