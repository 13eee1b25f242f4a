"""One installation: what may be asked of it, in one place. Doors talk to nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from connector import assembly, checking, config, trying
from connector.actions import Actions
from connector.breaker import Breaker
from connector.care import LedgerCare
from connector.clock import Clock, SystemClock
from connector.engine import rehearse
from connector.engine import run as engine
from connector.engine.report import Report
from connector.engine.watch import Watch
from connector.engine.wiring import Inlet, Outlet, Progress, Wiring
from connector.errors import ConnectorError
from connector.ledger import deliveries, identity, measures, views
from connector.ledger.database import Database, LedgerError, MovedLedger
from connector.ledger.outcomes import outcomes
from connector.outages import Outages
from connector.report import By, Sheet, periods
from connector.story import story

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
            site = assembly.site_of(settings, db, reads_only)
            return cls(settings, assembly.wire(settings, db, site, clock or SystemClock(), stop, reads_only))
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
    ) -> Report:
        """Read every source asked for and bring every sink asked for up to date; all of them by default.

        Raises SettingsError for a name that the settings do not hold, RestoredLedger for a ledger that is behind.
        """
        inlets, outlets = self._asked(sources, sinks)
        if dry_run:
            return rehearse.dry_run(self.wiring, inlets, outlets, limit)
        checking.refuse_missing_secrets(self.settings, inlets, outlets)
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
    ) -> Iterator[Report]:
        """Run as `sync` does, again `every` seconds after each end, until somebody asks to stop; a report of each run.

        A sink that failed rests, and so does a ledger that does not answer. Raises what only a person can mend:
        SettingsError, RestoredLedger, MovedLedger.
        """
        inlets, outlets = self._asked(sources, sinks)
        checking.refuse_missing_secrets(self.settings, inlets, outlets)
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
                report = Report("", errors={"the ledger": error})
            yield report
            wiring.clock.sleep(pause)

    def _asked(self, sources: Sequence[str], sinks: Sequence[str]) -> tuple[list[Inlet], list[Outlet]]:
        wiring = self.wiring
        return config.chosen("source", wiring.inlets, sources), config.chosen("sink", wiring.outlets, sinks)

    def _telling(self, progress: Progress | None) -> Wiring:
        return self.wiring if progress is None else replace(self.wiring, progress=progress)

    def _refuse_restored(self) -> None:
        wiring = self.wiring
        identity.refuse_restored(wiring.db, wiring.base, wiring.site)
        identity.stamp(wiring.db, wiring.base, wiring.site, wiring.clock.wall())

    def _measure(self, report: Report, outlets: Sequence[Outlet]) -> None:
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
            what = f"the figures of this run cannot be written to {self.metrics}: {error.strerror}"
            remedy = "make the folder, or see to its rights; the run itself is not concerned"
            report.errors["the figures"] = ConnectorError(what, remedy)

    def check(self, live: bool = False) -> dict[str, Any]:
        """All that is wrong beyond the files themselves, which `open` has checked; `live` asks every remote."""
        return checking.check(self.settings, self.wiring, live)

    def status(self, strict: bool = False) -> dict[str, Any]:
        """Queues, last readings, what waits for a person. `strict` makes that a reason for exit code 1."""
        db = self.wiring.db
        ids = {name: inlet.id for name, inlet in self.wiring.inlets.items()}
        facts = views.status(db, ids, list(self.wiring.outlets))
        waits = bool(facts["waiting"] or facts["rejected"])
        ledger = {"ledger": db.address, "ledger_exists": not db.stands_in}
        told = self.wiring.answering
        answers = {} if told is None else {"answers": told.standing(db)}
        code = 1 if strict and waits else 0
        return {"site": self.wiring.site, **ledger, **facts, **answers, "exit_code": code}

    def explain(self, name: str) -> dict[str, Any]:
        """Every step of one ticket, and for each sink field its value and where that came from. Raises NoSuchTicket."""
        return story(self.wiring, name)

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

    # ── the admin's tools ──

    def mappings(self) -> dict[str, Any]:
        """The mappings that are in use; `open` has checked them. Raises SettingsError where a message is wrong."""
        return trying.in_use(self.settings, self.wiring)

    def preview(self, name: str, sink: str | None = None) -> dict[str, Any]:
        """What a ticket of the ledger, or the records of a file, would become. Raises NoSuchTicket, SettingsError."""
        return trying.preview(self.settings, self.wiring, name, sink)

    def fields(self, sink: str | None = None) -> list[dict[str, Any]]:
        """What a mapping may write to a sink, or read of a ticket."""
        return trying.fields(self.wiring, sink)
