"""The command line. Each command is a sentence: parse, open, one call, print, exit code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connector.errors import told_of
from connector.terminal.group import Call, Day, Group, fold

if TYPE_CHECKING:
    from connector.app import App

this = click.make_pass_decorator(Call, ensure=True)
_PORT = click.IntRange(0, 65_535)
names = click.argument("tickets", nargs=-1, required=True, metavar="TICKET...")


def _example(text: str) -> str:
    """The end of a help page: what to type."""
    return f"\b\nExample:\n  {text}"


def _open(call: Call, *, reads_only: bool = False) -> App:
    from connector.app import App
    from connector.terminal.collector import look_seldom
    from connector.terminal.logs import start_logs
    from connector.terminal.stop import StoppableClock

    start_logs(call.verbosity)
    app = App.open(call.config, clock=StoppableClock(call), stop=call.stop, reads_only=reads_only)
    look_seldom()
    return app


def _show(call: Call, facts: Any, view: Callable[[Any], None]) -> None:
    from connector.terminal import screen

    screen.document(facts) if call.json else view(facts)


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_example("connector demo"),
)
@click.version_option(package_name="connector", message="connector %(version)s")
def main() -> None:
    """Turn help requests from EHR buttons, e-mail and chatbots into exactly one ticket each."""


# ── to start ─────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command(epilog=_example("connector init help-desk"))
@click.argument("folder", default=".", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False))
@click.option("--force", is_flag=True, help="Overwrite what is there; the site stays.")
@click.option("--samples/--no-samples", default=True, help="Fill the inbox with samples, or leave it empty.")
@this
def init(call: Call, folder: Path, force: bool, samples: bool) -> None:
    """Write settings, mappings and a sample inbox to start from."""
    from connector.terminal import views
    from connector.terminal.starter import start

    written = start(folder, force=force, samples=samples)
    _show(call, {"folder": str(folder), "written": written, "samples": samples}, views.started)


@main.command(epilog=_example("connector demo"))
@click.option("--port", type=_PORT, default=0, show_default="any that is free", help="Port of the emulated help desks.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path), help="Keep settings, inbox and ledger in this folder."
)
@click.option("--keep/--no-keep", default=None, help="Leave the page open at the end. [default: on a terminal]")
@this
def demo(call: Call, port: int, folder: Path | None, keep: bool | None) -> None:
    """Run the whole thing on the sample inbox against the sandbox, twice."""
    from connector.terminal.demo import run

    run(port, folder, keep, call.verbosity, call.json)


@main.command(epilog=_example("connector sandbox --port 8765"))
@click.option(
    "--port", type=_PORT, default=8765, show_default=True, help="Port on 127.0.0.1; 0 takes any that is free."
)
@click.option(
    "--hardened", is_flag=True, help="ServiceNow drops the sys_id that a client chooses, as some instances do."
)
@click.option(
    "--settings", default="{}", metavar="JSON|FILE", help="How the two behave: latency, limits, threads, job speed."
)
@this
def sandbox(call: Call, port: int, hardened: bool, settings: str) -> None:
    """Emulate ServiceNow and Zendesk on this machine, with a page that shows what arrived."""
    from connector.terminal.demo import serve

    serve(port, hardened, settings, call.json)


# ── every day ────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command(epilog=_example("connector check --live"))
@click.option("--live", is_flag=True, help="Ask each help desk too: rights, fields, choices, groups, clock.")
@click.pass_context
@this
def check(call: Call, context: click.Context, live: bool) -> None:
    """Say all that is wrong with settings, mappings and credentials; write nothing."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        checked = app.check(live)
    _show(call, checked, views.checked)
    context.exit(checked["exit_code"])


