"""Settings: `connector.yaml` read, checked and turned into values. Every finding comes at once, with its line."""

from __future__ import annotations

import functools
import importlib.metadata
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from connector.answering import Answers
from connector.audience import Audience
from connector.checked import checked, where
from connector.closure import Closure
from connector.durations import Seconds
from connector.errors import Finding, SettingsError
from connector.escalation import Escalation
from connector.plugins import PROBLEM, Secret
from connector.priority import Weighing
from connector.routing import Route
from connector.service_levels import ServiceLevels
from connector.yamlfile import Document, Place, read, suggestion

SOURCES = "connector.sources"
SINKS = "connector.sinks"

_SITE = re.compile(r"[a-z0-9][a-z0-9-]{2,22}[a-z0-9]")
_QUERY_PASSWORD = re.compile(r"[?&](?:ssl)?password=", re.IGNORECASE)
_LEDGERS = ("sqlite:///", "postgresql+psycopg://")

P = TypeVar("P", bound=BaseModel)
T = TypeVar("T")


def _database(value: str) -> str:
    if not value.startswith(_LEDGERS):
        raise ValueError(f"a ledger starts with {' or '.join(_LEDGERS)}")
    return value


def _slug(value: str) -> str:
    if not _SITE.fullmatch(value):
        raise ValueError("a site is 4 to 24 of a-z, 0-9 and -, such as north-7f3a")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,40}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ProblemsOf(_Part):
    """Thresholds of one application; what is left out is as for all."""

    window: Seconds | None = Field(default=None, ge=60, le=43_200)
    tickets: int | None = Field(default=None, ge=2, le=40)
    people: int | None = Field(default=None, ge=1, le=40)


class Problems(_Part):
    """When several incidents look like one outage. `window` is the longest silence after the latest report."""

    mode: Literal["suggest", "auto", "off"] = "suggest"
    window: Seconds = Field(default=1800.0, ge=60, le=43_200)
    tickets: int = Field(default=3, ge=2, le=40, description="so many tickets make an outage")
    people: int = Field(default=3, ge=1, le=40, description="from so many people")
    applications: dict[str, ProblemsOf] = Field(default={}, description="other thresholds, by the application's name")
    raise_priority: bool = Field(default=True, description="incidents become as urgent as the outage they belong to")


class Observe(_Part):
    """How often the way back is read. Times are in seconds."""

    every: Seconds = Field(default=0.0, description="changes are read at most so often; 0: by every run")
    check: Seconds = Field(default=86_400.0, ge=60, description="each open record is looked at by itself so often")


class Metrics(_Part):
    """Where the figures of each run go."""

    textfile: Path | None = Field(default=None, description="a file for Prometheus, replaced after each run")


class SettingsFile(_Part):
    """What may stand in a settings file. Plugins check their own part of it."""

    site: Annotated[str, AfterValidator(_slug)] | None = Field(
        default=None,
        description="short name of this installation, part of every key; `connector init` mints it, never change it",
    )
    ledger: Annotated[str, AfterValidator(_database)] = Field(
        default="sqlite:///connector.db",
        description="the database; a relative SQLite file starts at the folder of this file",
    )
    sources: dict[Name, dict[str, Any]] = Field(min_length=1, description="the channels to read, by name")
    sinks: dict[Name, dict[str, Any]] = Field(min_length=1, description="the help desks to write to, by name")
    routes: tuple[Route, ...] = Field(default=(), description="which sink and which group get a ticket")
    priority: Weighing = Weighing()
    service_levels: ServiceLevels = ServiceLevels()
    problems: Problems = Problems()
    answers: Answers = Answers()
    escalations: tuple[Escalation, ...] = Field(default=(), description="what is done when a promised time passes")
    audiences: tuple[Audience, ...] = Field(default=(), description="who is told of outages without having asked")
    closure: Closure = Closure()
    observe: Observe = Observe()
    metrics: Metrics = Metrics()
    wait: Seconds = Field(default=30.0, description="so long a run waits for rows that become due")
    pending: Seconds = Field(default=900.0, description="so long a reply waits for its original")


