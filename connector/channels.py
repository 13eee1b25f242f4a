"""The ways in which people are told, built from the settings; and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from connector import config
from connector.answering import Answers, Smtp, Way, mailbox
from connector.clock import Clock
from connector.engine.answer import STAFF, sink_of
from connector.engine.wiring import Answering, Inlet, Outlet
from connector.errors import Finding, SettingsError
from connector.ledger import deliveries, telling
from connector.ledger.database import Database
from connector.limits import Limiter
from connector.mapping import messages
from connector.mapping.load import bare
from connector.messengers.messenger import Messenger
from connector.messengers.own import ByTheSource
from connector.messengers.posts import ByBotFramework, ByCallback, ByPost, BySlack
from connector.messengers.smtp import ByMail
from connector.plugins import Clearance, Notifies, Secret, SinkTools
from connector.yamlfile import suggestion

MAIL = "email"  # the type of source that answers to our mail come to

_STAFF_PER_HOUR = 1000

_POSTS: Mapping[str, type[ByPost]] = {
    "callback": ByCallback,
    "slack": BySlack,
    "bot_framework": ByBotFramework,
    "webhook": ByPost,
}


def answering(
    settings: config.Settings, db: Database, inlets: Mapping[str, Inlet], clock: Clock, reads_only: bool
) -> Answering | None:
    """How people are told, or None where the settings say of nobody. Raises SettingsError with every finding."""
    answers = settings.answers
    if not answers.sources and not _tells_staff(settings):
        return None
    own = _own(settings, answers)
    findings = [*_strangers(answers, inlets), *_loops(answers, settings), *_unheard(settings)]
    try:
        texts = messages.load(settings.base / answers.messages)
    except SettingsError as error:
        findings += error.findings
    if findings:
        raise SettingsError(findings)
    ways = {inlets[name].id: way for name, way in answers.sources.items()}
    made = {inlets[name].id: inlets[name] for name in answers.sources}
    outlets = [_outlet(settings, db, made[ident], way, clock) for ident, way in ways.items()]
    if _tells_staff(settings) and answers.smtp is not None:
        outlets.append(_staff(settings, db, answers.smtp, clock))
    return Answering(
        settings=answers,
        messages=texts,
        ways=ways,
        outlets={outlet.name: outlet for outlet in outlets},
        own=own,
        mailboxes=[inlet.id for inlet in inlets.values() if inlet.kind == MAIL],
        secret=telling.survey_secret(db) if answers.survey and not reads_only else b"",
    )


def _outlet(settings: config.Settings, db: Database, inlet: Inlet, way: Way, clock: Clock) -> Outlet:
    tools = _tools(settings, db, sink_of(inlet.id), clock)
    return _way_out(settings, _messenger(settings.answers, inlet, way, tools), tools)


def _staff(settings: config.Settings, db: Database, smtp: Smtp, clock: Clock) -> Outlet:
    """The way to those who are told without having asked. A busy day of theirs is no loop."""
    tools = _tools(settings, db, sink_of(STAFF), clock)
    return _way_out(settings, ByMail(sink_of(STAFF), smtp, tools, _STAFF_PER_HOUR), tools)


def _tools(settings: config.Settings, db: Database, name: str, clock: Clock) -> SinkTools:
    limiter = Limiter(db, name, None, clock, settings.wait)
    return SinkTools(settings.base, clock, limiter, deliveries.remembered(db, name))


def _way_out(settings: config.Settings, told: Messenger, tools: SinkTools) -> Outlet:
    assert isinstance(tools.limiter, Limiter)  # noqa: S101 - `_tools` made it
    tools.limiter.allow(told.allowances)
    mapping = bare(settings.base / settings.answers.messages, told.table)
    return Outlet(told.name, told, mapping, Clearance.NONE, files=False, limiter=tools.limiter)


def _tells_staff(settings: config.Settings) -> bool:
    return bool(settings.audiences) or any(rule.tell for rule in settings.escalations)


def _messenger(answers: Answers, inlet: Inlet, way: Way, tools: SinkTools) -> Messenger:
    name = sink_of(inlet.id)
    if way.by == "source":
        if not isinstance(inlet.source, Notifies):
            what = f"source {inlet.name} has no way of its own of telling people"
            raise SettingsError([Finding("no-notify", f"answers.sources.{inlet.name}.by", what, "write by: mail")])
        return ByTheSource(name, inlet.source, tools, answers.per_hour)
    if way.by == "mail":
        assert answers.smtp is not None  # noqa: S101 - the settings have seen to it
        return ByMail(name, answers.smtp, tools, answers.per_hour)
    return _POSTS[way.by](name, way, tools, answers.per_hour)


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────────────────────


def missing_secrets(answers: Answers, base: Path) -> list[Finding]:
    """The secrets that are named but not there."""
    found = []
    for place, secret in _secrets(answers):
        try:
            secret.reveal(base)
        except SettingsError as error:
            found += [replace(finding, where=place) for finding in error.findings]
    return found


def _secrets(answers: Answers) -> Iterator[tuple[str, Secret]]:
    if answers.smtp is not None:
        for name in ("password", "token"):
            if (secret := getattr(answers.smtp, name)) is not None:
                yield f"answers.smtp.{name}", secret
    for source, way in answers.sources.items():
        for name in ("hmac", "token"):
            if (secret := getattr(way, name)) is not None:
                yield f"answers.sources.{source}.{name}", secret


def _own(settings: config.Settings, answers: Answers) -> frozenset[str]:
    """Our addresses: what the mail sources call their own, and whom our mail comes from."""
    listed = {
        address.strip().lower()
        for raw in settings.sources.values()
        for address in raw.get("own_addresses") or ()
        if isinstance(address, str)
    }
    return frozenset(listed | ({mailbox(answers.smtp.sender)[1]} if answers.smtp is not None else set()))


def _strangers(answers: Answers, inlets: Mapping[str, Inlet]) -> Iterator[Finding]:
    for name in answers.sources:
        if name not in inlets:
            near = suggestion(name, inlets) or f"there are: {', '.join(inlets)}"
            yield Finding("unknown-source", f"answers.sources.{name}", f'there is no source "{name[:60]}"', near)


def _unheard(settings: config.Settings) -> Iterator[Finding]:
    if settings.answers.smtp is None and _tells_staff(settings):
        what = "escalations and audiences tell people by mail, and no server is named that takes it"
        yield Finding("no-smtp", "answers.smtp", what, "name one under answers.smtp")


def _loops(answers: Answers, settings: config.Settings) -> Iterator[Finding]:
    """A mail source that does not know our address would take our own mail for a request."""
    if answers.smtp is None:
        return
    sender = answers.smtp.address
    for name, raw in settings.sources.items():
        if raw.get("type") == MAIL and sender not in {
            str(each).strip().lower() for each in raw.get("own_addresses") or ()
        }:
            what = "own_addresses does not name the address that answers come from: ours would be taken for a request"
            remedy = f"add it to own_addresses of sources.{name}"
            yield Finding("mail-loop", f"sources.{name}.own_addresses", what, remedy)