@main.command(epilog=_example("connector sync --source mail --limit 100"))
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Read this source only; may be repeated.")
@click.option("--sink", "sinks", multiple=True, metavar="NAME", help="Write to this sink only; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Read and render only; write nothing, here or there.")
@click.option("--limit", type=click.IntRange(min=1), help="Take in at most so many new tickets of each source.")
@click.option("--max-seconds", type=click.FloatRange(min=0, min_open=True), help="Begin nothing new after so long.")
@click.option(
    "--watch",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Run again so long after each end, until told to stop; a line tells of each run, with --json a line of JSON.",
)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the figures of each run there, for Prometheus.",
)
@click.pass_context
@this
def sync(
    call: Call, context: click.Context, /, dry_run: bool, watch: float | None, metrics: Path | None, **asked: Any
) -> None:
    """Read every channel and bring every help desk up to date."""
    from connector.terminal import views, watching
    from connector.terminal.progress import progress

    if watch is not None and dry_run:
        raise click.UsageError("a dry run happens once: leave out --watch")
    with _open(call, reads_only=dry_run) as app, call.patient():
        app.metrics = metrics or app.metrics
        if watch is not None:
            watching.watch(app, call, watch, asked)
            return
        with progress(call.quiet) as told:
            report = app.sync(dry_run=dry_run, progress=told, **asked)
    _show(call, report.document(), views.sync)
    for name, error in report.failures:
        click.echo(fold(f"connector: {told_of(name, str(error))}"), err=True)
    context.exit(report.exit_code)


@main.command(epilog=_example("connector serve --try"))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; TLS is the proxy's.")
@click.option("--port", type=_PORT, default=8780, show_default=True, help="Port; 0 takes any that is free.")
@click.option("--try", "trying", is_flag=True, help="Show a help button for trying it, at an address of its own.")
@this
def serve(call: Call, host: str, port: int, trying: bool) -> None:
    """Take what buttons and bots post; `sync` makes tickets of it."""
    from connector.terminal.doors import serve

    with _open(call) as app, call.patient():
        serve(app, call, host, port, trying)


@main.command(epilog=_example("connector status --strict"))
@click.option("--strict", is_flag=True, help="Exit with 1 if anything waits for a person.")
@click.pass_context
@this
def status(call: Call, context: click.Context, strict: bool) -> None:
    """Show queues, last runs, and what waits for a person."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        facts = app.status(strict)
    _show(call, facts, views.status)
    context.exit(facts["exit_code"])


@main.command(epilog=_example("connector explain button:c-1001"))
@click.argument("ticket")
@this
def explain(call: Call, ticket: str) -> None:
    """Show every step of one ticket, and where the value of each field came from."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        facts = app.explain(ticket)
    _show(call, facts, views.explain)


@main.command(epilog=_example("connector report --by month --html report.html"))
@click.option("--since", type=Day(), metavar="DATE", help="First day; some periods before the last one by default.")
@click.option("--until", type=Day(), metavar="DATE", help="Last day; today by default.")
@click.option("--by", type=click.Choice(["day", "week", "month"]), default="week", show_default=True, help="Period.")
@click.option("--zone", default="UTC", show_default=True, metavar="NAME", help="Where days begin: Europe/Berlin.")
@click.option("--people/--no-people", default=True, help="Name analysts, or leave people out.")
@click.option("--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write a page with plots here.")
@this
def report(
    call: Call, since: date | None, until: date | None, by: str, zone: str, people: bool, page: Path | None
) -> None:
    """Show how many tickets came, how soon they were answered and solved, and how content people were."""
    from connector.terminal import reporting

    with _open(call, reads_only=True) as app:
        facts = reporting.facts(app, by, since, until, zone, people)
    if page is not None:
        reporting.write(facts, page)
    if call.json or page is None:
        _show(call, facts, reporting.show)


# ── what a person may do about a held ticket ─────────────────────────────────────────────────────────────────────


def _act(call: Call, action: str, *args: Any, **kwargs: Any) -> None:
    from connector.terminal import views

    with _open(call) as app:
        done = getattr(app.actions, action)(*args, **kwargs)
    _show(call, done, views.moved)


@main.command(epilog=_example("connector retry mail:4711"))
@names
@this
def retry(call: Call, tickets: tuple[str, ...]) -> None:
    """Make what waits of these tickets due now, or read again what was rejected."""
    _act(call, "retry", tickets)


