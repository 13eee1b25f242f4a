from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector.plugins import Counted, Record, Rejected, SourceTools
from connector.sources.chatbot import Chatbot, ChatbotSettings
from connector.ticket import FileKind, Outcome, PersonKind, Ticket, fingerprint

CONVERSATION = "19:abc@thread"


def said(role: str, text: str, second: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "id": f"m{second}",
        "timestamp": f"2026-03-02T16:11:{second:02}Z",
        "channelId": "msteams",
        "conversation": {"id": CONVERSATION},
        "from": {"id": f"{role}-1", "name": "Jane Doe" if role == "user" else "Helper", "role": role},
        "text": text,
        **more,
    }


def handoff(second: int, value: Any = None, **more: Any) -> dict[str, Any]:
    event = {"type": "event", "name": "handoff.initiate", "id": f"h{second}", "value": value, **more}
    return event | {"timestamp": f"2026-03-02T16:11:{second:02}Z", "conversation": {"id": CONVERSATION}}


INTENT = {"ConversationUnderstandingDetail": {"RankedIntents": [{"IntentName": "printing", "Score": "0.83"}]}}
CARD = {
    "content": {
        "buttons": [
            {"type": "openUrl", "title": "Printer guide", "value": "https://kb.example/1"},
            {"type": "imBack", "title": "That did not help", "value": "no"},
        ]
    }
}
TROUBLE = "The label printer in 4W prints blank wristbands, see ETX 3097767"
TALK = [
    {"type": "conversationUpdate"},
    {"type": "typing", "from": {"role": "bot"}},
    said("bot", "Hi! How can I help?", 1),
    said("user", "hello", 2),
    said("user", TROUBLE, 3, channelData=INTENT),
    said("bot", "Try this", 4, attachments=[CARD]),
    said("user", "That did not help", 5),
    said("user", "/restart", 6),
    said("user", "agent please", 7),
    handoff(8, {"va_LastTopic": "Printers", "Workstation": "WS-12", "patient_name": "Ann Bee", "cost center": "77"}),
    said("bot", "Connecting you", 9),
]


def tracker(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"sender_id": "u-1", "slots": {}, "events": list(events), **more}


def heard(text: str, at: float, intent: str = "inform") -> dict[str, Any]:
    parsed = {"intent": {"name": intent, "confidence": 0.9}}
    return {"event": "user", "text": text, "timestamp": at, "parse_data": parsed}


RASA = tracker(
    {"event": "session_started", "timestamp": 100.5},
    {"event": "slot", "name": "workstation", "value": "WS-9"},
    {"event": "slot", "name": "requested_slot", "value": "x"},
    heard("pharmacy verify queue is frozen", 101.0, "report_problem"),
    {
        "event": "bot",
        "text": "Again?",
        "timestamp": 102.0,
        "data": {"buttons": [{"title": "Yes", "payload": "/affirm"}]},
    },
    heard("/affirm", 103.0, "affirm"),
    heard("talk to somebody", 104.0, "human_handoff"),
    {"event": "action", "name": "action_human_handoff", "timestamp": 105.0},
    {"event": "pause", "timestamp": 106.0},
    paused=True,
)


def bot(**settings: Any) -> Chatbot:
    made = ChatbotSettings.model_validate({"type": "chatbot", "path": "inbox", **settings})
    return Chatbot("bot", made, SourceTools(Path()))


def records(document: Any, **settings: Any) -> list[Record]:
    return list(bot(**settings).split(Record("t.json", json.dumps(document).encode(), 1.0)))


def readings(document: Any, **settings: Any) -> list[Any]:
    return [bot(**settings).read(record) for record in records(document, **settings)]


def one(document: Any, **settings: Any) -> Ticket:
    (reading,) = readings(document, **settings)
    assert isinstance(reading, Ticket), reading
    return reading


