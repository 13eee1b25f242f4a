"""Every payload of the corpus reads as `bot.expected.json` says; any other is read or refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.contract.source import keeps_the_rules
from connector.errors import SettingsError
from connector.phi import shield
from connector.plugins import Counted, Reading, Record, Rejected, SourceTools
from connector.routing import Route, choose
from connector.sources.chatbot import Chatbot, ChatbotSettings
from connector.sources.chatbot.dialects import DIALECTS
from connector.sources.chatbot.source import Platform
from connector.sources.chatbot.words import BUILT_IN, Words
from connector.sources.issue_types import meant_by, table
from connector.ticket import Outcome, Ticket
from tests.fuzz.bot import target
from tests.fuzz.inputs import made
from tests.fuzz.trial import tried

CORPUS = Path(__file__).parents[2] / "corpus" / "bot"
EXPECTED: list[dict[str, Any]] = json.loads(CORPUS.with_name("bot.expected.json").read_text("utf-8"))
USUAL: Mapping[str, Any] = {
    "slots": {},
    "articles": [],
    "context": {},
    "sort": ["incident", "break_fix"],
    "phi": [],
    "records": [],
    "weight": ["user", "medium", None],
    "confidence": None,
    "intent": "",
    "timed": True,
    "requester": {},
}


def bot(**more: Any) -> Chatbot:
    known = {"type": "chatbot", "path": ".", "timezone": "America/Chicago", "quiet": 0, "unfinished_line_after": 0}
    return Chatbot("bot", ChatbotSettings.model_validate({**known, **more}), SourceTools(CORPUS))


@cache
def records() -> Mapping[str, Record]:
    return {record.place: record for page in bot().pages({}) for record in page.records}


def read(place: str, **more: Any) -> Reading:
    return bot(**more).read(records()[place])


def ticket(place: str, **more: Any) -> Ticket:
    reading = read(place, **more)
    assert isinstance(reading, Ticket), reading
    return reading


def facts(ticket: Ticket) -> dict[str, Any]:
    talk = ticket.conversation
    assert talk is not None
    return {
        "platform": talk.platform,
        "id": talk.id,
        "summary": ticket.summary,
        "intent": talk.intent,
        "confidence": talk.confidence,
        "slots": dict(talk.slots),
        "articles": [article.title for article in talk.articles],
        "turns": [f"{turn.speaker}: {turn.text}" for turn in talk.turns],
        "timed": all(turn.at for turn in talk.turns),
        "requester": ticket.requester.model_dump(mode="json", exclude_defaults=True),
        "context": ticket.context.model_dump(mode="json", exclude_defaults=True),
        "sort": [ticket.kind, ticket.category],
        "weight": [ticket.impact, ticket.urgency, ticket.patient_care],
        "phi": sorted(ticket.phi.model_dump(exclude_defaults=True)),
        "records": [str(record) for record in ticket.records],
    }


# ── the corpus ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_payload_is_expected_and_every_expected_one_is_found() -> None:
    assert sorted(records()) == [row["place"] for row in EXPECTED]
    assert len({place.partition("#")[0].partition(":")[0] for place in records()}) >= 60


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: row["place"])
def test_a_payload_reads_as_expected(row: Mapping[str, Any]) -> None:
    reading = read(row["place"])
    assert type(reading).__name__.lower() == row["reading"], reading
    if isinstance(reading, Rejected):
        assert (reading.finding.code, reading.finding.where) == (row["finding"], row["place"])
    elif isinstance(reading, Counted):
        assert reading.reason == row["reason"]
    else:
        assert isinstance(reading, Ticket)
        assert facts(reading) == {**USUAL, **{name: row[name] for name in row if name not in ("place", "reading")}}
        keeps_the_rules(records()[row["place"]], reading, "bot")


def test_every_platform_hands_on_resolves_and_is_counted() -> None:
    platforms = {dialect.PLATFORM for dialect in DIALECTS}
    assert {row["platform"] for row in EXPECTED if "platform" in row} == platforms
    assert {row["reason"] for row in EXPECTED if "reason" in row} == {"resolved", "abandoned", "open"}
    assert set(get_args(Platform)) == {"auto", *platforms}


def test_each_hand_off_has_an_id_of_its_own() -> None:
    whole = ("lex2-log.ndjson:2", "lex2-cloudwatch.json")  # one turn of a talk, and the talk
    ids = {row["place"]: ticket(row["place"]).external_id for row in EXPECTED if row["reading"] == "ticket"}
    assert ids[whole[0]] == ids[whole[1]]
    assert len(set(ids.values())) == len(ids) - 1


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", [row for row in EXPECTED if "platform" in row], ids=lambda row: row["place"])
def test_a_fixed_dialect_reads_its_own_and_nothing_else(row: Mapping[str, Any]) -> None:
    assert facts(ticket(row["place"], dialect=row["platform"])) == facts(ticket(row["place"]))
    other = "rasa" if row["platform"] != "rasa" else "slack"
    refused = read(row["place"], dialect=other)
    assert isinstance(refused, Rejected)
    assert refused.finding.code == "not-a-talk"


def test_a_site_names_go_before_the_built_in_ones() -> None:
    assert read("es-live-agent.json", ignore=["live agent handoff"]) == Counted("open")
    assert read("es-live-agent.json", resolve=["liveAgentHandoff"]) == Counted("resolved")
    assert isinstance(read("es-end-interaction.json", escalate=["Bye"]), Ticket)
    assert read("cx-end.json", abandon=["endInteraction"]) == Counted("abandoned")
    assert read("lex2-fulfilled.json", ignore=["Fulfilled.Close"]) == Counted("open")
    assert isinstance(read("lex2-fulfilled.json", escalate=["ResetPassword.Fulfilled"]), Ticket)


@pytest.mark.parametrize("place", ["cx-success.json", "bf-end-completed.json", "messenger-postback.json"])
def test_a_resolved_talk_makes_a_ticket_where_the_site_asks_for_it(place: str) -> None:
    made = ticket(place, make_ticket_on=["resolved"])
    assert made.conversation
    assert made.conversation.outcome is Outcome.RESOLVED


def test_intents_say_what_sort_of_ticket_it_is() -> None:
    own = {"report problem": {"kind": "request", "category": "maintenance"}}
    assert facts(ticket("cx-live-agent.json", issue_types=own))["sort"] == ["request", "maintenance"]


def test_intent_and_slots_bring_it_to_the_right_group() -> None:
    routes = (
        Route(when={"conversation.intent": "*printing*"}, group="Printing and Labels"),
        Route(when={"conversation.slots.skill": "devices"}, group="Desktop and Devices"),
        Route(when={"context.application": "Willow*"}, group="EHR Pharmacy"),
        Route(sink="zendesk"),
    )
    groups = {
        place: choose(routes, ticket(place)).group
        for place in ("copilot-handoff.json", "bf-teams-handoff.json", "es-talk.json", "rasa-paused.json")
    }
    assert list(groups.values()) == ["Printing and Labels", "Desktop and Devices", "EHR Pharmacy", ""]


def test_ids_from_telephone_numbers_cannot_be_guessed_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_IDS", "a secret of this site")
    plain, keyed = ticket("rasa-handoff.json"), ticket("rasa-handoff.json", id_key="env:BOT_IDS")
    assert plain.external_id != keyed.external_id
    assert keyed.external_id == ticket("rasa-handoff.json", id_key="env:BOT_IDS").external_id
    monkeypatch.setenv("BOT_IDS", "another")
    assert ticket("rasa-handoff.json", id_key="env:BOT_IDS").external_id != keyed.external_id
    monkeypatch.delenv("BOT_IDS")
    with pytest.raises(SettingsError, match="BOT_IDS"):
        bot(id_key="env:BOT_IDS")


def test_a_patient_in_the_slots_stays_in_the_compartment() -> None:
    shielded = shield(ticket("rasa-weight-and-patient.json"))
    assert (shielded.phi.name, shielded.phi.mrn) == ("Ann Bee", "00481516")
    assert "481516" not in shielded.model_dump_json(exclude={"phi"})


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ReportMissingChoice", "feedback"),
        ("missing choice", "feedback"),
        ("hardware_problem", "incident"),
        ("access.problem", "incident"),
        ("EquipmentRequest", "request"),
        ("how_to_report_an_error", "request"),
        ("Maintenance", "request"),
        ("chitchat", None),
        ("", None),
    ],
)
def test_an_intent_speaks_of_an_issue_type(name: str, kind: str | None) -> None:
    found = meant_by(name, table({}))
    assert (found.kind if found else None) == kind


@given(st.sampled_from([(outcome, name) for outcome, names in BUILT_IN.items() for name in names]), st.data())
def test_a_built_in_name_is_known_in_any_spelling(entry: tuple[Outcome, str], data: st.DataObject) -> None:
    outcome, name = entry
    spelt = "".join(data.draw(st.sampled_from([sign.lower(), sign.upper(), f" {sign}", f"{sign}-"])) for sign in name)
    assert Words({}).outcome(spelt) is outcome
    assert Words({}).outcome("something else", spelt, "resolved") in (outcome, Outcome.RESOLVED)
    assert Words({}).outcome(spelt, "escalate") is Outcome.ESCALATED
    assert Words({}, ignore=[spelt]).outcome(name) is None


def test_no_name_is_built_in_twice() -> None:
    names = [name for listed in BUILT_IN.values() for name in listed]
    assert len({name.lower().replace("_", "").replace(".", "").replace(":", "") for name in names}) == len(names)


# ── any input ────────────────────────────────────────────────────────────────────────────────────────────────────

SAID = [path.read_text("utf-8", "replace").split('"')[1::2] for path in CORPUS.iterdir()]
KEYS = sorted({word for words in SAID for word in words if word.isidentifier()})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["message", "event", "user", "handoff.initiate", "2026-03-02T10:00:00Z", "1772450000.1"]),
    lambda deeper: st.lists(deeper, max_size=4) | st.dictionaries(st.sampled_from(KEYS), deeper, max_size=6),
    max_leaves=30,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(VALUES)
def test_any_document_is_read_or_refused_by_name(document: object) -> None:
    source = bot()
    for record in source.split(Record("any.json", json.dumps(document).encode(), 1.0)):
        keeps_the_rules(record, source.read(record), "bot")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from([path for path in sorted(CORPUS.iterdir()) if path.suffix == ".json"]), st.data())
def test_a_known_shape_with_a_foreign_value_anywhere_is_read_or_refused(path: Path, data: st.DataObject) -> None:
    document = json.loads(path.read_text("utf-8"))
    holder, steps = document, data.draw(st.lists(st.integers(0, 40), min_size=1, max_size=9))
    for step in steps:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            break
        key = keys[step % len(keys)]
        if step is steps[-1] or not isinstance(holder[key], dict | list):
            holder[key] = data.draw(VALUES)
            break
        holder = holder[key]
    source = bot()
    for record in source.split(Record("any.json", json.dumps(document).encode(), 1.0)):
        keeps_the_rules(record, source.read(record), "bot")


def test_damaged_input_is_read_or_refused() -> None:
    reader = target()
    for number in range(60):
        assert tried(reader, made(reader.samples, 7, number)).total() >= 1


@pytest.mark.parametrize(
    "turn",
    [
        {"session": "sessions/x", "queryResult": {"queryText": "a", "intent": {"displayName": "agent_request"}}},
        {"sessionId": "s", "interpretations": [{"intent": {"name": "agent_request", "slots": {"a": {}}}}]},
        {"type": "event_callback", "event": {"type": "message", "ts": "1.1", "text": "<" * 50, "channel": "D"}},
        {"type": "message", "text": "<at>" * 50, "from": {"role": "user"}, "conversation": {"id": "c"}},
    ],
)
def test_a_log_of_many_turns_and_sessions_is_read_whole(turn: dict[str, Any]) -> None:
    document = [{**turn, "responseId": str(n), "timestamp": n, "session": f"s{n % 70}"} for n in range(600)]
    source = bot()
    found = list(source.split(Record("many.json", json.dumps(document).encode(), 1.0)))
    assert 1 <= len(found) <= 600
    assert all(isinstance(source.read(record), Ticket | Counted | Rejected) for record in found)


def test_a_record_reads_the_same_whether_it_was_just_taken_apart_or_not() -> None:
    source, other = bot(), bot()
    for record in list(source.split(records()["es-two-sessions.json#1"])):
        assert source.read(record) == other.read(record)
