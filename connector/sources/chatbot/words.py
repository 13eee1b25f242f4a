"""The names by which bots say what became of a talk: of intents, actions, events, states and markers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from connector.sources.text import word_of
from connector.ticket import Outcome

BUILT_IN: Mapping[Outcome, tuple[str, ...]] = {
    Outcome.ESCALATED: (
        *("escalate", "escalated", "escalation", "handoff", "handover", "human_handoff", "handoff.initiate"),
        *("action_handoff", "action_handover", "action_human_handoff", "EscalationRequested"),
        *("live_agent", "human_agent", "talk_to_human", "talk_to_agent", "speak_to_human", "speak_to_agent"),
        *("speak_to_representative", "connect_to_agent", "request_agent", "agent_request", "request_human"),
        *("transfer_to_agent", "transfer_to_human", "agent_transfer"),
        *("ticket", "create_ticket", "open_ticket", "new_ticket", "raise_ticket", "submit_ticket", "helpdesk"),
        *("action_create_ticket", "action_submit_ticket", "open_incident", "create_incident", "report_incident"),
        *("liveAgentHandoff", "telephonyTransferCall", "FallbackIntent.Failed", "AMAZON.FallbackIntent.Failed"),
        *("startHitl", "hitlStarted", "hitl:startHitl", "hitl:hitlStarted"),
        *("pass_thread_control", "request_thread_control"),
    ),
    Outcome.RESOLVED: (
        *("resolved", "issue_resolved", "action_resolved", "problem_solved", "ImpliedSuccess", "completedSuccessfully"),
        *("CSATSurveyResponse", "PRRSurveyResponse", "conversationSuccess", "endInteraction", "Fulfilled.Close"),
        *("stopHitl", "hitlStopped", "hitl:stopHitl", "hitl:hitlStopped"),
    ),
    Outcome.ABANDONED: (
        *("abandoned", "action_abandoned", "session_timeout", "action_session_timeout", "session_expired"),
        *("userCancelled", "botTimedOut"),
    ),
}


class Words:
    """What names mean, in any spelling: `handoff.initiate`, `Handoff Initiate` and `HandoffInitiate` are one.

    A site's own names go before the built-in ones; `ignore` names mean nothing.
    """

    def __init__(self, own: Mapping[Outcome, Iterable[str]], ignore: Iterable[str] = ()) -> None:
        self._meaning: dict[str, Outcome | None] = {}
        for names in (BUILT_IN, own):
            for outcome, listed in names.items():
                self._meaning.update(dict.fromkeys(map(_plain, listed), outcome))
        self._meaning.update(dict.fromkeys(map(_plain, ignore)))
        self._meaning.pop("", None)

    def outcome(self, *names: str) -> Outcome | None:
        """What it means that all this happened at once, if it means anything. A hand-off goes before the rest."""
        found = [meaning for name in names if (meaning := self._meaning.get(_plain(name))) is not None]
        return Outcome.ESCALATED if Outcome.ESCALATED in found else found[0] if found else None


def _plain(name: str) -> str:
    return word_of(name).replace("_", "")
