"""The composition root: settings become sources, sinks, ledger and engine. Doors talk to nothing else."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from connector import channels, config
from connector.actions import Actions
from connector.breaker import Breaker
from connector.care import LedgerCare
from connector.clock import Clock, SystemClock
from connector.engine import run as engine
from connector.engine.collect import understand
from connector.engine.plan import render_ticket, ticket_view
from connector.engine.watch import Watch
from connector.engine.wiring import Inlet, Outlet, Progress, Watching, Wiring
from connector.errors import ConnectorError, Finding, RemoteError, SettingsError
from connector.fields import look_up, paths
from connector.ledger import deliveries, identity, leases, measures, people, views
from connector.ledger.database import Database, LedgerError, MovedLedger
from connector.ledger.outcomes import outcomes
from connector.limits import Limiter
from connector.mapping import load as load_mapping
from connector.mapping import messages
from connector.mapping.derived import NAMES
from connector.outages import Outages
from connector.phi import clear
from connector.plugins import (
    Asks,
    Do,
    IntakeSettings,
    Record,
    Reply,
    SinkSettings,
    SinkTools,
    SourceSettings,
    SourceTools,
)
from connector.report import By, Sheet, periods
from connector.ticket import Ticket

log = structlog.get_logger("connector.app")


class App:
    """One installation, open. Use it as a context manager.

    `metrics` is the file that each run's figures are written to, in Prometheus's text format, or None.
    """

    def __init__(self, settings: config.Settings, wiring: Wiring) -> None:
        self.settings = settings
        self.wiring = wiring
        self.metrics = settings.metrics.textfile and settings.base / settings.metrics.textfile
        self.actions = Actions(wiring)
        self.outages = Outages(wiring)
        self.ledger = LedgerCare(wiring)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock | None = None,
        stop: Callable[[], bool] = lambda: False,
        reads_only: bool = False,
    ) -> Self:
        """Load everything that the settings name. Raises SettingsError with every finding, LedgerError.

        With `reads_only` no ledger is made or claimed: where there is none yet, an empty one stands in for it.
        """
        settings = config.load(path)
        db = (
            Database.look_at(settings.ledger, settings.base)
            if reads_only
            else Database.open(settings.ledger, settings.base)
        )
        try:
            site = _site(settings, db, reads_only)
            return cls(settings, _wire(settings, db, site, clock or SystemClock(), stop, reads_only))
        except BaseException:
            db.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wiring.db.close()

    # ── every day ──

    def sync(
        self,
        sources: Sequence[str] = (),
        sinks: Sequence[str] = (),
        *,
        dry_run: bool = False,
        limit: int | None = None,
        max_seconds: float | None = None,
        progress: Progress | None = None,
    ) -> engine.Report:
        """Read every source asked for and bring every sink asked for up to date; all of them by default.

        Raises SettingsError for a name that the settings do not hold, RestoredLedger for a ledger that is behind.
        """
        inlets, outlets = self._asked(sources, sinks)
        if dry_run:
            return engine.dry_run(self.wiring, inlets, outlets, limit)
        self._refuse_missing_secrets(inlets, outlets)
        self._refuse_restored()
        report = engine.run(self._telling(progress), inlets, outlets, limit, max_seconds)
        self._measure(report, outlets)
        return report

    def watch(
        self,
        every: float,
        sources: Sequence[str] = (),
        sinks: Sequence[str] = (),
        *,
        limit: int | None = None,
        max_seconds: float | None = None,
        progress: Progress | None = None,
    ) -> Iterator[engine.Report]:
        """Run as `sync` does, again `every` seconds after each end, until somebody asks to stop; a report of each run.

        A sink that failed rests, and so does a ledger that does not answer. Raises what only a person can mend:
        SettingsError, RestoredLedger, MovedLedger.
        """
        inlets, outlets = self._asked(sources, sinks)
        self._refuse_missing_secrets(inlets, outlets)
        watch, wiring, ledger = Watch(inlets, outlets), self._telling(progress), Breaker()
        while not wiring.stop():
            pause = every
            try:
                self._refuse_restored()
                report = watch.run(wiring, limit, max_seconds)
                self._measure(report, outlets)
                ledger.answered()
            except MovedLedger:
                raise
            except LedgerError as error:
                pause = max(every, ledger.failed(wiring.clock.monotonic()))
                log.warning("waiting", reason="the ledger does not answer", seconds=pause)
                report = engine.Report("", errors={"ledger": error})
            yield report
            wiring.clock.sleep(pause)

    def _asked(self, sources: Sequence[str], sinks: Sequence[str]) -> tuple[list[Inlet], list[Outlet]]:
        return _chosen("source", self.wiring.inlets, sources), _chosen("sink", self.wiring.outlets, sinks)

    def _telling(self, progress: Progress | None) -> Wiring:
        return self.wiring if progress is None else replace(self.wiring, progress=progress)

    def _refuse_restored(self) -> None:
        wiring = self.wiring
        identity.refuse_restored(wiring.db, wiring.base, wiring.site)
        identity.stamp(wiring.db, wiring.base, wiring.site, wiring.clock.wall())

    def _measure(self, report: engine.Report, outlets: Sequence[Outlet]) -> None:
        """Write the run's figures where somebody wants them."""
        if self.metrics is None:
            return
        from connector import metrics  # most installations do without

        db = self.wiring.db
        read = views.read_to_end(db, {name: self.wiring.inlets[name].id for name in report.sources})
        standing = {outlet.name: deliveries.count_unfinished(db, outlet.name) for outlet in outlets}
        figures = metrics.of_run(report.document(), report.exit_code, self.wiring.clock.wall(), read, standing)
        try:
            metrics.write(self.metrics, figures)
        except OSError as error:
            log.error("the figures of this run cannot be written", file=str(self.metrics), error=error.strerror)

    def _refuse_missing_secrets(self, inlets: Sequence[Inlet], outlets: Sequence[Outlet]) -> None:
        asked = [inlet for inlet in inlets if isinstance(inlet.source, Asks)]
        read = {inlet.name: self.settings.sources[inlet.name] for inlet in asked}
        written = {outlet.name: self.settings.sinks[outlet.name] for outlet in outlets}
        missing = config.missing_secrets("source", read, self.settings.base)
        missing += channels.missing_secrets(self.settings.answers, self.settings.base)
        if missing := [*missing, *config.missing_secrets("sink", written, self.settings.base)]:
            raise SettingsError(missing)

    def check(self, live: bool = False) -> dict[str, Any]:
        """All that is wrong beyond the files themselves, which `open` has checked; `live` asks every remote."""
        findings = [found for inlet in self.wiring.inlets.values() for found in inlet.source.check()]
        missing = config.missing_secrets("source", self.settings.sources, self.settings.base)
        missing += config.missing_secrets("sink", self.settings.sinks, self.settings.base)
        missing += channels.missing_secrets(self.settings.answers, self.settings.base)
        findings += missing
        for name, ask in self._remotes() if live and not missing else ():
            try:
                findings += ask()
            except RemoteError as error:
                findings.append(Finding(error.code, name, error.what, error.remedy, error.exit_code))
            except SettingsError as error:
                findings += error.findings
        grave = {finding.exit_code for finding in findings} - {0}
        return {"findings": [_said(finding) for finding in findings], "exit_code": min(grave, default=0)}

    def _remotes(self) -> Iterator[tuple[str, Callable[[], Sequence[Finding]]]]:
        """Everybody who can be asked: sources that have a remote, and the sinks."""
        for inlet in self.wiring.inlets.values():
            if isinstance(inlet.source, Asks):
                yield inlet.name, inlet.source.ask
        for outlet in self.wiring.outlets.values():
            yield outlet.name, outlet.sink.check
        for told in self.wiring.answering.outlets.values() if self.wiring.answering is not None else ():
            yield told.name, told.sink.check

    def status(self, strict: bool = False) -> dict[str, Any]:
        """Queues, last readings, what waits for a person. `strict` makes that a reason for exit code 1."""
        ids = {name: inlet.id for name, inlet in self.wiring.inlets.items()}
        facts = views.status(self.wiring.db, ids, list(self.wiring.outlets))
        waits = bool(facts["waiting"] or facts["rejected"])
        ledger = self.wiring.db.engine.url.render_as_string(hide_password=True)
        told = self.wiring.answering
        answers = {} if told is None else {"answers": told.standing(self.wiring.db)}
        code = 1 if strict and waits else 0
        return {"site": self.wiring.site, "ledger": ledger, **facts, **answers, "exit_code": code}

    def explain(self, name: str) -> dict[str, Any]:
        """Every step of one ticket, and for each sink field its value and where that came from."""
        ticket_id = people.find_ticket(self.wiring.db, name)
        facts = views.story(self.wiring.db, ticket_id)
        body, sink, group = views.body_of(self.wiring.db, ticket_id)
        known = {sink: facts["sinks"].get(sink, _NOT_THERE)} | facts["sinks"]
        outlets = self.wiring.outlets
        shown = {key: self._fields(outlets[key], body, group, link) for key, link in known.items() if key in outlets}
        return {**facts, "summary": Ticket.model_validate_json(body).summary, "sinks": shown}

    def report(
        self, by: By, since: date | None, until: date | None, zone: tzinfo, people: bool = True
    ) -> dict[str, Any]:
        """What the help desks achieved, by channel and period; `people` says whether analysts are named.

        Days are those of `zone`; without `until` they end today. Raises ValueError, see `connector.report.periods`.
        """
        now = self.wiring.clock.wall()
        days = periods(by, since, until or datetime.fromtimestamp(now, zone).date(), zone)
        made = {"site": self.wiring.site, "at": views.moment(now), "by": by.value, "zone": str(zone)}
        return made | measures.figures(self.wiring.db, Sheet(days, self.wiring.levels, now), people)

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """What became of every record that was read."""
        return outcomes(self.wiring.db)

    def _fields(self, outlet: Outlet, body: str, group: str, link: dict[str, Any]) -> dict[str, Any]:
        rendered = render_ticket(self.wiring, outlet, ticket_view(body, outlet), Do.CREATE, group)
        rows = []
        for field in outlet.mapping.names:
            if field not in rendered.fields and field not in link["sent"]:
                continue
            rows.append(
                {
                    "field": field,
                    "value": rendered.fields.get(field),
                    "from": rendered.origins.get(field, ""),
                    "sent": link["sent"].get(field),
                    "remote": link["echo"].get(field),
                    "note": _note(link["notes"].get(field, {})),
                }
            )
        loose = [note["note"] for note in link["notes"].values() if "note" in note]
        return {**{key: link[key] for key in ("remote_id", "number", "url")}, "fields": rows, "notes": loose}

    # ── the admin's tools ──

    def mappings(self) -> dict[str, Any]:
        """The mappings that are in use; `open` has checked them. Raises SettingsError where a message is wrong."""
        messages.load(self.settings.base / self.settings.answers.messages)
        return {
            name: {
                "mapping": str(outlet.mapping.path),
                "table": outlet.mapping.table,
                "fields": len(outlet.mapping.names),
            }
            for name, outlet in self.wiring.outlets.items()
        }

    def preview(self, name: str, sink: str | None = None) -> dict[str, Any]:
        """What a ticket of the ledger, or the records of a file, would become. Raises NoSuchTicket, SettingsError."""
        path = Path(name)
        if path.is_file():
            return {"records": [self._previewed(*item, sink) for item in self._records(path)]}
        body, fixed, group = views.body_of(self.wiring.db, people.find_ticket(self.wiring.db, name))
        own = Ticket.model_validate_json(body)
        return {"records": [self._rendered(f"{own.source}:{own.external_id}", own, sink or fixed, group)]}

    def _records(self, path: Path) -> Iterator[tuple[Inlet, Record]]:
        """The file's records, as the source reads it that knows how to make most of it."""
        best: tuple[int, Inlet, list[Record]] | None = None
        for inlet in self.wiring.inlets.values():
            found = list(_records_of(self.settings, inlet, path))
            good = sum(isinstance(inlet.source.read(item), Ticket | Reply) for item in found)
            if best is None or good > best[0]:
                best = (good, inlet, found)
        if best is not None:
            yield from ((best[1], item) for item in best[2])

    def _previewed(self, inlet: Inlet, record: Record, sink: str | None) -> dict[str, Any]:
        taken = understand(self.wiring, inlet, record)
        match taken.reading:
            case Ticket() as own:
                return self._rendered(record.place, own, sink or taken.sink, taken.group)
            case Reply() as reply:
                return self._rendered(record.place, reply.ticket, sink or taken.sink, taken.group)
            case other:
                what = getattr(other, "reason", "") or str(getattr(other, "finding", ""))
                return {"record": record.place, "sink": None, "fields": [], "findings": [what]}

    def _rendered(self, name: str, own: Ticket, sink: str, group: str) -> dict[str, Any]:
        outlet = _chosen("sink", self.wiring.outlets, [sink])[0]
        rendered = render_ticket(self.wiring, outlet, clear(own, outlet.clearance), Do.CREATE, group)
        rows = [
            {"field": field, "value": value, "from": rendered.origins.get(field, "")}
            for field, value in rendered.fields.items()
        ]
        return {
            "record": name,
            "sink": sink,
            "fields": rows,
            "findings": [str(finding) for finding in rendered.findings],
        }

    def fields(self, sink: str | None = None) -> list[dict[str, Any]]:
        """What a mapping may write to a sink, or read of a ticket."""
        if sink is None:
            shapes = {path: look_up(path, NAMES) for path in paths(NAMES)}
            return [{"field": path, "label": str(it), "choices": list(it.members)} for path, it in shapes.items()]
        outlet = _chosen("sink", self.wiring.outlets, [sink])[0]
        return [
            {"field": spec.name, "label": spec.label, "choices": sorted(spec.choices or ())}
            for spec in outlet.sink.fields()
        ]


