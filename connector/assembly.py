"""Settings become sources, sinks and all else that a run needs."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

from connector import channels, config
from connector.clock import Clock
from connector.engine.wiring import Inlet, Outlet, Watching, Wiring
from connector.errors import Finding, SettingsError
from connector.ledger import deliveries, identity, leases
from connector.ledger.database import Database
from connector.limits import Limiter
from connector.mapping import load as load_mapping
from connector.plugins import IntakeSettings, SinkSettings, SinkTools, SourceSettings, SourceTools

T = TypeVar("T")


def site_of(settings: config.Settings, db: Database, reads_only: bool) -> str:
    """The name of this installation, which the ledger keeps; with `reads_only` nothing is written into it."""
    if reads_only:
        return identity.site_of(db) or settings.site or "unclaimed"
    return identity.claim_site(db, settings.site, f"site-{secrets.token_hex(3)}")


def wire(
    settings: config.Settings, db: Database, site: str, clock: Clock, stop: Callable[[], bool], reads_only: bool
) -> Wiring:
    """Everything that the settings name, built. Raises SettingsError with what is wrong with any of it."""
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


def _each(
    sections: Mapping[str, config.Section], findings: list[Finding], build: Callable[[str, config.Section], T]
) -> dict[str, T]:
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