# ── Bot Framework ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hand_off_makes_a_ticket_of_the_persons_own_words() -> None:
    ticket = one(TALK)
    assert ticket.summary == TROUBLE
    lines = ticket.description.split("\n")
    assert lines[0] == TROUBLE
    assert lines[3:] == [
        "bot, 2026-03-02 16:11:01 UTC: Hi! How can I help?",
        f"user, 2026-03-02 16:11:03 UTC: {TROUBLE}",
        "bot, 2026-03-02 16:11:04 UTC: Try this",
        "user, 2026-03-02 16:11:07 UTC: agent please",
    ]
    assert [str(record) for record in ticket.records] == ["ETX 3097767"]
    assert (ticket.requester.name, ticket.requester.id) == ("Jane Doe", "user-1")
    assert ticket.context.workstation == "WS-12"


def test_the_talk_is_kept() -> None:
    conversation = one(TALK).conversation
    assert conversation
    assert (conversation.id, conversation.platform) == (CONVERSATION, "copilot_studio")
    assert (conversation.intent, conversation.confidence) == ("printing", 0.83)
    assert conversation.slots == {"cost_center": "77"}
    assert [(article.title, article.url) for article in conversation.articles] == [
        ("Printer guide", "https://kb.example/1")
    ]
    assert conversation.outcome is Outcome.ESCALATED
    assert [turn.text for turn in conversation.turns][-1] == "agent please"
    (transcript,) = one(TALK).attachments
    assert (transcript.name, transcript.kind) == ("transcript.txt", FileKind.LOG)
    assert b"hello" in (transcript.content or b"")


def test_a_slot_about_the_patient_is_in_the_compartment_only() -> None:
    ticket = one(TALK)
    assert ticket.phi.name == "Ann Bee"
    assert "Ann Bee" not in ticket.model_dump_json(exclude={"phi"})


@pytest.mark.parametrize(
    "wrapped",
    [
        {"transcript": TALK},
        {"activities": TALK, "watermark": "12"},
        {"name": "c_b", "content": json.dumps({"activities": TALK})},
        {"Name": "c_b", "Content": {"activities": TALK}},
        handoff(
            8, TALK[-2]["value"], channelId="msteams", attachments=[{"name": "x", "content": {"activities": TALK[:-2]}}]
        ),
    ],
)
def test_wrappings_say_the_same(wrapped: Any) -> None:
    assert fingerprint(one(wrapped)) == fingerprint(one(TALK))
    assert one(wrapped).external_id == one(TALK).external_id


def test_a_byte_order_mark_is_no_trouble() -> None:
    data = b"\xef\xbb\xbf" + json.dumps(TALK).encode()
    assert isinstance(bot().read(Record("t.transcript", data)), Ticket)


def test_what_is_said_after_the_hand_off_changes_nothing() -> None:
    later = one([*TALK, said("agent", "This is Bob", 20)])
    assert fingerprint(later) == fingerprint(one(TALK))


def test_each_hand_off_is_a_record_and_a_ticket_of_its_own() -> None:
    twice = [*TALK, said("user", "And my password expired, I cannot log in", 30), handoff(31)]
    assert [record.place for record in records(twice)] == ["t.json", "t.json#2"]
    first, second = readings(twice)
    assert fingerprint(first) == fingerprint(one(TALK))
    assert first.external_id == one(TALK).external_id != second.external_id
    assert second.summary == "And my password expired, I cannot log in"
    assert TROUBLE not in second.description


def test_a_hand_off_said_twice_is_one() -> None:
    assert one([*TALK, handoff(20, {"summary": "ignored"}), handoff(21)]).external_id == one(TALK).external_id


def test_the_bots_summary_stands_where_the_person_said_nothing() -> None:
    ticket = one([handoff(1, {"va_Phrases": ["printer is dead"]})])
    assert (ticket.summary, ticket.description) == ("printer is dead", "printer is dead")


def test_a_hand_off_without_a_word_is_a_ticket_all_the_same() -> None:
    assert "without a word" in one([handoff(1)]).summary


def test_two_talks_without_an_id_are_two() -> None:
    talk = [{"type": "message", "text": "help me with the printer"}, {"type": "event", "name": "handoff.initiate"}]
    source, data = bot(), json.dumps(talk).encode()
    ids = {source.read(Record(place, data)).external_id for place in ("a.json", "b.json")}  # type: ignore[union-attr]
    assert len(ids) == 2