@main.command(epilog=_example("connector release mail:4711"))
@names
@this
def release(call: Call, tickets: tuple[str, ...]) -> None:
    """Let blocked deliveries go on, once what blocked them is mended."""
    _act(call, "release", tickets)


@main.command(epilog=_example("connector confirm mail:4711 --sent INC0010023"))
@click.argument("ticket")
@click.option("--sent", metavar="REMOTE_ID", help="You found it there, under this number or id.")
@click.option("--absent", is_flag=True, help="You looked, and it is not there: send it.")
@this
def confirm(call: Call, ticket: str, sent: str | None, absent: bool) -> None:
    """Settle an unsure delivery by what you saw at the help desk."""
    if bool(sent) == absent:
        raise click.UsageError("say either --sent REMOTE_ID or --absent")
    _act(call, "confirm", ticket, sent=sent, absent=absent)


@main.command(epilog=_example("connector drop mail:4711"))
@names
@this
def drop(call: Call, tickets: tuple[str, ...]) -> None:
    """Give up what is still waiting of these tickets, or records that were rejected."""
    _act(call, "drop", tickets)


@main.command(epilog=_example("connector replan --all"))
@click.argument("tickets", nargs=-1, metavar="[TICKET...]")
@click.option("--all", "everything", is_flag=True, help="All tickets of which something has not been sent yet.")
@this
def replan(call: Call, tickets: tuple[str, ...], everything: bool) -> None:
    """Apply the mapping as it is now to what has not been sent yet."""
    if bool(tickets) == everything:
        raise click.UsageError("say either which tickets or --all")
    _act(call, "replan", tickets)


# ── outages ──────────────────────────────────────────────────────────────────────────────────────────────────────


@main.group()
def problems() -> None:
    """See and change which tickets are one outage."""


def _outage(call: Call, action: str, *args: Any, **kwargs: Any) -> None:
    from connector.terminal import problem_views

    with _open(call) as app:
        done = getattr(app.outages, action)(*args, **kwargs)
    _show(call, done, problem_views.done)


@problems.command("list", epilog=_example("connector problems list"))
@click.option("--all", "everything", is_flag=True, help="Those that are over or refused too.")
@this
def problems_list(call: Call, everything: bool) -> None:
    """Show outages that are suggested or open, and why their tickets belong together."""
    from connector.terminal import problem_views

    with _open(call, reads_only=True) as app:
        found = app.outages.listed(everything)
    _show(call, found, problem_views.listed)


@problems.command("open", epilog=_example("connector problems open button:c-1001 mail:4711"))
@names
@click.option("--title", default="", help="What is wrong, in a few words; else those of a report.")
@this
def problems_open(call: Call, tickets: tuple[str, ...], title: str) -> None:
    """Open a problem with these tickets."""
    _outage(call, "open", tickets, title)


@problems.command("link", epilog=_example("connector problems link PRB0040012 mail:4711"))
@click.argument("problem")
@names
@this
def problems_link(call: Call, problem: str, tickets: tuple[str, ...]) -> None:
    """Let these tickets belong to a problem."""
    _outage(call, "link", problem, tickets)


@problems.command("unlink", epilog=_example("connector problems unlink mail:4711"))
@names
@this
def problems_unlink(call: Call, tickets: tuple[str, ...]) -> None:
    """Take these tickets out of their problem; they stay out."""
    _outage(call, "unlink", tickets)


@problems.command("merge", epilog=_example("connector problems merge PRB0040013 PRB0040012"))
@click.argument("problem")
@click.argument("into")
@this
def problems_merge(call: Call, problem: str, into: str) -> None:
    """Make one problem of two: the first ends as a duplicate of the second."""
    _outage(call, "merge", problem, into)


@problems.command("accept", epilog=_example("connector problems accept 4f1c"))
@click.argument("problem")
@this
def problems_accept(call: Call, problem: str) -> None:
    """Open a problem that was suggested."""
    _outage(call, "accept", problem)


@problems.command("refuse", epilog=_example("connector problems refuse 4f1c"))
@click.argument("problem")
@this
def problems_refuse(call: Call, problem: str) -> None:
    """Say that what was suggested is no outage."""
    _outage(call, "refuse", problem)


