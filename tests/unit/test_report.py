"""Figures against figures worked out by hand."""

from __future__ import annotations

import statistics
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.report import MOST_PERIODS, By, Case, Sheet, TooMany, lasting, percentile, periods, share
from connector.service_levels import Level, ServiceLevels

HOUR = 3600.0
MONDAY = date(2026, 9, 14)
START = datetime(2026, 9, 14, tzinfo=UTC).timestamp()
NOW = START + 100 * HOUR
LEVELS = ServiceLevels(high=Level(respond=HOUR, resolve=10 * HOUR), low=Level())


def case(**fields: object) -> Case:
    """A ticket of high priority that was reported on Monday at midnight and of which nothing was seen."""
    nothing = {"answered_at": None, "resolved_at": None, "reassigned": 0, "reopened": 0, "replies": 0}
    plain = {"channel": "email", "reported_at": START, "priority": 2, "bypassed": 0, "status": None}
    return Case(**{**plain, **nothing, **fields})  # type: ignore[arg-type]


def solved(after: float, **fields: object) -> Case:
    return case(status="resolved", resolved_at=START + after * HOUR, **fields)


def week(*cases: Case) -> Sheet:
    sheet = Sheet(periods(By.DAY, MONDAY, date(2026, 9, 20), UTC), LEVELS, NOW)
    for each in cases:
        sheet.add(each)
    return sheet


def total(*cases: Case) -> dict[str, object]:
    found: dict[str, object] = week(*cases).document()["total"]
    return found


# ── periods ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("by", "first", "last", "names"),
    [
        (By.DAY, date(2026, 2, 27), date(2026, 3, 1), ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (By.WEEK, date(2026, 12, 30), date(2027, 1, 5), ["2026-W53", "2027-W01"]),
        (By.MONTH, date(2026, 1, 31), date(2026, 3, 1), ["2026-01", "2026-02", "2026-03"]),
        (By.WEEK, MONDAY, MONDAY, ["2026-W38"]),
    ],
)
def test_periods_have_names_and_cover_the_days_asked_for(by: By, first: date, last: date, names: list[str]) -> None:
    found = periods(by, first, last, UTC)
    assert [period.name for period in found] == names
    assert (found[0].first, found[-1].last) == (first, last)
    assert [period.end for period in found[:-1]] == [period.begin for period in found[1:]]


def test_without_a_beginning_there_are_as_many_as_are_looked_at() -> None:
    assert [len(periods(by, None, date(2026, 3, 31), UTC)) for by in By] == [14, 12, 12]
    assert periods(By.WEEK, None, date(2026, 9, 16), UTC)[-1].first == MONDAY
    assert periods(By.MONTH, None, date(2026, 3, 31), UTC)[0].first == date(2025, 4, 1)


def test_days_begin_where_the_zone_says_and_may_have_25_hours() -> None:
    day = periods(By.DAY, date(2026, 10, 25), date(2026, 10, 25), ZoneInfo("Europe/Berlin"))[0]
    assert day.begin == datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()
    assert day.end - day.begin == 25 * HOUR


def test_too_many_periods_and_a_beginning_after_the_end_are_refused() -> None:
    with pytest.raises(TooMany):
        periods(By.DAY, date(1970, 1, 1), date(2026, 1, 1), UTC)
    assert len(periods(By.DAY, date(2025, 1, 1), date(2026, 2, 4), UTC)) == MOST_PERIODS
    with pytest.raises(ValueError, match="later than"):
        periods(By.DAY, date(2026, 1, 2), date(2026, 1, 1), UTC)


@given(st.sampled_from(list(By)), st.dates(date(1971, 1, 1), date(9000, 1, 1)), st.integers(0, 300))
def test_periods_follow_each_other_without_gap(by: By, first: date, days: int) -> None:
    last = date.fromordinal(first.toordinal() + days)
    found = periods(by, first, last, UTC)
    assert (found[0].first, found[-1].last) == (first, last)
    assert all(one.end == other.begin for one, other in pairwise(found))
    assert all(period.begin < period.end for period in found)
    assert len({period.name for period in found}) == len(found)


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_times_run_from_the_report_to_the_first_answer_and_to_the_solution() -> None:
    hours = (1, 2, 3, 10)
    found = total(*(solved(each, answered_at=START + each * HOUR / 2) for each in hours))
    assert found["resolution"] == {"tickets": 4, "median": 2.5 * HOUR, "p90": 28_440.0}  # 3 h + 0.7 x 7 h
    assert found["first_answer"] == {"tickets": 4, "median": 1.25 * HOUR, "p90": 14_220.0}


