"""Taking patient data out of what a ticket says, into its compartment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connector.phi.cues import PATIENT_RECORDS
from connector.phi.detect import RULES, PhiDetector
from connector.phi.exact import literal_spans
from connector.phi.known import Known, fold, known_people
from connector.phi.span import Span, joined
from connector.phi.texts import rewrite, texts
from connector.phi.tokens import TOKEN, Tokens, replaced
from connector.ticket import Ticket

RULES_VERSION = "1"
WITHHELD = "[text withheld: redaction failed]"
WITHHELD_NOTE = "Redaction failed: the text was withheld; the record keeps it."

# What was found in one place is looked for in all others. Bounded, because the work is texts times values.
MOST_REPEATED = 50
_ROUNDS = 4

# A ticket with more identifiers than this is a dump of data, not a request. Its text is withheld, which also bounds
# the work: about a second per megabyte of nothing but identifiers.
MOST_PLACES = 50_000


class Flooded(Exception):
    """There are too many places to redact."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a shielding did, without a single value: how many identifiers of each kind are in the compartment."""

    rules: str = RULES_VERSION
    removed: Mapping[str, int] = field(default_factory=dict)
    failed: bool = False


def shield(ticket: Ticket, detectors: Sequence[PhiDetector] = (RULES,)) -> Ticket:
    """The ticket with tokens (`[MRN_1]`) where its texts named a patient; the removed values are in `phi.tokens`.

    Pure, and never raises: where a detector fails, or more than `MOST_PLACES` are found, every text is replaced by a
    notice and the context is kept. A ticket without patient data comes back as the same object, and shielding twice
    is shielding once.
    """
    return shield_with_audit(ticket, detectors)[0]


def shield_with_audit(ticket: Ticket, detectors: Sequence[PhiDetector] = (RULES,)) -> tuple[Ticket, Audit]:
    """`shield`, and the account of it that may be kept and shown."""
    try:
        shielded = _shielded(_records_apart(ticket), detectors)
        kinds = Counter(token[1:].partition("_")[0] for token in shielded.phi.tokens)
        return shielded, Audit(removed=dict(kinds))
    except Exception:  # noqa: BLE001 - a detector may fail in any way, and the raw text must not leave because of it
        return _withheld(ticket), Audit(failed=True)


def _shielded(ticket: Ticket, detectors: Sequence[PhiDetector]) -> Ticket:
    said = texts(ticket)
    known = _with_note(known_people(ticket), ticket.phi.note, detectors)
    found = _found(said, known, detectors)
    if not ticket.phi.tokens and not any(found.values()):
        return ticket
    own = ticket.phi.tokens
    tokens = Tokens(own, {match[0] for text in said for match in TOKEN.finditer(text)} - own.keys())
    spans = _everywhere(found, tokens)
    changed = {text: replaced(text, places, tokens) for text, places in spans.items() if places}
    if not changed:
        return ticket
    shielded = rewrite(ticket, lambda text: changed.get(text, text))
    return shielded.model_copy(update={"phi": ticket.phi.model_copy(update={"tokens": tokens.removed()})})


def _found(said: Sequence[str], known: Known, detectors: Sequence[PhiDetector]) -> dict[str, list[Span]]:
    """The places in each text; raises Flooded where they are too many."""
    found: dict[str, list[Span]] = {}
    room = MOST_PLACES
    for text in dict.fromkeys(said):
        found[text] = [span for detector in detectors for span in detector.detect(text, known)]
        room -= len(found[text])
        if room < 0:
            raise Flooded
    return found


def _everywhere(found: Mapping[str, list[Span]], tokens: Tokens) -> dict[str, list[Span]]:
    """The places found, and every other place where one of these values, or one removed earlier, stands again."""
    spans = {text: joined(places) for text, places in found.items()}
    seen = 0
    for _ in range(_ROUNDS):
        for text, places in spans.items():
            for start, end, kind in places:
                tokens.token(kind, text[start:end])
        values = tokens.values()[:MOST_REPEATED]
        if len(values) == seen:
            break
        again = values[seen:]
        seen = len(values)
        spans = {text: joined([*places, *literal_spans(text, again)]) for text, places in spans.items()}
    return spans


def _with_note(known: Known, note: str, detectors: Sequence[PhiDetector]) -> Known:
    """What the compartment's free text names is looked for in the ticket's text, too."""
    if not note or known.patient is None:
        return known
    named = tuple(
        (span.kind, fold(note[span.start : span.end]))
        for detector in detectors
        for span in detector.detect(note, known)
    )
    return replace(known, patient=replace(known.patient, literals=known.patient.literals + named))


def _records_apart(ticket: Ticket) -> Ticket:
    """Records of a patient belong to the compartment; records of the build stay."""
    if all(record.type not in PATIENT_RECORDS for record in ticket.records):
        return ticket
    build = tuple(record for record in ticket.records if record.type not in PATIENT_RECORDS)
    patient = tuple(record for record in ticket.records if record.type in PATIENT_RECORDS)
    phi = ticket.phi.model_copy(update={"records": ticket.phi.records + patient})
    return ticket.model_copy(update={"records": build, "phi": phi})


def _withheld(ticket: Ticket) -> Ticket:
    apart = rewrite(_records_apart(ticket), lambda text: WITHHELD)
    notes = ticket.notes if WITHHELD_NOTE in ticket.notes else (*ticket.notes, WITHHELD_NOTE)
    return apart.model_copy(update={"notes": notes})
