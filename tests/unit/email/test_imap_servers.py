"""The mailbox on real servers: Dovecot, and pymap where there is none."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from connector.errors import RemoteError, Scope
from connector.plugins import Page, Record, SourceTools
from connector.sources.email import Email, EmailSettings
from connector.ticket import Ticket

from . import servers
from .build import mail, ticket
from .servers import PASSWORD, USER, Server

MAILS = [mail(f"Number {n}.\r\n", Message_ID=f"<{n}@ward.example>") for n in range(5)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Dovecot, and pymap where there is none."""
    with servers.dovecot() if servers.DOVECOT else servers.pymap() as running:
        yield running


@pytest.fixture(scope="module")
def dovecot(server: Server) -> Server:
    if server.name != "dovecot":
        assert "CONNECTOR_NEED_DOVECOT" not in os.environ, "no dovecot here: apt-get install dovecot-imapd"
        pytest.skip("no dovecot here; CI installs it (apt-get install dovecot-imapd)")
    return server


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest) -> str:
    """A folder of the test's own, with five mails."""
    name = request.node.originalname
    server.anew(MAILS, name)
    return str(name)


def inbox(server: Server, folder: str, base: Path = Path(), **told: Any) -> Email:
    limits = told.pop("limits", {})
    raw = {"host": "127.0.0.1", "port": server.port, "tls": "none", "username": USER, "folder": folder}
    raw |= {} if {"oauth", "token_command"} & told.keys() else {"password": "env:MAIL_PASSWORD"}
    settings = EmailSettings.model_validate({"type": "email", "imap": raw | told, "limits": limits})
    return Email("mail", settings, SourceTools(base))


def taken(source: Email, cursor: dict[str, str], most: int | None = None) -> list[Record]:
    """All records, as the engine takes them: committed with their cursor, then acknowledged."""
    records: list[Record] = []
    for number, page in enumerate(source.pages(cursor)):
        if most is not None and number >= most:
            break
        records += page.records
        committed(cursor, page)
        source.acknowledge(page.records)
    return records


def committed(cursor: dict[str, str], page: Page) -> None:
    kept: Mapping[str, str | None] = cursor | dict(page.cursor)
    cursor.clear()
    cursor.update({name: value for name, value in kept.items() if value is not None})


def test_new_mail_is_read_once_byte_for_byte_and_unmarked(server: Server, folder: str) -> None:
    cursor: dict[str, str] = {}
    records = taken(inbox(server, folder), cursor)
    assert [record.data for record in records] == MAILS
    assert all(record.keep and record.at for record in records)
    assert len({record.place for record in records}) == 5
    assert taken(inbox(server, folder), cursor) == []
    server.deliver([mail("Six.\r\n")], folder)
    assert [record.data for record in taken(inbox(server, folder), cursor)] == [mail("Six.\r\n")]
    assert set(server.flags(folder).values()) == {()}


def test_what_a_person_has_read_is_read_all_the_same(server: Server, folder: str) -> None:
    with server.client() as client:
        client.select_folder(folder)
        client.add_flags(client.search("ALL"), ["\\Seen"])
    assert len(taken(inbox(server, folder), {})) == 5


def test_a_folder_made_anew_is_read_anew_and_gives_the_same_tickets(server: Server, folder: str) -> None:
    cursor: dict[str, str] = {}
    source = inbox(server, folder)
    before = taken(source, cursor)
    server.anew(MAILS[2:], folder)
    again = taken(source, cursor)
    assert not {record.place for record in before} & {record.place for record in again}
    assert [_name(source, record) for record in again] == [_name(source, record) for record in before[2:]]


def _name(source: Email, record: Record) -> str:
    read = source.read(record)
    assert isinstance(read, Ticket)
    return read.external_id


def test_seen(server: Server, folder: str) -> None:
    taken(inbox(server, folder, after="seen"), {})
    assert set(server.flags(folder).values()) == {(b"\\Seen",)}


def test_moved(server: Server, folder: str) -> None:
    cursor: dict[str, str] = {}
    taken(inbox(server, folder, after="move", move_to="Processed/Old"), cursor)
    assert server.flags(folder) == {}
    assert len(server.flags("Processed/Old")) % 5 == 0
    assert taken(inbox(server, folder, after="move", move_to="Processed/Old"), cursor) == []


def test_deleted_and_nothing_of_others_with_it(server: Server, folder: str) -> None:
    with server.client() as client:
        client.select_folder(folder)
        client.delete_messages(client.search("ALL")[:1])
    source, cursor = inbox(server, folder, after="delete"), dict[str, str]()
    for page in source.pages(cursor):
        source.acknowledge(page.records[1:])
    assert list(server.flags(folder).values()) == [(b"\\Deleted",)]


def test_after_a_crash_between_commit_and_acknowledgement_it_is_done_again(server: Server, folder: str) -> None:
    source, cursor = inbox(server, folder, after="seen"), dict[str, str]()
    page = next(source.pages(cursor))
    committed(cursor, page)  # and here the process dies
    again = taken(inbox(server, folder, after="seen"), cursor)
    assert [record.place for record in again] == [record.place for record in page.records]
    assert set(server.flags(folder).values()) == {(b"\\Seen",)}
    assert taken(inbox(server, folder, after="seen"), cursor) == []


def test_reading_alone_changes_nothing(server: Server, folder: str) -> None:
    for _ in inbox(server, folder, after="delete").pages({}):
        pass  # what `--dry-run` does
    assert set(server.flags(folder).values()) == {()}


