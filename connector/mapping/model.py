"""The mapping file as its admin writes it. Only its form is checked here; `build` checks what it says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from connector.delivery import ClosedPolicy
from connector.mapping.transforms import TRANSFORMS


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(item) for key, item in value.items()}
    raise ValueError("this is not a plain value")


def _scalar(value: Any) -> Any:
    if isinstance(value, dict):
        raise ValueError("this is a table; a plain value stands here")
    return _plain(value)


def _listed(value: Any) -> Any:
    return value if value is None or isinstance(value, list) else [value]


_ANY_SCALAR = {"type": ["string", "number", "boolean"]}
_ONE_OR_MORE = {"anyOf": [_ANY_SCALAR, {"type": "array", "items": _ANY_SCALAR, "minItems": 1}]}

Plain = Annotated[Any, AfterValidator(_plain), WithJsonSchema({})]
Value = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"anyOf": [*_ONE_OR_MORE["anyOf"], {"type": "null"}]})]
Condition = Annotated[
    dict[str, Plain],
    WithJsonSchema({"type": "object", "additionalProperties": _ONE_OR_MORE}),
]
Paths = Annotated[
    list[str],
    BeforeValidator(_listed),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _step(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, dict) and all(isinstance(key, str) for key in value)):
        return value
    raise ValueError("write the name of a transform, or {name: argument}")


Step = Annotated[Any, AfterValidator(_step)]


def _step_schema() -> dict[str, Any]:
    """One transform: its name alone, or with its one argument, or with several by name."""
    alone, told = [], {}
    for name, transform in TRANSFORMS.items():
        arguments = transform.arguments.model_json_schema()
        first: Any = next(iter(arguments["properties"].values()), None)
        if not arguments.get("required"):
            alone.append(name)
        if arguments["properties"]:
            told[name] = {"description": transform.help, "anyOf": [first, {**arguments, "type": "object"}]}
    table = {"type": "object", "properties": told, "additionalProperties": False, "maxProperties": 1}
    return {"anyOf": [{"enum": alone}, table]}


Steps = Annotated[list[Step], BeforeValidator(_listed)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class Origin(_Strict):
    """Where a value comes from: exactly one of these."""

    from_: Paths | None = Field(
        default=None, alias="from", description="a ticket field, or several, of which the first that is filled counts"
    )
    value: Plain = Field(default=None, description="always this")
    template: str | None = Field(default=None, description="text with {{ ticket fields }} in it (Jinja2)")


class Case(Origin):
    """One case: if `when` holds, this is where the value comes from."""

    when: Condition = Field(description="plain matching of ticket fields")


class Rule(Origin):
    """How a value is made: origin, then `transform`, then `values`, then `default` where there is nothing."""

    cases: list[Case] | None = Field(default=None, description="the first case whose `when` holds")
    transform: Steps = Field(default=[], description="named transforms, applied in order")
    values: dict[Value, Value] | None = Field(
        default=None, description="a table: what comes out for what goes in; upper and lower case do not matter"
    )
    default: Plain = Field(default=None, description="the value where there is none, or none in the table")


class FieldRule(Rule):
    """One field of the sink."""

    when: Condition | None = Field(default=None, description="the field is left out where this does not hold")
    on: Literal["create", "always"] = Field(default="always", description="create: never touched by an update")
    owner: Literal["remote", "connector"] = Field(
        default="remote", description="who wins where the help desk changed the field since: connector overwrites"
    )
    required: bool = Field(default=False, description="a ticket for which this is empty waits for a person")


class CommentRule(Rule):
    """The text of something said later, and who may read it."""

    public: Literal[True, False, "as_said"] = Field(
        default="as_said", description="true: the requester sees it; false: staff only; as_said: as its author meant it"
    )


def _long_form(rule: Any) -> Any:
    return {"from": rule} if isinstance(rule, str) else rule


class _ShortForm:
    """`field: summary` stands for `field: {from: summary}`; told to editors through the JSON Schema."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "description": "a ticket field"}, handler(core)]}


class MappingFile(_Strict):
    """What goes into each field of one help desk's table, and from where in the ticket."""

    table: str = Field(default="", pattern=r"^[a-z][a-z0-9_]{0,79}$|^$", description="the table, such as incident")
    closed: ClosedPolicy = Field(
        default=ClosedPolicy.HOLD,
        description="what becomes of an update or a comment that meets a closed record: reopen it, make a follow-up "
        "ticket, or hold it for a person",
    )
    fields: dict[str, Annotated[FieldRule, BeforeValidator(_long_form), _ShortForm]] = Field(min_length=1)
    comment: Annotated[CommentRule, BeforeValidator(_long_form), _ShortForm] = Field(
        default=CommentRule.model_validate({"from": "comment.text"}), description="a reply that becomes a comment"
    )


def schema() -> Mapping[str, Any]:
    """JSON Schema (2020-12) of a mapping file, for editors."""
    made = MappingFile.model_json_schema(by_alias=True)
    step = {"$ref": "#/$defs/Step"}
    made["$defs"]["Step"] = _step_schema()
    for rule in (FieldRule, CommentRule):
        transform = made["$defs"][rule.__name__]["properties"]["transform"]
        transform.update(anyOf=[step, {"type": "array", "items": step}])
        del transform["items"], transform["type"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