@problems.command("resolve", epilog=_example('connector problems resolve PRB0040012 --notes "Index rebuilt"'))
@click.argument("problem")
@click.option("--notes", default="", help="How it was resolved.")
@click.option("--code", default="", help="The help desk's own code for that.")
@this
def problems_resolve(call: Call, problem: str, notes: str, code: str) -> None:
    """Resolve a problem at the help desk; its incidents follow."""
    _outage(call, "resolve", problem, notes, code)


# ── mappings and the ledger ──────────────────────────────────────────────────────────────────────────────────────


@main.group()
def mapping() -> None:
    """Check, try and explore the mappings."""


@mapping.command("check", epilog=_example("connector mapping check"))
@this
def mapping_check(call: Call) -> None:
    """Say all that is wrong with the mappings."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        facts = app.mappings()
    _show(call, facts, views.mappings)


@mapping.command("preview", epilog=_example("connector mapping preview button:c-1001"))
@click.argument("ticket", metavar="TICKET|FILE")
@click.option("--sink", metavar="NAME", help="Render for this sink, whatever the routes say.")
@click.pass_context
@this
def mapping_preview(call: Call, context: click.Context, ticket: str, sink: str | None) -> None:
    """Show what a ticket, or a record in a file, would become; send nothing."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        facts = app.preview(ticket, sink)
    _show(call, facts, views.preview)
    context.exit(facts["exit_code"])


@mapping.command("fields", epilog=_example("connector mapping fields servicenow"))
@click.argument("sink", required=False)
@this
def mapping_fields(call: Call, sink: str | None) -> None:
    """List what a mapping may read of a ticket, or write to a sink."""
    from connector.terminal import views

    with _open(call, reads_only=True) as app:
        facts = app.fields(sink)
    _show(call, facts, views.known)


@mapping.command("schema", epilog=_example("connector mapping schema > mapping.schema.json"))
def mapping_schema() -> None:
    """Print the JSON Schema of mappings, for editors that complete and check as you type."""
    from connector.mapping import schema
    from connector.terminal import screen

    screen.document(schema())


@main.group()
def ledger() -> None:
    """Look after the database."""


@ledger.command("backup", epilog=_example("connector ledger backup /var/backups/connector.db"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@this
def ledger_backup(call: Call, file: Path) -> None:
    """Copy the ledger to a file, while others go on working."""
    with _open(call) as app:
        app.ledger.backup(file)
    _show(call, {"written": str(file)}, lambda facts: click.echo(f"Written to {facts['written']}."))


@ledger.command("restored", epilog=_example("connector ledger restored"))
@this
def ledger_restored(call: Call) -> None:
    """Say that the ledger came from a backup: what it may have sent since is looked up before it is sent."""
    with _open(call) as app:
        unsure = app.ledger.restored()
    told = "Deliveries that are looked up before they are sent again"
    _show(call, {"unsure": unsure}, lambda facts: click.echo(f"{told}: {facts['unsure']}."))


@ledger.command("vacuum", epilog=_example("connector ledger vacuum"))
@this
def ledger_vacuum(call: Call) -> None:
    """Give the space of what is no longer kept back to the disk."""
    with _open(call) as app:
        app.ledger.vacuum()
    _show(call, {"done": True}, lambda facts: click.echo("Done."))


@ledger.command("copy", epilog=_example("connector ledger copy postgresql+psycopg://connector@db/connector"))
@click.argument("target", metavar="URL")
@this
def ledger_copy(call: Call, target: str) -> None:
    """Move the ledger to another database, which must be empty; this one is refused from then on."""
    from connector.terminal import views
    from connector.terminal.progress import progress

    with _open(call) as app, progress(call.quiet) as told:
        facts = app.ledger.copy(target, told)
    _show(call, facts, views.copied)


# ── besides ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@main.command(epilog=_example("connector version"))
@this
def version(call: Call) -> None:
    """Print the version."""
    import importlib.metadata

    number = importlib.metadata.version("connector")
    _show(call, {"version": number}, lambda facts: click.echo(f"connector {facts['version']}"))
