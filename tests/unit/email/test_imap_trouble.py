"""What servers do otherwise than one would wish: nothing is lost, nothing hangs, and everything has its name."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import ValidationError

from connector.errors import Permanent, RemoteError, Scope, SettingsError, Transient
from connector.plugins import Rejected, SourceTools
from connector.sources.email import Email, EmailSettings

from .build import mail
from .servers import PASSWORD, USER, Script, scripted
from .test_imap_servers import committed, taken

MAILS = {uid: mail(f"Number {uid}.\r\n", Message_ID=f"<{uid}@ward.example>") for uid in (3, 5, 8)}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with scripted(Script(dict(MAILS))) as running:
        yield running


def inbox(script: Script, base: Path = Path(), **told: Any) -> Email:
    raw = {"host": "127.0.0.1", "port": script.port, "tls": "none", "username": USER, "timeout": 5}
    raw |= {} if {"oauth", "token_command"} & told.keys() else {"password": "env:MAIL_PASSWORD"}
    limits = told.pop("limits", {})
    settings = EmailSettings.model_validate({"type": "email", "imap": raw | told, "limits": limits})
    return Email("mail", settings, SourceTools(base))


def failure(source: Email, cursor: dict[str, str] | None = None) -> RemoteError:
    with pytest.raises(RemoteError) as raised:
        taken(source, {} if cursor is None else cursor)
    assert raised.value.scope is Scope.ACCOUNT
    assert PASSWORD not in str(raised.value)
    return raised.value


def uids(records: list[Any]) -> list[int]:
    return [int(record.place.rpartition("/")[2]) for record in records]


# ── one mail that the server stumbles over ───────────────────────────────────────────────────────────────────────


def _stumbling(how: bytes | None) -> Any:
    def fetch(script: Script, tag: bytes, told: bytes) -> bytes | None:
        if b"BODY" in told and 5 in script.asked(told):
            return how and tag + how
        return script._uid_fetch(told) + tag + b" OK done\r\n"

    return fetch


@pytest.mark.parametrize("how", [None, b" NO cannot\r\n", b" BAD what\r\n", b" OK but nothing came\r\n", b"\xff\r\n"])
def test_one_mail_that_cannot_be_had_stops_no_other_and_is_asked_for_again(script: Script, how: bytes | None) -> None:
    script.answers["UID FETCH"] = _stumbling(how)
    source, cursor = inbox(script), dict[str, str]()
    records = taken(source, cursor)
    assert uids(records) == [3, 5, 8]
    read = source.read(records[1])
    assert isinstance(read, Rejected)
    assert read.finding.code == "unreadable"
    del script.answers["UID FETCH"]
    assert [record.data for record in taken(source, cursor)] == [MAILS[5]]
    assert taken(source, cursor) == []


def test_a_mail_that_went_between_listing_and_fetching_is_no_trouble(script: Script) -> None:
    def fetch(script: Script, tag: bytes, told: bytes) -> bytes:
        script.mails.pop(5, None)
        return script._uid_fetch(told) + tag + b" OK done\r\n"

    script.answers["UID FETCH"] = fetch
    cursor: dict[str, str] = {}
    assert uids(taken(inbox(script), cursor)) == [3, 8]
    assert cursor == {"INBOX": "7 8"}


# ── the whole connection ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_drops_everybody_is_left_and_taken_up_again_where_it_stopped(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connector.sources.email.imap.inbox.PAGE_MAILS", 1)

    def fetch(script: Script, tag: bytes, told: bytes) -> bytes | None:
        return None if 3 not in script.asked(told) else script._uid_fetch(told) + tag + b" OK done\r\n"

    script.answers["UID FETCH"] = fetch
    cursor: dict[str, str] = {}
    assert isinstance(failure(inbox(script), cursor), Transient)
    assert cursor == {"INBOX": "7 3"}
    del script.answers["UID FETCH"]
    assert uids(taken(inbox(script), cursor)) == [5, 8]


@pytest.mark.parametrize(
    ("greeting", "code"),
    [
        (b"* BYE too many connections\r\n", "busy"),
        (b"HTTP/1.1 400 Bad Request\r\n", "connection-lost"),
        (b"\xff\xfe\0\r\n", "connection-lost"),
        (b"* OK [ALERT\r\n", None),
    ],
)
def test_greetings(script: Script, greeting: bytes, code: str | None) -> None:
    script.greeting = greeting
    if code is None:
        assert len(taken(inbox(script), {})) == 3
    else:
        assert failure(inbox(script)).code in (code, "refused")


def test_nobody_listens(script: Script) -> None:
    port, script.port = script.port, 1
    found = failure(inbox(script))
    script.port = port
    assert (type(found), found.code) == (Transient, "unreachable")


@pytest.mark.parametrize(
    ("said", "kind", "code"),
    [
        (b" NO [AUTHENTICATIONFAILED] Wrong for hush-4711", Permanent, "login-refused"),
        (b" NO [UNAVAILABLE] later", Transient, "busy"),
        (b" NO [ALERT] Too many simultaneous connections", Transient, "busy"),
        (b" NO User is authenticated but not connected.", Permanent, "login-refused"),
        (b" BAD nonsense", Permanent, "login-refused"),
    ],
)
def test_logins_that_fail(script: Script, said: bytes, kind: type[RemoteError], code: str) -> None:
    script.answers["LOGIN"] = lambda script, tag, told: tag + said + b"\r\n"
    found = failure(inbox(script))
    assert (type(found), found.code) == (kind, code)


def test_a_password_is_not_sent_where_none_is_taken(script: Script) -> None:
    script.capabilities += " LOGINDISABLED"
    assert failure(inbox(script)).code == "login-refused"
    assert PASSWORD not in " ".join(script.heard)


def test_without_starttls_nothing_is_said_in_the_open(script: Script) -> None:
    assert isinstance(failure(inbox(script, tls="starttls")), Permanent)
    assert not [said for said in script.heard if said.startswith(("LOGIN", "AUTHENTICATE"))]


def test_throttling_in_the_middle(script: Script) -> None:
    script.answers["UID FETCH"] = lambda script, tag, told: tag + b" NO [THROTTLED] slowly\r\n"
    found = failure(inbox(script))
    assert (type(found), found.code) == (Transient, "busy")


def test_a_folder_that_is_replaced_while_it_is_read(script: Script) -> None:
    source = inbox(script, after="seen")
    pages = source.pages({})
    page = next(pages)
    script.uidvalidity = 8
    with pytest.raises(Transient):
        source.acknowledge(page.records)
    assert not [said for said in script.heard if said.startswith("UID STORE")]


# ── answers that are too much, or not what was asked ─────────────────────────────────────────────────────────────


def test_an_answer_without_end_is_not_read_to_its_end(script: Script) -> None:
    def fetch(script: Script, tag: bytes, told: bytes) -> bytes:
        if b"BODY" not in told:
            return script._uid_fetch(told) + tag + b" OK done\r\n"
        return b"* 1 FETCH (UID 3 BODY[]<0> {99999999999}\r\n" + b"x" * 100_000

    script.answers["UID FETCH"] = fetch
    assert failure(inbox(script)).code == "connection-lost"  # and not that time ran out


def test_a_line_without_end_is_not_read_to_its_end(script: Script) -> None:
    script.answers["UID SEARCH"] = lambda script, tag, told: b"* SEARCH " + b"1 " * 1_000_000
    assert isinstance(failure(inbox(script)), Transient)


def test_a_server_that_lies_about_sizes(script: Script) -> None:
    def fetch(script: Script, tag: bytes, told: bytes) -> bytes:
        said = script._uid_fetch(told)
        return said.replace(b"RFC822.SIZE %d" % len(MAILS[3]), b"RFC822.SIZE 1") + tag + b" OK done\r\n"

    script.mails[5] = mail("y" * 200_000)
    script.answers["UID FETCH"] = fetch
    records = taken(inbox(script, limits={"mail_bytes": 70_000}), {})
    assert [record.facts for record in records] == [{}, {"cut": str(len(script.mails[5]))}, {}]
    assert records[0].data == MAILS[3]
    asked = [said for said in script.heard if "BODY" in said]
    assert all("BODY.PEEK[]<0." in said for said in asked)


def test_news_between_the_answers_is_no_answer(script: Script) -> None:
    def fetch(script: Script, tag: bytes, told: bytes) -> bytes:
        news = b"* 2 FETCH (FLAGS (\\Seen))\r\n* 9 EXISTS\r\n* 1 FETCH (UID 99 FLAGS ())\r\n"
        return news + script._uid_fetch(told) + news + tag + b" OK done\r\n"

    script.answers["UID FETCH"] = fetch
    assert [record.data for record in taken(inbox(script), {})] == list(MAILS.values())


def test_the_last_mail_that_a_star_always_means_is_not_read_again(script: Script) -> None:
    def select(script: Script, tag: bytes, told: bytes) -> bytes:
        said = b"\r\n".join(line for line in script._select(told).split(b"\r\n") if b"UIDNEXT" not in line)
        return said + tag + b" OK done\r\n"

    script.answers["EXAMINE"] = select
    script.answers["UID SEARCH"] = lambda script, tag, told: b"* SEARCH 8\r\n" + tag + b" OK done\r\n"
    assert taken(inbox(script), {"INBOX": "7 8"}) == []


@pytest.mark.parametrize(
    "said",
    [
        b"* SEARCH one two\r\n",
        b"* SEARCH\r\n* SEARCH 3\r\n",
        b"* SEARCH (MODSEQ 5\r\n",
        b"* 1 FETCH (UID\r\n",
        b"* 1 FETCH UID 3\r\n",
        b"* x FETCH (UID 3 BODY[]<0> {3}\r\nabc)\r\n",
        b"\0\0\0\r\n",
        b"* 1 FETCH (UID 3 BODY[]<0> {-5}\r\n)\r\n",
        b"+ go on\r\n",
    ],
)
@pytest.mark.parametrize("verb", ["UID SEARCH", "UID FETCH", "EXAMINE", "FETCH", "CAPABILITY"])
def test_answers_that_are_no_imap(script: Script, verb: str, said: bytes) -> None:
    script.answers[verb] = lambda script, tag, told: said + tag + b" OK done\r\n"
    cursor: dict[str, str] = {}
    with contextlib.suppress(RemoteError):
        taken(inbox(script, timeout=0.5), cursor)
    del script.answers[verb]
    assert set(uids(taken(inbox(script), {}))) == {3, 5, 8}


# ── what is done to mail that is safe ────────────────────────────────────────────────────────────────────────────


def commands(script: Script) -> list[str]:
    verbs = ("UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "EXPUNGE", "CREATE", "CLOSE")
    return [said.replace('"', "") for said in script.heard if said.startswith(verbs)]


def test_move_where_there_is_no_move(script: Script) -> None:
    script.capabilities = "IMAP4rev1 UIDPLUS"
    taken(inbox(script, after="move"), {})
    assert [said.split(" (")[0] for said in commands(script)] == [
        "UID COPY 3,5,8 Processed",
        "UID STORE 3,5,8 +FLAGS.SILENT",
        "UID EXPUNGE 3,5,8",
    ]


def test_delete_where_single_mails_cannot_be_deleted(script: Script) -> None:
    script.capabilities = "IMAP4rev1"
    source = inbox(script, after="delete")
    taken(source, {})
    assert [said.split(" ")[1] for said in commands(script)] == ["STORE"]
    assert [(found.code, found.exit_code) for found in source.ask()] == [("no-uidplus", 0)]


def test_a_folder_is_made_where_the_server_keeps_folders(script: Script) -> None:
    script.capabilities += " NAMESPACE"
    script.answers["NAMESPACE"] = lambda script, tag, told: (
        b'* NAMESPACE (("INBOX." ".")) NIL NIL\r\n' + tag + b" OK x\r\n"
    )
    script.answers["LIST"] = lambda script, tag, told: tag + b" OK x\r\n"
    taken(inbox(script, after="move", move_to="Büro/Done"), {})
    assert commands(script) == [
        "CREATE INBOX.B&APw-ro.Done",
        "UID MOVE 3,5,8 INBOX.B&APw-ro.Done",
    ]


def test_an_acknowledgement_that_fails_is_done_by_the_next_run(script: Script) -> None:
    script.answers["UID MOVE"] = lambda script, tag, told: tag + b" NO [UNAVAILABLE] later\r\n"
    source, cursor = inbox(script, after="move"), dict[str, str]()
    failure(source, cursor)
    del script.answers["UID MOVE"]
    assert uids(taken(source, cursor)) == [3, 5, 8]
    assert commands(script)[-1] == "UID MOVE 3,5,8 Processed"


def test_reading_opens_for_reading_alone(script: Script) -> None:
    for page in inbox(script, after="delete").pages({}):
        committed({}, page)
    assert commands(script) == []
    assert not [said for said in script.heard if said.startswith("SELECT")]


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────

OAUTH = {"tenant": "north.example", "client_id": "id", "client_secret": "env:MAIL_PASSWORD"}
LOGIN = "https://login.microsoftonline.com/north.example"


def _discovery() -> None:
    responses.get(
        f"{LOGIN}/v2.0/.well-known/openid-configuration",
        json={
            "authorization_endpoint": f"{LOGIN}/oauth2/v2.0/authorize",
            "token_endpoint": f"{LOGIN}/oauth2/v2.0/token",
            "issuer": f"{LOGIN}/v2.0",
        },
    )


@responses.activate
def test_a_token_from_microsoft(script: Script) -> None:
    _discovery()
    responses.post(f"{LOGIN}/oauth2/v2.0/token", json={"access_token": "tok", "expires_in": 3600, "token_type": "B"})
    script.answers["AUTHENTICATE"] = lambda script, tag, told: b"+ \r\n"
    script.answers["AFTER"] = lambda script, tag, told: tag + b" OK in\r\n"
    source = inbox(script, oauth=OAUTH)
    assert len(taken(source, {})) == len(taken(source, {})) == 3
    said = next(word for word in script.heard if word.startswith("said"))
    assert base64.b64decode(said[5:]) == f"user={USER}\1auth=Bearer tok\1\1".encode()
    forms = [str(call.request.body) for call in responses.calls if call.request.method == "POST"]
    assert len(forms) == 1  # remembered while it lasts
    assert "grant_type=client_credentials" in forms[0]
    assert "outlook.office365.com%2F.default" in forms[0]


@responses.activate
def test_a_refused_token_gets_the_empty_answer_that_ends_it(script: Script) -> None:
    _discovery()
    responses.post(f"{LOGIN}/oauth2/v2.0/token", json={"access_token": "tok", "expires_in": 3600, "token_type": "B"})
    script.answers["AUTHENTICATE"] = lambda script, tag, told: b"+ \r\n+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"
    script.answers["AFTER"] = lambda script, tag, told: tag + b" NO AUTHENTICATE failed.\r\n"
    assert failure(inbox(script, oauth=OAUTH)).code == "login-refused"
    assert [word for word in script.heard if word.startswith("said")][1].strip() == "said"


@responses.activate
@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (401, {"error": "invalid_client", "error_description": "AADSTS7000215: secret is wrong"}, Permanent),
        (400, {"error": "temporarily_unavailable"}, Transient),
        (500, {"nothing": "said"}, RemoteError),
    ],
)
def test_no_token_from_microsoft(script: Script, status: int, answer: dict[str, str], kind: type[RemoteError]) -> None:
    _discovery()
    responses.post(f"{LOGIN}/oauth2/v2.0/token", json=answer, status=status)
    found = failure(inbox(script, oauth=OAUTH))
    assert isinstance(found, kind)
    assert (found.code, script.heard.count("AUTHENTICATE XOAUTH2")) == ("no-token", 0)


@pytest.mark.parametrize("command", [["/no/such/program"], ["false"], ["true"], ["printf", "a\\033b\\n"]])
def test_no_token_from_a_command(script: Script, command: list[str]) -> None:
    assert failure(inbox(script, token_command=command)).code == "no-token"


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────

GOOD: dict[str, Any] = {"host": "mail.north.example", "username": "u", "password": "env:P"}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"password": None}, "one credential"),
        ({"token_command": ["x"]}, "one credential"),
        ({"password": "hunter2"}, "env:NAME"),
        ({"tls": "none"}, "in the open"),
        ({"host": "a b"}, "host"),
        ({"username": "a\r\nb"}, "control"),
        ({"folder": "a\nb"}, "control"),
        ({"keyword": "two words"}, "keyword"),
        ({"after": "move", "move_to": "inbox"}, "move_to"),
        ({"after": "burn"}, "after"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_are_refused(told: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        EmailSettings.model_validate({"type": "email", "imap": GOOD | told})


@pytest.mark.parametrize("told", [{}, {"path": "inbox", "imap": GOOD}])
def test_there_is_one_way_in(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="path"):
        EmailSettings.model_validate({"type": "email", **told})


@pytest.mark.parametrize("told", [{"tls": "none", "host": "localhost"}, {"tls": "none", "unencrypted": True}, {}])
def test_settings_that_are_taken(told: dict[str, Any]) -> None:
    assert EmailSettings.model_validate({"type": "email", "imap": GOOD | told}).imap


def test_a_bundle_that_is_not_there(script: Script) -> None:
    with pytest.raises(SettingsError):
        taken(inbox(script, tls="implicit", ca_bundle="nowhere.pem"), {})