def test_pages_go_by_size(server: Server, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.sources.email.imap.inbox.PAGE_BYTES", 2 * len(MAILS[0]))
    pages = list(inbox(server, folder).pages({}))
    assert [len(page.records) for page in pages] == [2, 2, 1, 0]
    assert [page.complete for page in pages] == [False, False, False, True]
    cursor: dict[str, str] = {}
    committed(cursor, pages[0])
    assert [record.data for record in taken(inbox(server, folder), cursor)] == MAILS[2:]


def test_a_mail_beyond_the_limit_is_told_by_its_beginning_and_stays(server: Server, folder: str) -> None:
    large = mail("x" * 78 + "\r\n" + ("y" * 78 + "\r\n") * 2_000)
    server.deliver([large], folder)
    source = inbox(server, folder, after="delete", limits={"mail_bytes": 65_536})
    record = taken(source, {})[-1]
    assert (len(record.data), record.facts) == (65_536, {"cut": str(len(large))})
    read = source.read(record)
    assert isinstance(read, Ticket)
    assert any(f"{len(large):,}" in note for note in read.notes)
    assert len(server.flags(folder)) == 1


def test_asked_live_the_server_finds_nothing_wrong(server: Server, folder: str) -> None:
    after = "flag" if server.name == "dovecot" else "move"
    assert list(inbox(server, folder, after=after).ask()) == []


def test_pymap_too_and_that_it_would_lose_keywords() -> None:
    with servers.pymap() as server:
        server.deliver(MAILS)
        assert [record.data for record in taken(inbox(server, "INBOX", after="seen"), {})] == MAILS
        assert set(server.flags().values()) == {(b"\\Seen",)}
        assert [found.code for found in inbox(server, "INBOX", after="flag").ask()] == ["no-keywords"]


def test_a_folder_that_is_not_there(server: Server) -> None:
    with pytest.raises(RemoteError) as raised:
        taken(inbox(server, "Nowhere"), {})
    assert (raised.value.code, raised.value.scope) == ("refused", Scope.ACCOUNT)
    with pytest.raises(RemoteError):
        inbox(server, "Nowhere").ask()


def test_a_wrong_password_is_tried_once_and_not_again_for_a_while(
    server: Server, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    cursor: dict[str, str] = {}
    codes = []
    for _ in range(2):
        with pytest.raises(RemoteError) as raised:
            taken(inbox(server, folder), cursor)
        codes.append(raised.value.code)
    assert codes == ["login-refused", "login-waits"]
    assert "wrong" not in str(cursor) + str(raised.value)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    assert len(taken(inbox(server, folder), cursor)) == 5
    assert "login refused" not in cursor


# ── what only Dovecot can show ───────────────────────────────────────────────────────────────────────────────────


def test_a_keyword_marks_what_is_safe(dovecot: Server) -> None:
    dovecot.anew(MAILS, "Marked")
    taken(inbox(dovecot, "Marked", after="flag", keyword="$Ticketed"), {})
    assert set(dovecot.flags("Marked").values()) == {(b"$Ticketed",)}


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_tls_is_verified(dovecot: Server, tls: str) -> None:
    dovecot.anew(MAILS, "Safe")
    port = dovecot.tls if tls == "implicit" else dovecot.port
    told = {"port": port, "tls": tls, "host": "localhost"}
    assert len(taken(inbox(dovecot, "Safe", ca_bundle=str(dovecot.ca), **told), {})) == 5
    with pytest.raises(RemoteError) as raised:
        taken(inbox(dovecot, "Safe", **told), {})
    assert raised.value.code == "certificate"
    assert "ca_bundle" in raised.value.remedy


def test_a_token_from_a_command(dovecot: Server, tmp_path: Path) -> None:
    dovecot.anew(MAILS, "Tokens")
    command = _program(tmp_path, servers.bearer())
    assert len(taken(inbox(dovecot, "Tokens", tmp_path, token_command=[command]), {})) == 5


def test_an_expired_token_is_refused_by_name(dovecot: Server, tmp_path: Path) -> None:
    command = _program(tmp_path, servers.bearer(expired=True))
    with pytest.raises(RemoteError) as raised:
        taken(inbox(dovecot, "INBOX", tmp_path, token_command=[command]), {})
    assert raised.value.code == "login-refused"


def _program(folder: Path, token: str) -> str:
    path = folder / "token"
    path.write_text(f"#!{sys.executable}\nprint({token!r})\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_gaps_in_the_uids_and_many_lists(dovecot: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.sources.email.imap.inbox.WINDOW", 40)
    monkeypatch.setattr("connector.sources.email.imap.inbox.PAGE_MAILS", 10)
    dovecot.anew([mail(f"{n}\r\n") for n in range(60)], "Many")
    with dovecot.client() as client:
        client.select_folder("Many")
        gone = client.search("ALL")[5:50]
        client.delete_messages(gone)
        client.expunge()
    assert len(taken(inbox(dovecot, "Many"), {})) == 15


def test_the_mail_says_what_the_file_says(dovecot: Server) -> None:
    dovecot.anew(MAILS[:1], "One")
    source = inbox(dovecot, "One")
    read = source.read(taken(source, {})[0])
    assert isinstance(read, Ticket)
    assert read.model_dump(exclude={"received_at"}) == ticket(MAILS[0]).model_dump(exclude={"received_at"})
