"""Facts as people read them. Each view takes the same document that `--json` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

from connector.errors import told_of
from connector.terminal.screen import clean, item, line, table

Facts = Mapping[str, Any]

SOURCE_COUNTS = ("read", "new", "changed", "unchanged", "counted", "rejected")
SINK_COUNTS = ("created", "updated", "commented", "attached", "linked", "blocked", "unsure", "queued", "requests")
ANSWER_COUNTS = ("told", "blocked", "unsure", "queued")
RECORDS = ("ticket", "reply", "counted", "rejected", "pending")
_WOULD = {"update": "would be updated at", "comment": "would get a comment at", "attach": "would get a file at"}
_WAYS = {
    "blocked": (
        "connector release TICKET    it goes on, once its cause is mended",
        "connector drop TICKET       it is given up",
    ),
    "unsure": (
        "connector confirm TICKET --sent NUMBER    you found it at the help desk",
        "connector confirm TICKET --absent         you looked, and it is not there: it is sent",
    ),
    "rejected": (
        "connector retry SOURCE:PLACE    it is read again; a file that has changed is read by itself",
        "connector drop SOURCE:PLACE     it is given up",
    ),
}
STATES = ("queued", "sending", "unsure", "blocked", "sent", "dropped")


def started(facts: Facts) -> None:
    """What `init` wrote, and what to do next."""
    item(f"Written to {clean(facts['folder'])}:", *facts["written"])
    if facts["samples"]:
        line("Next: `connector sandbox` in one window; `connector check --live` and `connector sync` in another.")
    else:
        line("Next: name your channels and help desks in connector.yaml; then `connector check --live`.")


def sync(report: Facts) -> None:
    """What a run read and wrote, or would."""
    _counts("source", report["sources"], SOURCE_COUNTS)
    _counts("sink", report["sinks"], SINK_COUNTS)
    if "answers" in report:
        _counts("answers", report["answers"], ANSWER_COUNTS)
    line()
    if report.get("dry_run"):
        _would(report)
        return
    rejected = sum(counts["rejected"] for counts in report["sources"].values())
    sent = [*report["sinks"].values(), *report.get("answers", {}).values()]
    held = sum(counts["blocked"] + counts["unsure"] for counts in sent)
    waits = f"{rejected} rejected, {held} held: see `connector status`." if rejected or held else "Nothing new is held."
    queued = sum(counts["queued"] for counts in sent)
    later = f", {queued} left to the next run" if queued else ""
    line(f"Done in {report['seconds']:.1f} s{later}. {waits}")


def _would(report: Facts) -> None:
    """What a run would send, delivery by delivery, and whom it would tell."""
    for would in report["would"]:
        sent = _WOULD.get(would.get("do", ""), "would go to")
        item(clean(f"{would['ticket']} {sent} {would['sink']}"), *map(clean, would["findings"]))
        for told in would.get("told", ()):
            line(clean(f"  {told['to']} would be told: {told['subject']}"))
            for words in told["text"].splitlines():
                line(clean(f"  | {words}"))
    written = sum(counts[word] for counts in report["sinks"].values() for word in SINK_COUNTS[:6])
    if (more := written - sum("do" in would for would in report["would"])) > 0:
        line(f"... and {more} more" if report["would"] else f"All that would be sent was queued before: {more}.")
    line("Dry run: the tables show what a run would do. Nothing was written, here or there.")


def status(facts: Facts) -> None:
    """Queues, last runs, and what waits for a person."""
    made = "" if facts["ledger_exists"] else " (there is none yet; the first sync makes it)"
    line(f"Site {clean(facts['site'])}, ledger {clean(facts['ledger'])}{made}")
    rows = [
        (name, source["last_read_to_end"] or "never", *(source["records"].get(kind, 0) for kind in RECORDS))
        for name, source in facts["sources"].items()
    ]
    line()
    table(("source", "last read to its end", *RECORDS), rows)
    for name, source in facts["sources"].items():
        if source["error"]:
            line(clean(f"{name}: {source['error']}"))
        if source["posted"]:
            line(clean(f"{name}: {source['posted']} posted, waiting for the next sync"))
    _counts("sink", facts["sinks"], STATES)
    if "answers" in facts:
        _counts("answers", facts["answers"], STATES)
    line()
    for waiting in facts["waiting"]:
        head = f"{waiting['ticket']}  {waiting['do']} at {waiting['sink']}: {waiting['state']} since {waiting['since']}"
        item(clean(head), clean(waiting["what"]), clean(waiting["remedy"]))
    for rejected in facts["rejected"]:
        head = f"{rejected['source']}:{rejected['place']}  rejected {rejected['at']}"
        item(clean(head), clean(rejected["what"]), clean(rejected["remedy"]))
    _ways({waiting["state"] for waiting in facts["waiting"]} | ({"rejected"} if facts["rejected"] else set()))


def _ways(states: Set[str]) -> None:
    """What a person may do about what waits."""
    if not states:
        line("Nothing waits for a person.")
        return
    line()
    for state in sorted(states & _WAYS.keys()):
        item(f"{state}:", *_WAYS[state])


def explain(facts: Facts) -> None:
    """Every step of one ticket, and for each sink field where its value came from."""
    line(clean(facts["ticket"]) + (f": {clean(facts['summary'])}" if facts.get("summary") else ""))
    line(f"source {clean(facts['source'])}, version {clean(facts['version'])}")
    for event in facts["events"]:
        line(f"  {clean(event['at'])}  {clean(event['what'])}")
    for delivery in facts["deliveries"]:
        _delivery(delivery)
    for name, sink in facts["sinks"].items():
        line()
        line(clean(f"{name}: {sink['number'] or sink['remote_id'] or 'not there yet'}  {sink['url']}").rstrip())
        fields(sink["fields"])
        for note in sink["notes"]:
            line(f"  {clean(note)}")


def _delivery(delivery: Facts) -> None:
    line()
    head = f"{delivery['do']} {delivery['part']} at {delivery['sink']}: {delivery['state']}"
    remedy = "" if str(delivery["remedy"]).startswith("connector explain") else delivery["remedy"]  # this is it
    item(clean(f"{head}, attempts {delivery['attempts']}"), clean(delivery["what"]), clean(remedy))
    for event in delivery["events"]:
        note = f" ({event['note']})" if event["note"] else ""
        line("  " + clean(f"{event['at']}  {event['was'] or 'new'} -> {event['now']}{note}"))


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


def checked(facts: Facts) -> None:
    """What `check` found: one finding after the other, each with its place and remedy."""
    for finding in facts["findings"]:
        what = told_of(finding["where"], finding["what"]) if finding["where"] else finding["what"]
        item(clean(what), clean(finding["remedy"]))
    if not facts["findings"]:
        line("Nothing is wrong.")


def copied(facts: Facts) -> None:
    """What a copy of the ledger brought over, and what to do next."""
    table(("table", "rows"), list(facts["rows"].items()))
    line()
    line("Every row arrived. Now write in the settings:")
    line(f'    ledger: "{clean(facts["ledger"])}"')
    line("and start again what still runs (`sync --watch`, `serve`): from now on the old ledger is refused. Keep it")
    line("until the first backup of the new one.")


def mappings(facts: Facts) -> None:
    """The mappings in use, which have no findings."""
    rows = [(name, one["mapping"], one["table"], one["fields"]) for name, one in facts.items()]
    table(("sink", "mapping", "table", "fields"), rows)
    line("Nothing is wrong.")


def preview(facts: Facts) -> None:
    """What records would become."""
    for record in facts["records"]:
        what = f"would go to {record['sink']}" if record["sink"] else "would make no ticket"
        line(clean(f"{record['record']} {what}"))
        fields(record["fields"])
        for finding in record["findings"]:
            line(f"  {clean(finding)}")


def known(rows: Sequence[Facts]) -> None:
    """Fields that a mapping may name."""
    shown = [(row["field"], row["label"], ", ".join(row["choices"])) for row in rows]
    table(("field", "what it is", "values"), shown)


def _counts(word: str, groups: Mapping[str, Facts], columns: Sequence[str]) -> None:
    line()
    rows = [(name, *(counts.get(column, 0) for column in columns)) for name, counts in groups.items()]
    table((word, *columns), rows)


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 300 else f"{text[:300]} … ({len(text)} characters)"
