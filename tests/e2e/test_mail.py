"""Mail on its whole way: from a server, what machines say of known talks, and a process that is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Site
from tests.e2e.test_behaviour import analyst, mail
from tests.unit.email import servers
from tests.unit.email.servers import PASSWORD, Server

AWAY = "Auto-Submitted: auto-replied\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with servers.dovecot() if servers.DOVECOT else servers.pymap() as running:
        yield running


def from_server(site: Site, server: Server, folder: str, **more: str) -> None:
    """The mail source of this site reads a folder on that server."""
    told = {"host": "127.0.0.1", "port": str(server.port), "tls": "none", "username": "helpdesk", "folder": folder}
    told |= {"password": '"env:MAIL_PASSWORD"', **more}
    site.configure("path: inbox/mail", f"imap: {{{', '.join(f'{name}: {value}' for name, value in told.items())}}}")


def rows(site: Site, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(site.base / "connector.db") as ledger:
        return ledger.execute(query).fetchall()


def test_from_a_server_to_the_help_desk_and_out_of_the_inbox(
    quiet_site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = quiet_site
    mails = [mail(f"m{n}", f"Screen {n} is slow", "It takes a minute.").encode() for n in range(3)]
    server.anew([*mails, b"no mail at all\r\n"], "Desk")
    from_server(site, server, "Desk", after="move", move_to="Done")
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    assert site.sync(dry_run=True).sources["mail"].new == 3
    assert len(server.flags("Desk")) == 4  # a dry run marks and moves nothing
    report = site.sync()
    assert (report.sources["mail"].new, report.sources["mail"].rejected, len(site.incidents())) == (3, 1, 3)
    assert server.flags("Desk") == {}
    assert len(server.flags("Done")) == 4
    kept = rows(site, "SELECT b.content FROM record r JOIN blob b ON b.sha256 = r.raw WHERE r.source = 'mail'")
    assert {bytes(row[0]).replace(b"\r\n", b"\n") for row in kept} >= set(mails)  # type: ignore[call-overload]
    assert site.sync().sources["mail"].read == 0
    assert len(site.incidents()) == 3


def test_without_its_password_a_run_says_so_before_it_begins(quiet_site: Site, server: Server) -> None:
    from_server(quiet_site, server, "Desk")
    with pytest.raises(Exception, match="MAIL_PASSWORD"):
        quiet_site.sync()


def test_an_absence_in_a_known_talk_is_a_remark_and_opens_nothing(quiet_site: Site) -> None:
    site = quiet_site
    site.configure("closed: follow_up", "closed: reopen", "mappings/servicenow.yaml")
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    incident = site.incidents()[0]
    analyst(site, incident["sys_id"], state="6", close_code="Solution provided", close_notes="done")
    site.put("mail/2.eml", AWAY + mail("two", "Automatic reply: Screen", "Back on Monday.", answers="one"))
    site.sync()
    assert (len(site.incidents()), site.incidents()[0]["state"]) == (1, "6")
    assert any("Back on Monday." in said for said in site.journal(incident["sys_id"]))
    site.put("mail/3.eml", AWAY + mail("three", "Automatic reply: other", "Back on Monday.", answers="nobody"))
    assert site.sync().sources["mail"].counted == 1


def test_an_absence_makes_no_follow_up_of_a_closed_record(quiet_site: Site) -> None:
    site = quiet_site
    site.put("mail/1.eml", mail("one", "Screen is slow", "It takes a minute."))
    site.sync()
    incident = site.incidents()[0]
    analyst(site, incident["sys_id"], state="7", close_code="Solution provided", close_notes="done")
    site.put("mail/2.eml", AWAY + mail("two", "Automatic reply: Screen", "Back on Monday.", answers="one"))
    assert site.sync().exit_code == 0
    assert len(site.incidents()) == 1
    assert rows(site, "SELECT state FROM delivery WHERE do = 'comment'") == [("dropped",)]


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from connector.app import App
from connector.engine.collect import collect
from connector.ledger import leases
from connector.ledger.taken import Counts

def progress(step, done, total):
    if done >= int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

with App.open(Path(sys.argv[1])) as app:
    wiring = replace(app.wiring, progress=progress)
    held = leases.take(wiring.db, "collect:mail", wiring.who, 0.0)
    collect(wiring, wiring.inlets["mail"], held, Counts())
"""


def test_a_maildir_is_read_on_after_a_kill_without_loss_or_repetition(quiet_site: Site) -> None:
    site = quiet_site
    for name in ("new", "cur", "tmp"):
        (site.base / "inbox/mail" / name).mkdir()
    for number in range(620):
        site.put(
            f"mail/new/{1_700_000_000 + number * 10}.M{number}.host", mail(f"k{number}", f"Screen {number}", "Slow.")
        )
    died = subprocess.run([sys.executable, "-c", KILLED, str(site.settings), "500"], env=dict(os.environ), check=False)
    assert died.returncode == -signal.SIGKILL
    assert rows(site, "SELECT count(*) FROM ticket") == [(500,)]
    done = subprocess.run([sys.executable, "-c", KILLED, str(site.settings), "9999"], env=dict(os.environ), check=False)
    assert done.returncode == 0
    assert rows(site, "SELECT count(*), count(DISTINCT external_id), max(version) FROM ticket") == [(620, 620, 1)]