def test_messages_are_ordered_by_time_where_all_have_one() -> None:
    first, second = (
        said("user", "first thing that was said in here", 1),
        said("user", "second thing that was said in here", 2),
    )
    assert one([second, first, handoff(3)]).summary == "second thing that was said in here"
    late, early = (
        said("user", "third thing that was said in here", 5),
        said("user", "first thing that was said in here", 1),
    )
    timeless = {"type": "message", "from": {"role": "user"}, "text": "no time is known for this here"}
    assert one([late, timeless, early, handoff(6)]).summary == "first thing that was said in here"


@pytest.mark.parametrize(
    "talk",
    [
        [("user", "The scanner is dead"), ("bot", "Which one?"), ("user", "the one at the desk in 4 West")],
        [("bot", "Hello, how can I help?"), ("user", "The scanner is dead"), ("bot", "Sorry."), ("user", "yes please")],
        [("user", "The scanner is dead"), ("bot", "Your e-mail address?"), ("user", "jane.doe@north-hospital.example")],
        [("user", "The scanner is dead"), ("bot", "Read this."), ("user", "no change")],
        [
            ("user", "hi"),
            ("bot", "What is wrong?"),
            ("user", "The scanner is dead"),
            ("user", "can I talk to a human please"),
        ],
    ],
)
def test_answers_are_not_the_problem(talk: list[tuple[str, str]]) -> None:
    entries = [said(role, text, second) for second, (role, text) in enumerate(talk, 1)]
    assert one([*entries, handoff(30)]).summary == "The scanner is dead"


def test_the_later_problem_is_the_one_that_was_handed_on() -> None:
    first, later = "The scanner in 3 East does not beep", "Now my whole session has been frozen for minutes"
    talk = [said("user", first, 1), said("bot", "Try again.", 2), said("user", later, 3)]
    assert one([*talk, handoff(4)]).summary == later


def test_an_open_question_asks_for_the_problem() -> None:
    talk = [
        said("user", "printer trouble", 1),
        said("bot", "What happens?", 2),
        said("user", "it prints every label twice now", 3),
    ]
    assert one([*talk, handoff(4)]).summary == "it prints every label twice now"


def test_files_that_stay_with_the_bot_are_told() -> None:
    sent = said("user", "", 1, attachments=[{"contentType": "image/png", "contentUrl": "https://x.example/1"}])
    assert "files were sent" in one([sent, handoff(2)]).description


EXPORT = [
    {"type": "message", "from": {"id": "h", "role": 1}, "timestamp": 1_700_000_000, "text": "badge reader is broken"},
    {"type": "message", "from": {"id": "b", "role": 0}, "timestamp": 1_700_000_001, "text": "sorry"},
    {"type": "trace", "valueType": "VariableAssignment", "value": {"name": "Global.Ward", "newValue": "4W"}},
    {"type": "trace", "valueType": "IntentRecognition", "value": {"topicName": "Badges"}},
]


def session(outcome: str) -> dict[str, Any]:
    return {"type": "trace", "valueType": "SessionInfo", "value": {"outcome": outcome}}


def test_the_rows_of_an_export_are_talks() -> None:
    rows = [
        {"name": f"c{n}_bot", "content": json.dumps({"activities": [*EXPORT, session(outcome)]})}
        for n, outcome in enumerate(("Escalated", "Resolved", "Abandoned", "None"))
    ]
    for document in (rows, {"value": rows}):
        ticket, *others = readings(document)
        assert [turn.speaker for turn in ticket.conversation.turns] == ["user", "bot"]
        assert (ticket.conversation.id, ticket.conversation.intent) == ("c0", "Badges")
        assert ticket.conversation.slots == {}
        assert ticket.context.location.unit == "4W"
        assert others == [Counted("resolved"), Counted("abandoned"), Counted("open")]


def test_other_outcomes_make_tickets_where_the_site_says_so() -> None:
    ticket = one([*EXPORT, session("Abandoned")], make_ticket_on=["escalated", "abandoned"])
    assert ticket.conversation
    assert ticket.conversation.outcome is Outcome.ABANDONED
    assert readings(TALK, make_ticket_on=["abandoned"]) == [Counted("escalated")]


