"""What a template may hold, and whether the names, filters and arguments in it exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError
from pydantic import ValidationError

from connector.fields import Kind, Shape, UnknownName, look_up, shape_of
from connector.mapping.transforms import TRANSFORMS, arguments
from connector.yamlfile import suggestion

SOURCE_LIMIT = 20_000  # characters of a template
TESTS = ("present", "absent")
FILTERS = (*TRANSFORMS, "default", "trim", "title", "capitalize", "length", "items", "unique", "last")

Names = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """What is wrong in line `line` of a template, the first being 1."""

    line: int
    code: str
    what: str
    remedy: str = ""


class BadTemplate(Exception):
    """The template cannot be used; `faults` holds all that is wrong with it."""

    def __init__(self, faults: Iterable[TemplateFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(fault.what for fault in self.faults))


def checked(parse: Callable[[str], nodes.Template], source: str, names: Names) -> tuple[nodes.Template, list[str]]:
    """The parsed template and the first words of the paths it uses; raises BadTemplate with every fault."""
    if len(source) > SOURCE_LIMIT:
        raise BadTemplate(
            [TemplateFault(1, "bad-template", f"longer than {SOURCE_LIMIT} characters", "make it shorter")]
        )
    check = _Check()
    try:
        tree = parse(source)
        check.walk(tree, names, frozenset())
    except TemplateSyntaxError as error:
        raise BadTemplate([TemplateFault(error.lineno, "bad-template", str(error.message)[:200])]) from None
    except (RecursionError, ValueError):
        raise BadTemplate([TemplateFault(1, "bad-template", "this template is nested too deeply")]) from None
    if not check.faults and not check.used:
        check.faults.append(TemplateFault(1, "names-nothing", "this template names no field", "write `value:` instead"))
    if check.faults:
        raise BadTemplate(check.faults)
    return tree, sorted(check.used)


_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.If,
    nodes.For,
    nodes.CondExpr,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Compare,
    nodes.Operand,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Filter,
    nodes.Test,
    nodes.Concat,
    nodes.Keyword,
)
_SAID = {nodes.Call: "a call", nodes.Assign: "`set`", nodes.Macro: "a macro", nodes.Include: "`include`"}
_LOOP = {name: Shape(Kind.NUMBER) for name in ("index", "index0", "revindex", "length")}
_LOOP |= {name: Shape(Kind.FLAG) for name in ("first", "last")}


class _Check:
    """Walks a template once, with the shape of every name in sight."""

    def __init__(self) -> None:
        self.faults: list[TemplateFault] = []
        self.used: set[str] = set()

    def walk(self, node: nodes.Node, names: Names, inside: frozenset[str]) -> None:
        if not isinstance(node, _ALLOWED):
            what = _SAID.get(type(node), f"`{type(node).__name__.lower()}`")
            self._fault(node, "not-allowed", f"a template cannot hold {what}", "it knows if, for, ~ and filters")
            return
        if isinstance(node, nodes.For):
            self._loop(node, names, inside)
            return
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            self._path(node, names, inside)
            return
        if isinstance(node, nodes.Filter):
            self._filter(node)
        if isinstance(node, nodes.Test) and node.name not in TESTS:
            near = suggestion(node.name, TESTS) or "there are `present` and `absent`"
            self._fault(node, "unknown-test", f'there is no test "{node.name[:40]}"', near)
        if isinstance(node, nodes.Output):
            self._printed(node, names)
        for child in node.iter_child_nodes():
            self.walk(child, names, inside)

    def _loop(self, node: nodes.For, names: Names, inside: frozenset[str]) -> None:
        if node.recursive:
            self._fault(node, "not-allowed", "a loop cannot be recursive", "write a plain `for`")
        self.walk(node.iter, names, inside)
        shape = self._shape(node.iter, names)
        if shape is not None and not shape.many and shape.kind not in (Kind.TABLE, Kind.ANY):
            self._fault(node, "not-a-list", f"a loop goes through a list, and this is {shape}")
        targets = [name.name for name in node.target.find_all(nodes.Name)] or [getattr(node.target, "name", "")]
        below = dict(names) | dict(zip(targets, _items(node.iter, shape, len(targets)), strict=False))
        below["loop"] = Shape(Kind.GROUP)
        within = inside | {*targets, "loop"}
        for child in (*node.body, *node.else_, *([node.test] if node.test else [])):
            self.walk(child, below, within)

    def _path(self, node: nodes.Name | nodes.Getattr | nodes.Getitem, names: Names, inside: frozenset[str]) -> None:
        path = _dotted(node)
        if path is None:
            self._fault(node, "bad-path", "only names can be joined by dots", "write a path such as requester.email")
            return
        first, _, rest = path.partition(".")
        if first == "loop" and first in inside:
            if rest not in _LOOP:
                near = suggestion(rest, _LOOP) or f"there are {', '.join(_LOOP)}"
                self._fault(node, "unknown-field", f'a loop has no "{rest}"', near)
            return
        try:
            look_up(path, names)
        except UnknownName as unknown:
            self._fault(node, "unknown-field", unknown.what, unknown.remedy)
        else:
            self.used |= {first} - inside

    def _filter(self, node: nodes.Filter) -> None:
        if node.name not in FILTERS:
            near = suggestion(node.name, FILTERS) or f"there are {', '.join(sorted(FILTERS))}"
            self._fault(node, "unknown-transform", f'there is no filter "{node.name[:40]}"', near)
            return
        given = [*node.args, *(keyword.value for keyword in node.kwargs)]
        if node.dyn_args or node.dyn_kwargs or (node.name in TRANSFORMS and not _constant(given)):
            self._fault(node, "bad-argument", f'"{node.name}" takes plain values only', "write them out")
        elif node.name in TRANSFORMS:
            self._arguments(node)

    def _arguments(self, node: nodes.Filter) -> None:
        transform = TRANSFORMS[node.name]
        keys = list(transform.arguments.model_fields)
        pairs = [*zip(keys, node.args, strict=False), *((item.key, item.value) for item in node.kwargs)]
        named = {key: value.value for key, value in pairs if isinstance(value, nodes.Const)}
        if len(node.args) > len(keys):
            self._fault(node, "bad-argument", f'"{node.name}" takes {len(keys)} values', transform.help)
            return
        try:
            arguments(transform, named)
        except ValidationError as error:
            for found in error.errors(include_url=False, include_input=False):
                name = ".".join(map(str, found["loc"]))
                self._fault(node, "bad-argument", f'"{node.name}", {name}: {found["msg"]}', transform.help)

    def _printed(self, node: nodes.Output, names: Names) -> None:
        for printed in node.nodes:
            shape = self._shape(printed, names)
            if shape is not None and shape.kind in (Kind.GROUP, Kind.PERSON, Kind.TABLE) and not shape.said:
                remedy = "loop over it, or name a field of it" if shape.many else "name a field of it"
                self._fault(printed, "not-a-value", f'"{_dotted(printed)}" is {shape}', remedy)

    def _shape(self, node: nodes.Node, names: Names) -> Shape | None:
        path = _dotted(node)
        if path is not None:
            try:
                return look_up(path, names)
            except UnknownName:
                return None
        if isinstance(node, nodes.Filter) and node.name in ("limit", "unique") and node.node is not None:
            return self._shape(node.node, names)
        return None

    def _fault(self, node: nodes.Node, code: str, what: str, remedy: str = "") -> None:
        self.faults.append(TemplateFault(node.lineno, code, what, remedy))


def _items(iterated: nodes.Node, shape: Shape | None, count: int) -> list[Shape]:
    """The shapes of the loop's variables."""
    anything = Shape(Kind.ANY)
    if shape is None and isinstance(iterated, nodes.Filter) and iterated.name == "items":
        return [Shape(Kind.TEXT), anything]
    if shape is None or count != 1:
        return [anything] * count
    if shape.kind is Kind.TABLE and not shape.many:
        return [Shape(Kind.TEXT)]
    return [replace(shape, many=False) if shape.many else shape_of(shape.item or str)]


def _dotted(node: nodes.Node | None) -> str | None:
    if isinstance(node, nodes.Name):
        return str(node.name)
    if isinstance(node, nodes.Getattr):
        before = _dotted(node.node)
        return None if before is None else f"{before}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        before = _dotted(node.node)
        return None if before is None or "." in node.arg.value else f"{before}.{node.arg.value}"
    return None


def _constant(given: Iterable[nodes.Node]) -> bool:
    return all(isinstance(node, nodes.Const) for node in given)