_NOT_THERE: dict[str, Any] = {"remote_id": "", "number": "", "url": "", "sent": {}, "echo": {}, "notes": {}}


def _said(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "where": finding.where, "what": finding.what, "remedy": finding.remedy}


def _note(note: dict[str, Any]) -> str:
    if note.get("left"):
        return "changed at the help desk since; left alone"
    if "kept" in note:
        return f"not kept as sent: the help desk has {note['kept']!r}"
    return str(note.get("note", ""))


# ── putting it together ──────────────────────────────────────────────────────────────────────────────────────────


def _site(settings: config.Settings, db: Database, reads_only: bool) -> str:
    if reads_only:
        return identity.site_of(db) or settings.site or "unclaimed"
    return identity.claim_site(db, settings.site, f"site-{secrets.token_hex(3)}")


def _wire(
    settings: config.Settings, db: Database, site: str, clock: Clock, stop: Callable[[], bool], reads_only: bool
) -> Wiring:
    findings: list[Finding] = []
    inlets = _each(settings.sources, findings, lambda name, raw: _inlet(settings, name, raw, clock))
    outlets = _each(settings.sinks, findings, lambda name, raw: _outlet(settings, db, name, raw, clock))
    if findings:
        raise SettingsError(findings)
    return Wiring(
        db=db,
        base=settings.base,
        site=site,
        clock=clock,
        who=leases.holder(),
        inlets=inlets,
        outlets=outlets,
        routes=settings.routes,
        weighing=settings.priority,
        levels=settings.service_levels,
        observe=Watching(settings.observe.every, settings.observe.check),
        closure=settings.closure,
        problems=settings.problems,
        pending=settings.pending,
        wait=settings.wait,
        answering=channels.answering(settings, db, inlets, clock, reads_only),
        escalations=settings.escalations,
        audiences=settings.audiences,
        stop=stop,
    )


