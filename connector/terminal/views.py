"""Facts as people read them. Each view takes the same document that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connector.errors import Finding
from connector.terminal.screen import clean, item, line, table

Facts = Mapping[str, Any]

SOURCE_COUNTS = ("read", "new", "changed", "unchanged", "counted", "rejected")
SINK_COUNTS = ("created", "updated", "commented", "attached", "linked", "blocked", "unsure", "queued", "requests")
RECORDS = ("ticket", "reply", "counted", "rejected", "pending")
STATES = ("queued", "sending", "unsure", "blocked", "sent", "dropped")


def sync(report: Facts, dry_run: bool = False) -> None:
    """What a run read and wrote."""
    _counts("source", report["sources"], SOURCE_COUNTS)
    _counts("sink", report["sinks"], SINK_COUNTS)
    rejected = sum(counts["rejected"] for counts in report["sources"].values())
    held = sum(counts["blocked"] + counts["unsure"] for counts in report["sinks"].values())
    if dry_run:
        line("Dry run: nothing was written, here or there.")
    elif rejected or held:
        line(f"{rejected} rejected, {held} held: see `connector status`.")


def status(facts: Facts) -> None:
    """Queues, last runs, and what waits for a person."""
    line(f"Site {clean(facts['site'])}, ledger {clean(facts['ledger'])}")
    rows = [
        (name, source["last_read_to_end"] or "never", *(source["records"].get(kind, 0) for kind in RECORDS))
        for name, source in facts["sources"].items()
    ]
    line()
    table(("source", "last read to its end", *RECORDS), rows)
    _counts("sink", facts["sinks"], STATES)
    line()
    for waiting in facts["waiting"]:
        head = f"{waiting['ticket']}  {waiting['do']} at {waiting['sink']}: {waiting['state']} since {waiting['since']}"
        item(clean(head), clean(waiting["what"]), clean(waiting["remedy"]))
    for rejected in facts["rejected"]:
        head = f"{rejected['source']}  {rejected['place']}: rejected {rejected['at']}"
        item(clean(head), clean(rejected["what"]), clean(rejected["remedy"]))
    if not facts["waiting"] and not facts["rejected"]:
        line("Nothing waits for a person.")


def explain(facts: Facts) -> None:
    """Every step of one ticket, and for each sink field where its value came from."""
    line(clean(facts["ticket"]) + (f": {clean(facts['summary'])}" if facts.get("summary") else ""))
    line(f"source {clean(facts['source'])}, version {clean(facts['version'])}")
    for event in facts["events"]:
        line(f"  {clean(event['at'])}  {clean(event['what'])}")
    for delivery in facts["deliveries"]:
        line()
        head = f"{delivery['do']} {delivery['part']} at {delivery['sink']}: {delivery['state']}"
        line(clean(f"{head}, attempts {delivery['attempts']}"))
        for event in delivery["events"]:
            note = f" ({event['note']})" if event.get("note") else ""
            line("  " + clean(f"{event['at']}  {event['was'] or 'new'} -> {event['now']}{note}"))
    for name, sink in facts["sinks"].items():
        line()
        line(clean(f"{name}: {sink['number'] or sink['remote_id'] or 'not there yet'}  {sink['url'] or ''}").rstrip())
        fields(sink["fields"])


def fields(rows: Sequence[Facts]) -> None:
    """Sink fields: the value, where it came from, and what became of it there."""
    for row in rows:
        notes = [f"from {row['from'].removeprefix('from ')}" if row.get("from") else "", row.get("note") or ""]
        item(clean(f"  {row['field']} = {_value(row['value'])}"), *(clean(note) for note in notes))


def moved(done: Sequence[Facts]) -> None:
    """What an action changed."""
    if not done:
        line("Nothing to do.")
        return
    columns = ("ticket", "sink", "do", "was", "now")
    table(columns, [[row[column] for column in columns] for row in done])


def findings(found: Iterable[Finding]) -> None:
    """One finding after the other, each with its place and remedy."""
    for finding in found:
        item(clean(f"{finding.where}: {finding.what}" if finding.where else finding.what), clean(finding.remedy))


def _counts(word: str, groups: Mapping[str, Facts], columns: Sequence[str]) -> None:
    line()
    rows = [(name, *(counts.get(column, 0) for column in columns)) for name, counts in groups.items()]
    table((word, *columns), rows)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else f"{text[:300]} … ({len(text)} characters)"
