"""The survey's link: who has it may answer once; looking is no answer; nobody can make another ticket's link."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import pytest
import requests
from sqlalchemy import insert, select

from connector.errors import SettingsError
from connector.intake import Door, Writer
from connector.ledger.database import Database
from connector.ledger.schema import link, rating
from connector.ledger.telling import survey_secret
from connector.survey import token
from tests.conftest import FakeClock
from tests.unit.intake.conftest import House, opened
from tests.unit.ledger.rows import take, taken, ticket

HOSTILE = "<b onclick=x>INC0010001</b>"


@contextmanager
def asking(db: Database, folder: Path) -> Iterator[tuple[House, str]]:
    """A door with a survey, and the way to the page of the only ticket."""
    take(db, [taken(ticket(summary="Mrs Miller's chart"))])
    row = {"ticket_id": 1, "sink": "servicenow", "remote_id": "r1", "number": HOSTILE, "url": "", "linked_at": 1.0}
    with db.write() as connection:
        connection.execute(insert(link), [{**row, "sent": "{}", "echo": "{}", "notes": "{}"}])
    with opened(folder, FakeClock(), db, survey=True) as house:
        yield house, f"/survey/{token(survey_secret(db), 1)}"


@pytest.fixture
def asked(db: Database, tmp_path: Path) -> Iterator[tuple[House, str]]:
    with asking(db, tmp_path) as made:
        yield made


def answer(house: House, path: str, body: str, kind: str = "application/x-www-form-urlencoded") -> requests.Response:
    return house.sent.post(f"{house.url}{path}", data=body, headers={"Content-Type": kind}, timeout=10)


def answers(db: Database) -> list[tuple[object, ...]]:
    with db.read() as connection:
        return [tuple(row) for row in connection.execute(select(rating.c.ticket_id, rating.c.via, rating.c.score))]


def test_looking_is_no_answer_and_a_button_is(db: Database, asked: tuple[House, str]) -> None:
    house, path = asked
    page = house.get(path)
    assert page.status_code == 200
    assert "How did we do?" in page.text
    assert "Miller" not in page.text
    assert house.sent.head(f"{house.url}{path}", timeout=10).status_code == 200
    assert answers(db) == []
    thanked = answer(house, path, "score=good")
    assert thanked.status_code == 200
    assert thanked.history[0].status_code == 303
    assert "Thank you" in thanked.text
    assert answers(db) == [(1, "survey", "good")]
    answer(house, path, "score=bad")
    assert answers(db) == [(1, "survey", "bad")]
    assert re.search(r'value="bad"[^>]*aria-pressed', house.get(path).text)


def test_nothing_on_the_page_runs_or_comes_from_elsewhere(asked: tuple[House, str]) -> None:
    house, path = asked
    page = house.get(path)
    assert HOSTILE not in page.text
    assert "&lt;b onclick=x&gt;" in page.text
    policy = page.headers["Content-Security-Policy"]
    styles = re.findall(r"<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(styles[0].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    tags: list[str] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: tags.append(tag)  # type: ignore[method-assign]
    reader.feed(page.text)
    assert not {"script", "img", "link", "iframe"} & set(tags)
    assert tags.count("button") == 3


def test_a_link_that_is_not_ours_is_not_known(db: Database, asked: tuple[House, str]) -> None:
    house, path = asked
    strangers = ["/survey/x", "/survey/" + "a" * 29, "/survey/%00%ff", "/survey/" + "a" * 5000, path[:-1] + "2x"]
    other = f"/survey/{token(b'another secret', 1)}"
    gone = f"/survey/{token(survey_secret(db), 99)}"
    for stranger in [*strangers, other, gone]:
        assert house.get(stranger).status_code == 404, stranger
        assert answer(house, stranger, "score=good").status_code == 404, stranger
    assert answers(db) == []


def test_what_is_no_answer_is_refused(db: Database, asked: tuple[House, str]) -> None:
    house, path = asked
    for body in ("", "score=", "score=GOOD", "score=<script>", "score=5", "&".join(["a=b"] * 9), "score=g%C3%BCt", "ü"):
        assert answer(house, path, body).status_code == 400, body
    assert answer(house, path, "score=good", "text/plain").status_code == 400
    assert answer(house, path, "score=good&" + "x" * 5000).status_code == 413
    assert house.sent.put(f"{house.url}{path}", timeout=10).status_code == 405
    assert answers(db) == []


def test_without_a_survey_there_is_no_such_page(db: Database, tmp_path: Path) -> None:
    with opened(tmp_path, FakeClock(), db) as house:
        assert house.get(f"/survey/{token(survey_secret(db), 1)}").status_code == 404


def test_a_door_may_open_for_a_survey_alone(db: Database, tmp_path: Path, clock: FakeClock) -> None:
    with Writer(db, clock) as writer:
        assert Door(db, clock, writer, {}, tmp_path, survey=True).sources == ()
        with pytest.raises(SettingsError, match="no source takes posts"):
            Door(db, clock, writer, {}, tmp_path)
