"""Messages by HTTP: what is posted, what an answer means, and what may be posted again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from connector.answering import Way
from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.messengers.posts import ByBotFramework, ByCallback, ByPost, BySlack
from connector.plugins import Do, Key, SinkTools, Write
from connector.signing import signature
from connector.wire import Effect, Seen, verdict
from tests.answers import Receiver, receiver

KEY = Key("north-test", "bot", "talk", "message", "notice:received::abc")
BODY = {"event": "received", "to": "C1:17.5", "person": "abc", "subject": "s", "text": "long", "chat": "It is INC1."}
HMAC = "0123456789abcdef"


@pytest.fixture
def remote() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def tell(kind: type[ByPost], remote: Receiver, base: Path, **more: Any) -> str:
    (base / "token").write_text("sesame\n")
    (base / "hmac").write_text(f"{HMAC}\n")
    way = Way.model_validate({"by": "webhook", "url": remote.url, **more})
    messenger = kind("answers:bot", way, SinkTools(base), 5)
    try:
        return messenger.notify(Write(Do.NOTIFY, KEY, BODY)).remote_id
    finally:
        messenger.close()


def test_slack_answers_in_the_thread(remote: Receiver, tmp_path: Path) -> None:
    remote.answer = lambda path, body: (200, b'{"ok": true, "ts": "18.1"}')
    assert tell(BySlack, remote, tmp_path, token="file:token") == "18.1"
    [(path, headers, _)], [said] = remote.posts, remote.documents()
    assert path == "/told/chat.postMessage"
    assert headers["authorization"] == "Bearer sesame"
    assert (said["channel"], said["thread_ts"], said["text"]) == ("C1", "17.5", "It is INC1.")


@pytest.mark.parametrize(
    ("word", "kind", "scope"),
    [
        ("ratelimited", Transient, Scope.ROW),
        ("internal_error", Uncertain, Scope.ROW),
        ("invalid_auth", Permanent, Scope.ACCOUNT),
        ("channel_not_found", Permanent, Scope.ROW),
    ],
)
def test_slack_says_no_with_200(
    remote: Receiver, tmp_path: Path, word: str, kind: type[RemoteError], scope: Scope
) -> None:
    remote.answer = lambda path, body: (200, b'{"ok": false, "error": "%s"}' % word.encode())
    with pytest.raises(kind) as found:
        tell(BySlack, remote, tmp_path, token="file:token")
    assert (type(found.value), found.value.scope) == (kind, scope)


def test_bot_framework_says_it_in_the_conversation(remote: Receiver, tmp_path: Path) -> None:
    assert tell(ByBotFramework, remote, tmp_path, token="file:token") == "1"
    [(path, _, _)], [said] = remote.posts, remote.documents()
    assert path == "/told/v3/conversations/C1%3A17.5/activities"
    assert (said["type"], said["text"]) == ("message", "It is INC1.")


def test_a_callback_is_signed_and_has_the_key_of_the_message(remote: Receiver, tmp_path: Path) -> None:
    remote.answer = lambda path, body: (204, b"")
    tell(ByCallback, remote, tmp_path, hmac="file:hmac")
    [(_, headers, body)] = remote.posts
    made = signature(HMAC.encode(), headers["x-connector-timestamp"], body).decode()
    assert headers["x-connector-signature"] == f"sha256={made}"
    assert headers["idempotency-key"] == KEY.uuid


@pytest.mark.parametrize("said", [b"ok", b"", b"{", b"\xff"])
def test_that_it_was_taken_the_status_says(remote: Receiver, tmp_path: Path, said: bytes) -> None:
    remote.answer = lambda path, body: (200, said)
    assert tell(ByCallback, remote, tmp_path, hmac="file:hmac") == "told"


@pytest.mark.parametrize(
    ("status", "kind"), [(0, Uncertain), (500, Uncertain), (429, Transient), (401, Permanent), (302, Permanent)]
)
def test_any_other_answer_says_what_it_says_everywhere(
    remote: Receiver, tmp_path: Path, status: int, kind: type[RemoteError]
) -> None:
    remote.answer = lambda path, body: (status, b"{}")
    with pytest.raises(kind):
        tell(ByCallback, remote, tmp_path, hmac="file:hmac")
    assert len(remote.posts) == 1


def test_what_to_do_about_it_is_said_of_the_settings_of_answers(remote: Receiver, tmp_path: Path) -> None:
    remote.answer = lambda path, body: (401, b"{}")
    with pytest.raises(Permanent) as refused:
        tell(ByCallback, remote, tmp_path, hmac="file:hmac")
    assert refused.value.remedy.startswith("check its hmac or token in answers.sources")
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    with pytest.raises(Transient) as silent:
        tell(ByPost, remote, tmp_path, url=url)
    assert silent.value.remedy == "check its url in answers.sources, and the network"


@pytest.mark.parametrize("seen", Seen)
def test_no_way_is_called_a_sink(remote: Receiver, tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> NoReturn:
        raise verdict(seen, Effect.WRITE, "answers:bot")

    monkeypatch.setattr(ByPost, "document", fail)
    with pytest.raises(RemoteError) as found:
        tell(ByPost, remote, tmp_path)
    assert "sink" not in found.value.remedy


def test_a_secret_that_is_missing_is_no_riddle(remote: Receiver, tmp_path: Path) -> None:
    with pytest.raises(Permanent) as found:
        tell(ByCallback, remote, tmp_path, hmac="file:nothing")
    assert found.value.scope is Scope.ACCOUNT
    assert remote.posts == []