def _each(sections: Any, findings: list[Finding], build: Callable[[str, config.Section], Any]) -> dict[str, Any]:
    """Build every plugin that can be built; what is wrong with the others is collected."""
    built = {}
    for name, raw in sections.items():
        try:
            built[name] = build(name, raw)
        except SettingsError as error:
            findings += error.findings
    return built


def _inlet(settings: config.Settings, name: str, raw: config.Section, clock: Clock) -> Inlet:
    plugin = config.plugins(config.SOURCES)[raw["type"]].load()
    checked: SourceSettings = config.plugin_settings("source", name, raw, plugin.settings)
    ident = checked.id or name
    intake: IntakeSettings | None = getattr(checked, "intake", None)
    return Inlet(name, ident, plugin(ident, checked, SourceTools(settings.base, clock)), checked.type, intake)


def _outlet(settings: config.Settings, db: Database, name: str, raw: config.Section, clock: Clock) -> Outlet:
    plugin = config.plugins(config.SINKS)[raw["type"]].load()
    checked: SinkSettings = config.plugin_settings("sink", name, raw, plugin.settings)
    limiter = Limiter(db, _account(raw), checked.requests_per_minute, clock, settings.wait)
    tools = SinkTools(settings.base, clock, limiter, deliveries.remembered(db, name))
    sink = plugin(name, checked, tools)
    limiter.allow(sink.allowances)
    mapping = load_mapping(settings.base / checked.mapping, sink.fields(), clearance=checked.clearance)
    sink.table, sink.planned = mapping.table, mapping.planned
    return Outlet(
        name=name,
        sink=sink,
        mapping=mapping,
        clearance=checked.clearance,
        files=checked.attachments == "send",
        limiter=limiter,
        concurrency=checked.concurrency,
        bulk=checked.bulk != "off",
    )


def _account(raw: config.Section) -> str:
    """The remote account's name in the shared budget: two sinks with one credential share it."""
    words = f"{raw.get('url')}|{sorted((raw.get('auth') or {}).items(), key=str)}"
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def _chosen(word: str, there: Any, names: Sequence[str]) -> list[Any]:
    missing = [name for name in names if name not in there]
    if missing:
        known = ", ".join(there)
        raise SettingsError(
            [
                Finding("unknown-name", "", f"the settings have no {word} {name!r}", f"there are: {known}")
                for name in missing
            ]
        )
    return [there[name] for name in (dict.fromkeys(names) or there)]


def _records_of(settings: config.Settings, inlet: Inlet, path: Path) -> Iterator[Record]:
    """The records of one file, as this source reads it."""
    plugin = type(inlet.source)
    other_ways = set(getattr(plugin.settings, "ways_in", ()))
    raw = {name: value for name, value in settings.sources[inlet.name].items() if name not in other_ways}
    checked = config.plugin_settings("source", inlet.name, {**raw, "path": str(path.resolve())}, plugin.settings)
    try:
        for page in plugin(inlet.id, checked, SourceTools(settings.base)).pages({}):
            yield from page.records
    except ConnectorError:
        return
