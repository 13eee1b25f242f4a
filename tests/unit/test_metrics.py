"""A run's figures for Prometheus: whole, readable, and without a word from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from connector import metrics
from connector.app import App
from connector.sandbox import Sandbox
from connector.terminal.starter import start


def figures(path: Path) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(path.read_text("utf-8"))
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, next(iter(sample.labels.values()), "")): sample.value for sample in samples}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    with Sandbox(settle=0.2) as box:
        start(tmp_path, samples=False, port=box.port)
        settings = tmp_path / "connector.yaml"
        settings.write_text(f"{settings.read_text('utf-8')}\nwait: 0s\nmetrics: {{textfile: figures.prom}}\n", "utf-8")
        (tmp_path / "inbox/button/bad.json").write_text("{")
        yield settings


def test_each_run_replaces_the_figures(site: Path) -> None:
    file = site.parent / "figures.prom"
    with App.open(site) as app:
        app.sync()
        first = figures(file)
        app.sync()
    second = figures(file)
    assert first["connector_source_rejected", "button"] == 1
    assert second["connector_source_rejected", "button"] == 0
    assert (first["connector_run_exit_code", ""], second["connector_run_exit_code", ""]) == (1, 0)
    assert second["connector_run_ended_timestamp_seconds", ""] > first["connector_run_ended_timestamp_seconds", ""]
    assert second["connector_sink_queued_deliveries", "servicenow"] == 0
    assert second["connector_source_read_to_end_timestamp_seconds", "mail"] > 0
    assert [path.name for path in file.parent.glob("figures*")] == ["figures.prom"]
    assert "bad.json" not in file.read_text("utf-8")


def test_a_place_that_cannot_be_written_to_costs_no_run(site: Path) -> None:
    with App.open(site) as app:
        app.metrics = site.parent / "nowhere" / "figures.prom"
        (site.parent / "inbox/button/bad.json").unlink()
        report = app.sync()
    assert report.exit_code == 1, "a person has something to do"
    (error,) = report.errors.values()
    assert error.what.endswith("nowhere/figures.prom: No such file or directory")
    assert "folder" in error.remedy


def test_a_sink_that_rests_is_shown_as_failed(tmp_path: Path) -> None:
    report = {"seconds": 1.0, "sources": {}, "sinks": {}, "unread": {}, "errors": {"desk": {}}}
    path = tmp_path / "f.prom"
    metrics.write(path, metrics.of_run(report, 3, 5.0, {}, {"desk": {"queued": 4, "unsure": 0, "blocked": 0}}))
    assert figures(path)["connector_sink_failed", "desk"] == 1
    assert figures(path)["connector_sink_queued_deliveries", "desk"] == 4
