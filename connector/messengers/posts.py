"""Messages that are posted over HTTP: to the EHR, to a bot's service, to any that takes JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

from connector import wire
from connector.answering import Way
from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.jsontext import dump_ascii
from connector.messengers.messenger import Messenger
from connector.plugins import Receipt, SinkTools, Write
from connector.signing import SIGNATURE, TIMESTAMP, signature
from connector.wire import Effect, Seen, Session

_SECONDS = 30.0
# What to do about what was seen, by the settings that these ways have.
_REMEDIES: Mapping[str, str] = {
    Seen.UNREACHABLE: "check its url in answers.sources, and the network",
    Seen.PROXY: "a proxy on the way refuses: see to the network, or correct its url in answers.sources",
    Seen.CERTIFICATE: "give the server a certificate that is publicly trusted, or correct its url in answers.sources",
    Seen.UNSENDABLE: "check its url, hmac and token in answers.sources",
    Seen.REDIRECTED: "set its url in answers.sources to the address that takes the posts itself",
    Seen.LOGIN: "check its url and token in answers.sources",
    Seen.PAGE: "check its url in answers.sources",
    Seen.UNAUTHORISED: "check its hmac or token in answers.sources, and the secret it points to",
    Seen.FORBIDDEN: "see what its token in answers.sources may do there",
    Seen.NO_API: "check its url in answers.sources",
}


class ByPost(Messenger):
    """Posts one document for each message."""

    def __init__(self, name: str, way: Way, tools: SinkTools, per_hour: int) -> None:
        super().__init__(name, tools, _SECONDS, per_hour)
        self._way = way
        self._door: Session | None = None

    def notify(self, write: Write) -> Receipt:
        try:
            return self._posted(write)
        except RemoteError as error:
            error.remedy = _REMEDIES.get(error.code, error.remedy)
            raise

    def _posted(self, write: Write) -> Receipt:
        with wire.translated(self.name, Effect.WRITE):
            door = self._opened()
            path, document = self.document(write.body)
            said = dump_ascii(document)
            with door.keyed(write.key.uuid):
                try:
                    door.post(path, data=said, headers={"Content-Type": "application/json", **self._signed(said)})
                except RemoteError as error:
                    # Many who take a post answer with a word that is no JSON: the status tells.
                    if error.code != "garbled" or error.status is None:
                        raise
        return self.received(door.last.document)

    def document(self, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Where it is posted, and what."""
        shown = ("event", "ticket", "number", "url", "status", "resolution", "problem", "articles", "survey")
        said = {name: body[name] for name in shown if body.get(name)}
        return self._url, {**said, "text": body["chat"], "subject": body["subject"], "to": body["to"]}

    def received(self, answer: Any) -> Receipt:
        """What the answer to a post means. Raises RemoteError."""
        named = answer.get("id") if isinstance(answer, dict) else None
        return Receipt(str(named)[:200] if isinstance(named, str | int) else "told")

    def close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.close()

    @property
    def _url(self) -> str:
        return str(self._way.url or "")

    def _opened(self) -> Session:
        if self._door is None:
            token = self._way.token.reveal(self.tools.base) if self._way.token is not None else ""
            credential = wire.Header("Authorization", f"Bearer {token}") if token else None
            limiter, clock = self.tools.limiter, self.tools.clock
            self._door = wire.session(self.name, self._url, credential, timeout=_SECONDS, limiter=limiter, clock=clock)
        return self._door

    def _signed(self, said: bytes) -> Mapping[str, str]:
        if self._way.hmac is None:
            return {}
        at = str(int(self.tools.clock.wall()))
        digest = signature(self._way.hmac.reveal(self.tools.base).encode(), at, said).decode("ascii")
        return {TIMESTAMP: at, SIGNATURE: f"sha256={digest}"}


class ByCallback(ByPost):
    """Posts to the EHR, signed as posts to the intake are. A message whose answer was lost is posted again under the
    same Idempotency-Key: the receiver takes it once."""

    repeatable: ClassVar[bool] = True


class BySlack(ByPost):
    """Answers in the thread of the talk (Slack Web API, `chat.postMessage`)."""

    @property
    def _url(self) -> str:
        return str(self._way.url or "https://slack.com/api")

    def document(self, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        channel, _, thread = str(body["to"]).partition(":")
        where = {"channel": channel, **({"thread_ts": thread} if thread else {})}
        return "/chat.postMessage", {**where, "text": body["chat"], "unfurl_links": False}

    def received(self, answer: Any) -> Receipt:
        said = answer if isinstance(answer, dict) else {}
        if said.get("ok") is True:
            return Receipt(str(said.get("ts", "told"))[:200])
        word = str(said.get("error", "no reason given"))[:60]
        if word in _SLACK_LATER:
            raise Transient(f"Slack is busy ({word})", code="slack")
        if word in _SLACK_UNSURE:
            raise Uncertain(f"Slack failed, perhaps after it had taken the message ({word})", code="slack")
        scope = Scope.ACCOUNT if word in _SLACK_ACCOUNT else Scope.ROW
        remedy = "see the bot's token, scopes and channels"
        raise Permanent(f"Slack refuses the message ({word})", remedy, code="slack", scope=scope)


_SLACK_LATER = frozenset({"ratelimited", "rate_limited", "service_unavailable", "request_timeout"})
# "It is possible that some aspect of the operation succeeded before the error was raised."
_SLACK_UNSURE = frozenset({"internal_error", "fatal_error"})
_SLACK_ACCOUNT = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
    }
)


class ByBotFramework(ByPost):
    """Says it in the conversation (Bot Framework, "Send to conversation"; Direct Line takes the same)."""

    def document(self, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return f"/v3/conversations/{quote(str(body['to']), safe='')}/activities", {
            "type": "message",
            "text": body["chat"],
            "textFormat": "plain",
        }
