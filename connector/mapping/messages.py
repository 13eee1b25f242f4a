"""What people are told, in the site's own words: a file for each event, read, checked as a whole, and rendered.

A template sees the ticket as a sink without clearance sees it, and `notice`: what is told besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from connector import yamlfile
from connector.answering import Event, Notice
from connector.checked import checked
from connector.errors import Finding, SettingsError
from connector.fields import shape_of
from connector.mapping.derived import NAMES, Subject
from connector.mapping.load import known_names
from connector.mapping.template_check import BadTemplate, Names, TemplateFault
from connector.mapping.templates import CannotRender, compiled
from connector.plugins import Clearance
from connector.ticket import Ticket
from connector.yamlfile import Document, suggestion

# Characters of what is told; a help desk's own words are cut before they are put in.
SUBJECT_LIMIT, TEXT_LIMIT, CHAT_LIMIT = 200, 20_000, 3_000
# Besides those of the events, the texts that go to the help desk's own people.
INTERNAL = ("escalation", "audience")

MESSAGE_NAMES: Names = {**known_names(NAMES, Clearance.NONE), "notice": shape_of(Notice)}

_Text = Callable[[Any], str]


class MessageFile(BaseModel):
    """One message as its admin writes it; each part is a template. Where `chat` is missing, bots say the `text`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str = Field(min_length=1, description="of the mail")
    text: str = Field(min_length=1, description="of the mail")
    chat: str = Field(default="", description="what a bot says, or a window in the EHR shows")


@dataclass(frozen=True, slots=True)
class Message:
    """What is told to one person, in plain text."""

    subject: str
    text: str
    chat: str


@dataclass(frozen=True, slots=True)
class _Parts:
    place: str
    subject: _Text
    text: _Text
    chat: _Text


class Messages:
    """The texts of one folder, faultless."""

    def __init__(self, parts: Mapping[str, _Parts]) -> None:
        self._parts = parts

    def render(self, ticket: Ticket, notice: Notice, facts: Mapping[str, Any]) -> Message | Finding:
        """The message about a ticket that was cleared for nobody, or what keeps it from being made."""
        parts, subject = self._parts[notice.event], _About(ticket, notice, facts)
        try:
            return Message(
                " ".join(parts.subject(subject).split())[:SUBJECT_LIMIT],
                parts.text(subject)[:TEXT_LIMIT],
                parts.chat(subject)[:CHAT_LIMIT],
            )
        except CannotRender as fault:
            return Finding("cannot-render", parts.place, fault.what, fault.remedy)
        except Exception as error:  # noqa: BLE001 - a template must never stop a run, nor its words be shown
            what = f"the message cannot be made from this ticket ({type(error).__name__})"
            return Finding("cannot-render", parts.place, what, "simplify the template")


class _About(Subject):
    """A ticket, and what is told besides."""

    def __init__(self, ticket: Ticket, notice: Notice, facts: Mapping[str, Any]) -> None:
        super().__init__(ticket, facts)
        self.notice = notice


def load(folder: Path) -> Messages:
    """The messages in a folder, one file for each event; those that are missing there are the ones that `init` writes.

    Raises SettingsError with every finding, `file:line`.
    """
    parts: dict[str, _Parts] = {}
    findings: list[Finding] = []
    known = (*(event.value for event in Event), *INTERNAL)
    with resources.as_file(resources.files("connector.templates") / "messages") as shipped:
        for name in known:
            own = folder / f"{name}.yaml"
            try:
                parts[name] = _parts(yamlfile.read(own if own.is_file() else shipped / own.name))
            except SettingsError as error:
                findings += error.findings
    findings += _strangers(folder, known)
    if findings:
        raise SettingsError(findings)
    return Messages(parts)


def _strangers(folder: Path, known: Sequence[str]) -> Iterator[Finding]:
    """A file under a name that nothing has would never be read."""
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in known:
            near = suggestion(path.stem, known) or f"there are: {', '.join(known)}"
            yield Finding("unknown-message", str(path), "no message has this name", near)


def _parts(document: Document) -> _Parts:
    file, findings = checked(MessageFile, document.data, document)
    if file is None:
        raise SettingsError(findings)
    made: list[_Text] = []
    for name, source in (("subject", file.subject), ("text", file.text), ("chat", file.chat or file.text)):
        try:
            made.append(_made(source))
        except BadTemplate as bad:
            findings += [_fault(document, name, fault, "\n" in source) for fault in bad.faults]
    if findings:
        raise SettingsError(findings)
    return _Parts(str(document.path), *made)


def _made(source: str) -> _Text:
    """A text that names nothing of the ticket is a text all the same."""
    if "{" not in source:
        return lambda subject: source.strip()
    return compiled(source, MESSAGE_NAMES)


def _fault(document: Document, name: str, fault: TemplateFault, block: bool) -> Finding:
    """The text of a block begins in the line below its name."""
    path, _, line = document.where((name,)).rpartition(":")
    return Finding(fault.code, f"{path}:{int(line) + fault.line * block}", f"{name}: {fault.what}", fault.remedy)
