"""What is wrong beyond the files themselves: places that are not there, missing secrets, what the remotes say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connector import channels, config
from connector.config import Section, Settings
from connector.engine.wiring import Inlet, Outlet, Wiring
from connector.errors import Finding, RemoteError, SettingsError
from connector.plugins import Asks

Asking = Callable[[], Sequence[Finding]]


def check(settings: Settings, wiring: Wiring, live: bool) -> dict[str, Any]:
    """Every finding, and the exit code that follows; `live` asks every remote, unless a secret is missing."""
    findings = [found for inlet in wiring.inlets.values() for found in inlet.source.check()]
    missing = _missing(settings, settings.sources, settings.sinks)
    findings += [*missing, *_figures(settings)]
    for name, ask in _remotes(wiring) if live and not missing else ():
        findings += _asked(name, ask)
    grave = {finding.exit_code for finding in findings} - {0}
    return {"findings": [_said(finding) for finding in findings], "exit_code": min(grave, default=0)}


def refuse_missing_secrets(settings: Settings, inlets: Sequence[Inlet], outlets: Sequence[Outlet]) -> None:
    """Raises SettingsError where a secret is missing that a run with these sources and sinks needs."""
    read = {inlet.name: settings.sources[inlet.name] for inlet in inlets if isinstance(inlet.source, Asks)}
    written = {outlet.name: settings.sinks[outlet.name] for outlet in outlets}
    if missing := _missing(settings, read, written):
        raise SettingsError(missing)


def _missing(settings: Settings, sources: Mapping[str, Section], sinks: Mapping[str, Section]) -> list[Finding]:
    return [
        *config.missing_secrets("source", sources, settings.base),
        *config.missing_secrets("sink", sinks, settings.base),
        *channels.missing_secrets(settings.answers, settings.base),
    ]


def _figures(settings: Settings) -> Iterator[Finding]:
    file = settings.metrics.textfile
    if file is not None and not (settings.base / file).parent.is_dir():
        what = f"the folder of {file} does not exist"
        yield Finding("no-folder", "metrics.textfile", what, "make it, or correct the path")


def _remotes(wiring: Wiring) -> Iterator[tuple[str, Asking]]:
    """Everybody who can be asked: sources that have a remote, the sinks, and the ways in which people are told."""
    for inlet in wiring.inlets.values():
        if isinstance(inlet.source, Asks):
            yield inlet.name, inlet.source.ask
    told = wiring.answering.outlets.values() if wiring.answering is not None else ()
    for outlet in (*wiring.outlets.values(), *told):
        yield outlet.name, outlet.sink.check


def _asked(name: str, ask: Asking) -> Sequence[Finding]:
    try:
        return ask()
    except RemoteError as error:
        return [Finding(error.code, name, error.what, error.remedy, error.exit_code)]
    except SettingsError as error:
        return error.findings


def _said(finding: Finding) -> dict[str, str]:
    return {"code": finding.code, "where": finding.where, "what": finding.what, "remedy": finding.remedy}