# ── Rasa ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tracker_makes_a_ticket() -> None:
    ticket = one(RASA)
    assert ticket.summary == "pharmacy verify queue is frozen"
    assert "/affirm" not in ticket.description
    assert ticket.context.workstation == "WS-9"
    assert ticket.conversation
    assert (ticket.conversation.platform, ticket.conversation.intent) == ("rasa", "report_problem")
    assert (ticket.conversation.confidence, ticket.conversation.slots) == (0.9, {})


@pytest.mark.parametrize(
    "ending",
    [
        {"event": "action", "name": "action_human_handoff", "timestamp": 9},
        {"event": "action", "name": "Action Create Ticket", "timestamp": 9},
        {"event": "pause", "timestamp": 9},
        heard("human", 9, "human_handoff"),
    ],
)
def test_hand_offs_of_rasa(ending: dict[str, Any]) -> None:
    assert one(tracker(heard("the scanner in 3E beeps", 1), ending)).summary == "the scanner in 3E beeps"


def test_a_paused_tracker_was_handed_on() -> None:
    assert isinstance(one(tracker(heard("x y z", 1), paused=True)), Ticket)


def test_hand_offs_are_numbered_in_their_session() -> None:
    def round_of(at: float) -> list[dict[str, Any]]:
        return [
            {"event": "session_started", "timestamp": at},
            heard(f"trouble number {at}", at + 1),
            {"event": "pause", "timestamp": at + 2},
            heard(f"more trouble {at}", at + 3),
            {"event": "pause", "timestamp": at + 4},
        ]

    tickets = readings(tracker(*round_of(10), *round_of(20)))
    assert len({ticket.external_id for ticket in tickets}) == 4
    assert [ticket.external_id for ticket in readings(tracker(*round_of(20)))] == [t.external_id for t in tickets[2:]]
    assert [ticket.external_id for ticket in readings(tracker(*round_of(10)))] == [t.external_id for t in tickets[:2]]


def test_slots_without_events_are_taken_from_the_tracker() -> None:
    ticket = one(
        tracker(
            heard("frozen screen", 1), paused=True, slots={"email": "j@x.example", "mrn": "0077", "n": 4, "u": None}
        )
    )
    assert ticket.requester.email == "j@x.example"
    assert ticket.phi.mrn == "0077"
    assert ticket.conversation
    assert ticket.conversation.slots == {"n": "4"}


def test_a_site_names_its_own_markers() -> None:
    talk = tracker(heard("the fax is down", 1), {"event": "action", "name": "call_bob"})
    assert readings(talk) == [Counted("open")]
    assert isinstance(one(talk, escalate=["call_bob"]), Ticket)
    assert readings(talk, resolve=["call_bob"]) == [Counted("resolved")]


# ── all ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_talks_is_a_setting_and_unknown_otherwise() -> None:
    assert one(TALK).requester.kind is PersonKind.UNKNOWN
    assert one(TALK, person="staff").requester.kind is PersonKind.STAFF


@pytest.mark.parametrize(
    ("document", "settings", "code"),
    [
        ({"a": 1}, {}, "not-a-talk"),
        ([], {}, "not-a-talk"),
        (TALK, {"dialect": "rasa"}, "not-a-talk"),
        (RASA, {"dialect": "bot_framework"}, "not-a-talk"),
    ],
)
def test_what_is_no_talk_is_refused(document: Any, settings: dict[str, Any], code: str) -> None:
    (reading,) = readings(document, **settings)
    assert isinstance(reading, Rejected)
    assert (reading.finding.code, reading.finding.where) == (code, "t.json")


def test_a_bot_that_hands_on_at_every_word_is_found_out() -> None:
    events = [event for n in range(200) for event in (heard(f"word {n}", n), {"event": "pause", "timestamp": n + 0.5})]
    *tickets, last = readings(tracker(*events))
    assert len(tickets) == 20
    assert isinstance(last, Rejected)
    assert last.finding.code == "too-many-handoffs"


def test_a_long_talk_keeps_its_end_in_the_description() -> None:
    talk = [said("user", f"line {n} " + "x" * 500, n % 60) | {"timestamp": n} for n in range(1, 200)]
    ticket = one([*talk, handoff(59)])
    assert len(ticket.description) < 14_000
    assert "earlier lines are in the transcript" in ticket.description
    assert "line 199" in ticket.description