class Section(dict[str, Any]):
    """The settings of one plugin as they stand in the file, and where that is."""

    def __init__(self, data: Mapping[str, Any], document: Document | None = None, place: Place = ()) -> None:
        super().__init__(data)
        self.document = document
        self.place = place


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation. Times are in seconds; relative paths in them start at `base`."""

    path: Path
    site: str | None
    ledger: str
    sources: Mapping[str, Section]
    sinks: Mapping[str, Section]
    routes: tuple[Route, ...]
    priority: Weighing
    service_levels: ServiceLevels
    problems: Problems
    answers: Answers
    escalations: tuple[Escalation, ...]
    audiences: tuple[Audience, ...]
    closure: Closure
    observe: Observe
    metrics: Metrics
    wait: float
    pending: float

    @property
    def base(self) -> Path:
        """The folder of the settings file."""
        return self.path.resolve().parent


def load(path: Path) -> Settings:
    """The settings in `path`. Raises SettingsError with all findings, in the order of the file."""
    document = read(path)
    data = document.data
    if not isinstance(data, dict):
        raise SettingsError([Finding("bad-settings", document.where(), "there are no settings here")])
    file, findings = checked(SettingsFile, data, document)
    findings += [found for group in (SOURCES, SINKS) for found in _plugin_findings(document, group)]
    findings += [*_route_findings(document), *_id_findings(document), *_password_findings(document, data, ())]
    if file is None or findings:
        raise SettingsError(sorted(dict.fromkeys(findings), key=_line))
    return Settings(
        path=path,
        site=file.site,
        ledger=file.ledger,
        sources={name: Section(raw, document, ("sources", name)) for name, raw in file.sources.items()},
        sinks={name: Section(raw, document, ("sinks", name)) for name, raw in file.sinks.items()},
        routes=_ended(file),
        priority=file.priority,
        service_levels=file.service_levels,
        problems=file.problems,
        answers=file.answers,
        escalations=file.escalations,
        audiences=file.audiences,
        closure=file.closure,
        observe=file.observe,
        metrics=file.metrics,
        wait=file.wait,
        pending=file.pending,
    )


def _ended(file: SettingsFile) -> tuple[Route, ...]:
    """The routes with an end that takes every ticket; where no route names a sink, there is only one."""
    if any(route.sink for route in file.routes):
        return file.routes
    return (*file.routes, Route(sink=next(iter(file.sinks))))


def refuse_ledger(url: str) -> None:
    """Raises SettingsError where `ledger:` could not be that."""
    try:
        _database(url)
    except ValueError as error:
        raise SettingsError([Finding("bad-ledger", "", str(error), "write it as `ledger:` in the settings")]) from None
    if _has_password(url):
        remedy = "take it out of the address: PGPASSWORD or ~/.pgpass"
        raise SettingsError([Finding("literal-secret", "", "there is a password in this address", remedy)])


@functools.cache
def plugins(group: str) -> dict[str, importlib.metadata.EntryPoint]:
    """The installed plugins of a group (`connector.sources`, `connector.sinks`) by type; none is imported."""
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=group)}


def plugin_settings(kind: str, name: str, raw: Mapping[str, Any], model: type[P]) -> P:
    """The settings of one source or sink (`kind`) as an instance of its own model. Raises SettingsError."""
    document, place = (raw.document, raw.place) if isinstance(raw, Section) else (None, (f"{kind}s", name))
    made, findings = checked(model, dict(raw), document, place)
    if made is None:
        raise SettingsError(findings)
    return made


def chosen(kind: str, there: Mapping[str, T], names: Sequence[str]) -> list[T]:
    """The sources or sinks (`kind`) of these names, all of them where none is named. Raises SettingsError."""
    findings = [
        Finding("unknown-name", "", f"the settings have no {kind} {name!r}", f"there are: {', '.join(there)}")
        for name in names
        if name not in there
    ]
    if findings:
        raise SettingsError(findings)
    return [there[name] for name in (dict.fromkeys(names) or there)]


def missing_secrets(kind: str, sections: Mapping[str, Section], base: Path) -> list[Finding]:
    """The secrets of these sources or sinks (`kind`) that are named but not there. Nothing is asked of any remote."""
    found = []
    for name, raw in sections.items():
        model = plugins(f"connector.{kind}s")[raw["type"]].load().settings
        for step, secret in _secrets(plugin_settings(kind, name, raw, model)):
            try:
                secret.reveal(base)
            except SettingsError as error:
                place = where(raw.document, (*raw.place, *step))
                found += [replace(finding, where=place) for finding in error.findings]
    return found


def _secrets(value: Any, place: Place = ()) -> Iterator[tuple[Place, Secret]]:
    if isinstance(value, Secret):
        yield place, value
    elif isinstance(value, tuple):
        for index, inner in enumerate(value):
            yield from _secrets(inner, (*place, index))
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name), (*place, name))


def _line(finding: Finding) -> int:
    number = finding.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


# ── what the file's own model cannot see ─────────────────────────────────────────────────────────────────────────


def _sections(document: Document, heading: str) -> Iterator[tuple[str, dict[str, Any]]]:
    part = document.data.get(heading)
    for name, raw in part.items() if isinstance(part, dict) else ():
        if isinstance(raw, dict):
            yield name, raw


def _plugin_findings(document: Document, group: str) -> Iterator[Finding]:
    installed = plugins(group)
    heading = group.rpartition(".")[2]
    for name, raw in _sections(document, heading):
        place = (heading, name)
        kind = raw.get("type")
        if kind is None:
            yield Finding("missing-setting", document.where(place), f'"{name}" has no type', _installed(installed))
        elif not isinstance(kind, str) or kind not in installed:
            remedy = suggestion(str(kind), installed)
            what = f'there is no {heading[:-1]} of type "{str(kind)[:60]}"'
            remedy = "; ".join(part for part in (remedy, _installed(installed)) if part)
            yield Finding("unknown-type", document.where((*place, "type")), what, remedy)
        else:
            yield from _own_findings(installed[kind], raw, document, place)


def _own_findings(
    entry: importlib.metadata.EntryPoint, raw: dict[str, Any], document: Document, place: Place
) -> list[Finding]:
    try:
        model = entry.load().settings
    except (ImportError, AttributeError) as error:
        what = f'the plugin "{entry.name}" ({entry.value}) cannot be loaded: {error}'
        return [Finding("broken-plugin", document.where(place), what, "install it again")]
    return checked(model, raw, document, place)[1]


def _installed(installed: Mapping[str, object]) -> str:
    return f"installed: {', '.join(sorted(installed)) or 'none'}"


def _route_findings(document: Document) -> Iterator[Finding]:
    sinks = [name for name, _ in _sections(document, "sinks")]
    routes = document.data.get("routes") or []
    if not isinstance(routes, list):
        return
    rules = [route if isinstance(route, dict) else {} for route in routes]
    named = any("sink" in rule for rule in rules)
    if not named and len(sinks) > 1:
        remedy = f"end the routes with a line such as - {{sink: {sinks[0]}}}"
        yield Finding("no-route", where(document, ("sinks",)), "there are several sinks and no routes to them", remedy)
    for index, rule in enumerate(rules):
        sink = rule.get("sink")
        if isinstance(sink, str) and sink not in sinks:
            remedy = suggestion(sink, sinks) or f"sinks are: {', '.join(sinks) or 'none'}"
            yield Finding("unknown-sink", document.where(("routes", index, "sink")), f'no sink "{sink[:60]}"', remedy)
    if named:
        yield from _reach_findings(document, rules)


def _reach_findings(document: Document, rules: list[dict[str, Any]]) -> Iterator[Finding]:
    """Every ticket needs a sink, and every route needs a ticket that can reach it."""
    ends = [index for index, rule in enumerate(rules) if rule.get("sink") and not rule.get("when")]
    if not ends:
        what = "a ticket that fits none of the routes would have no sink"
        yield Finding("no-route", document.where(("routes",)), what, "end with a route that has no `when`")
    elif ends[0] < len(rules) - 1:
        place = document.where(("routes", ends[0] + 1))
        yield Finding("unreachable-route", place, "an earlier route without `when` takes every ticket", "move it down")


def _id_findings(document: Document) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, raw in _sections(document, "sources"):
        id_ = str(raw.get("id") or name)
        if id_ == PROBLEM:
            what = f'the id "{id_}" belongs to the parents of outages'
            yield Finding("reserved-id", document.where(("sources", name)), what, "give this source another `id`")
        if id_ in seen:
            what = f'sources "{seen[id_]}" and "{name}" have the same id'
            yield Finding("same-id", document.where(("sources", name, "id")), what, "give each its own `id`")
        seen[id_] = name


def _password_findings(document: Document, value: Any, place: Place) -> Iterator[Finding]:
    if isinstance(value, str) and _has_password(value):
        remedy = (
            "take it out of the address: PGPASSWORD or ~/.pgpass for a ledger, `auth` with env: or file: for a sink"
        )
        yield Finding("literal-secret", document.where(place), "there is a password in this address", remedy)
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield from _password_findings(document, part, (*place, step))


def _has_password(text: str) -> bool:
    try:
        return "://" in text and bool(urlsplit(text).password or _QUERY_PASSWORD.search(text))
    except ValueError:
        return False
