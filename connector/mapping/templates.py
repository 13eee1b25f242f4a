"""Text templates: a small, checked part of Jinja2.

A template knows `{{ path }}`, `if`, `for`, filters and `~`. It calls nothing, keeps nothing and includes nothing, so
its work is bounded: by the length of what it makes, and by a budget of loop rounds. What is not known of a ticket is
empty text, never an error; a name that no ticket has is found when the mapping is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

from jinja2 import StrictUndefined, nodes, pass_context
from jinja2.exceptions import TemplateSyntaxError
from jinja2.filters import do_capitalize, do_items, do_title
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel

from connector.fields import filled, follow, text_of
from connector.mapping.template_check import BadTemplate, Names, TemplateFault, checked
from connector.mapping.transforms import TRANSFORMS

OUTPUT_LIMIT = 100_000  # characters that one template makes
ROUNDS = 10_000  # of all loops of one rendering together


class CannotRender(Exception):
    """A value cannot be made. Both texts are safe to show: they hold nothing of the ticket."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class _Environment(ImmutableSandboxedEnvironment):
    """Reads fields of models and entries of tables, and nothing else of any object."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, LoopContext):
            return super().getattr(obj, attribute)
        if isinstance(obj, BaseModel) and attribute not in type(obj).model_fields:
            return self.undefined(obj=obj, name=attribute)
        value = follow(obj, (attribute,))
        return "" if value is None else value

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self.getattr(obj, str(argument))


def _when_filled(function: Callable[..., Any]) -> Callable[..., Any]:
    def apply(value: Any, *args: Any, **named: Any) -> Any:
        return function(value, *args, **named) if filled(value) else ""

    return apply


@lru_cache(maxsize=1000)
def _made(name: str, positional: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> Callable[[Any], Any]:
    return TRANSFORMS[name].make(*positional, **dict(named))


def _transform(name: str, value: Any, *positional: Any, **named: Any) -> Any:
    return _made(name, positional, tuple(named.items()))(value) if filled(value) else ""


def _default(value: Any, otherwise: Any) -> Any:
    return value if filled(value) else otherwise


@pass_context
def _counted(context: Context, items: Iterable[Any]) -> Iterator[Any]:
    left: list[int] = context.parent["_rounds_left"]
    for item in items:
        left[0] -= 1
        if left[0] < 0:
            raise CannotRender(f"its loops go round more than {ROUNDS} times", "loop over less, or use `limit`")
        yield item


FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: partial(_transform, name) for name in TRANSFORMS},
    "default": _default,
    "trim": _when_filled(lambda value: text_of(value).strip()),
    "title": _when_filled(lambda value: do_title(text_of(value))),
    "capitalize": _when_filled(lambda value: do_capitalize(text_of(value))),
    "length": lambda value: len(value) if isinstance(value, str | tuple | list | Mapping) else 0,
    "items": _when_filled(do_items),
    "unique": _when_filled(lambda value: list(dict.fromkeys(value))),
    "last": _when_filled(lambda value: value[-1]),
}
TESTS: Mapping[str, Callable[..., bool]] = {"present": filled, "absent": lambda value: not filled(value)}


def _environment() -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined,
        autoescape=False,
        optimized=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=text_of,
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests = dict(TESTS)
    environment.filters = {**FILTERS, "_counted": _counted, "_text": text_of}
    return environment


_ENVIRONMENT = _environment()


def compiled(source: str, names: Names) -> Callable[[Any], str]:
    """A function from the thing that holds `names` as attributes to text. Raises BadTemplate.

    The function raises CannotRender where the loops go round too often; what is too long is cut.
    """
    tree, used = checked(_ENVIRONMENT.parse, source, names)
    for loop in list(tree.find_all(nodes.For)):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
    for concat in tree.find_all(nodes.Concat):
        concat.nodes = [nodes.Filter(part, "_text", [], [], None, None, lineno=part.lineno) for part in concat.nodes]
    try:
        code = _ENVIRONMENT.compile(tree)
        template = _ENVIRONMENT.template_class.from_code(_ENVIRONMENT, code, {})
    except (TemplateSyntaxError, SyntaxError, RecursionError):
        raise BadTemplate([TemplateFault(1, "bad-template", "this template is nested too deeply")]) from None
    return partial(_rendered, template, tuple(used))


def _rendered(template: Any, used: tuple[str, ...], subject: Any) -> str:
    known: dict[str, Any] = {"_rounds_left": [ROUNDS]}
    for name in used:
        value = getattr(subject, name)
        known[name] = "" if value is None else value
    parts: list[str] = []
    room = OUTPUT_LIMIT
    for part in template.root_render_func(template.new_context(known, shared=True)):
        parts.append(part)
        room -= len(part)
        if room < 0:
            break
    return "".join(parts)[:OUTPUT_LIMIT].strip()