def test_the_solution_is_the_first_answer_to_whom_nothing_was_said_before() -> None:
    found = total(solved(4), solved(6, answered_at=START + 9 * HOUR))
    assert found["first_answer"] == {"tickets": 2, "median": 5 * HOUR, "p90": 5.8 * HOUR}


def test_what_was_withdrawn_has_no_times_and_what_was_never_seen_has_no_figures() -> None:
    gone = [case(status=status, resolved_at=START + HOUR) for status in ("cancelled", "merged", "gone")]
    found = total(*gone, case())
    assert (found["tickets"], found["observed"]) == (4, 3)
    assert found["resolution"] == {"tickets": 0, "median": None, "p90": None}
    assert found["response_level"] == found["resolution_level"] == {"met": 0, "missed": 0}


def test_what_was_reopened_is_not_solved() -> None:
    assert total(case(status="open", resolved_at=START + HOUR))["resolution"] == {
        "tickets": 0,
        "median": None,
        "p90": None,
    }


def test_an_answer_before_the_question_is_the_clocks_doing() -> None:
    assert total(solved(-2))["resolution"] == {"tickets": 1, "median": 0.0, "p90": 0.0}


@given(st.lists(st.floats(0, 1e9), min_size=2))
def test_the_median_is_everybodys_median(values: list[float]) -> None:
    ordered = sorted(values)
    assert percentile(ordered, 0.5) == pytest.approx(statistics.median(values))
    nine = percentile(ordered, 0.9)
    assert nine == pytest.approx(statistics.quantiles(values, n=10, method="inclusive")[8])


# ── counts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_first_contact_is_one_answer_and_nobody_else() -> None:
    yes = [solved(1), solved(1, replies=1)]
    no = [solved(1, replies=2), solved(1, reassigned=1), solved(1, reopened=1), case(status="open")]
    assert total(*yes, *no)["first_contact"] == 2


def test_misassigned_is_reassigned_twice() -> None:
    found = total(*(case(status="open", reassigned=count) for count in (None, 0, 1, 2, 3)))
    assert found["misassigned"] == 2


def test_service_levels_are_met_missed_or_still_to_come() -> None:
    found = total(
        solved(10, answered_at=START + HOUR),  # both to the second
        solved(10.1, answered_at=START + 1.1 * HOUR),
        case(status="open"),  # 100 hours by now
        case(status="open", reported_at=NOW - HOUR / 2),  # an hour is not over
        solved(50, priority=4),  # by agreement
        solved(50, priority=None),
    )
    assert found["response_level"] == {"met": 1, "missed": 2}
    assert found["resolution_level"] == {"met": 1, "missed": 2}


def test_opinions_count_and_what_is_none_does_not() -> None:
    sheet = week(case())
    for score in ("good", "good", "bad", "offered", "", "<b>"):
        sheet.score("email", START, score)
    assert sheet.document()["total"]["satisfaction"] == {"good": 2, "fair": 0, "bad": 1}


def test_each_ticket_is_in_its_period_and_its_channel() -> None:
    tuesday = START + 24 * HOUR
    found = week(
        case(bypassed=1), case(reported_at=tuesday - 1), case(reported_at=tuesday, channel="button")
    ).document()
    assert [period["total"]["tickets"] for period in found["periods"]] == [2, 1, 0, 0, 0, 0, 0]
    assert list(found["periods"][0]["channels"]) == ["email"]
    assert {name: figures["tickets"] for name, figures in found["channels"].items()} == {"button": 1, "email": 2}
    assert (found["total"]["tickets"], found["total"]["bypassed"]) == (3, 1)
    assert found["periods"][1]["channels"] == {"button": found["channels"]["button"]}


def test_a_sheet_without_tickets_is_a_sheet() -> None:
    found = week().document()
    assert (found["total"]["tickets"], found["channels"], len(found["periods"])) == (0, {}, 7)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (5399, "90 min"),
        (5400, "1.5 h"),
        (36_000, "10 h"),
        (172_799, "48 h"),
        (172_800, "2 d"),
        (8_700_000, "100.7 d"),
    ],
)
def test_times_are_said_as_people_do(seconds: float | None, said: str) -> None:
    assert lasting(seconds) == said
    assert (share(1, 3), share(0, 0)) == ("33 %", "")
