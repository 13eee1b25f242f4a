"""What headers say about limits, in all the spellings that have been seen, and in none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.plugins import Allowance, Cost
from connector.wire import Endpoint, rates

NOW = 1_790_000_000.0
ENDPOINTS = (
    Endpoint("update", "tickets-update", "PUT", re.compile(r"/tickets/\d+")),
    Endpoint("update_each", "tickets-update-per-ticket", "PUT", re.compile(r"/tickets/(\d+)"), 600.0),
)
UPDATING: Cost = {"": 1, "update": 1, "update_each/35": 1}


def said(headers: dict[str, str], asked: Cost | None = None, window: float = 60.0) -> list[Allowance]:
    return rates.allowances(headers, ENDPOINTS, asked or {"": 1}, window, NOW)


@pytest.mark.parametrize(
    ("headers", "left"),
    [
        ({"x-rate-limit": "700", "x-rate-limit-remaining": "699"}, (699, None)),
        ({"rate-limit": "700", "rate-limit-remaining": "3", "rate-limit-reset": "41"}, (3, 41.0)),
        ({"ratelimit-limit": "700", "ratelimit-remaining": "0", "ratelimit-reset": "41"}, (0, 41.0)),
        ({"ratelimit-limit": " 700, 700;w=60"}, (None, None)),
    ],
)
def test_the_accounts_limit(headers: dict[str, str], left: tuple[int | None, float | None]) -> None:
    assert said(headers) == [Allowance("", 700, 60.0, *left)]


def test_a_rule_of_servicenow_by_the_hour_resets_at_a_moment() -> None:
    headers = {"x-ratelimit-limit": "1000", "x-ratelimit-reset": str(int(NOW) + 90), "x-ratelimit-rule": "a1"}
    assert said(headers, window=3600.0) == [Allowance("", 1000, 3600.0, None, 90.0)]


@pytest.mark.parametrize("word", ["zendesk-ratelimit-tickets-update", "zendesk-rate-limit-tickets-update"])
def test_an_endpoints_limit(word: str) -> None:
    assert said({word: "total=100; remaining=99; resets=43"}, UPDATING) == [Allowance("update", 100, 60.0, 99, 43.0)]


def test_the_limit_of_one_record() -> None:
    found = said({"zendesk-ratelimit-tickets-update-per-ticket": "total=30; remaining=0; resets=400"}, UPDATING)
    assert found == [Allowance("update_each/35", 30, 600.0, 0, 400.0)]


def test_an_endpoint_of_which_the_answer_says_nothing_is_allowed_as_much_as_the_account() -> None:
    assert Allowance("update", 700, 60.0) in said({"ratelimit-limit": "700"}, UPDATING)
    assert said({}, UPDATING) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"ratelimit-limit": "lots"},
        {"ratelimit-limit": "0"},
        {"ratelimit-limit": "-5"},
        {"ratelimit-remaining": "5"},
        {"ratelimit-limit": "9" * 400},
        {"zendesk-ratelimit-inflight-jobs": "total=30; remaining=0; resets=60"},
        {"zendesk-ratelimit-tickets-update": "remaining=0; resets=60"},
        {"retry-after": "17"},
    ],
)
def test_what_cannot_be_read_is_not_there(headers: dict[str, str]) -> None:
    assert said(headers, UPDATING) == []


@given(
    st.dictionaries(
        st.sampled_from(
            ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "zendesk-ratelimit-tickets-update"]
        ),
        st.one_of(
            st.text(max_size=60), st.integers().map(str), st.just("total=1e9; remaining==; resets=99999999999999")
        ),
    )
)
def test_whatever_headers_say_is_within_reason(headers: dict[str, str]) -> None:
    for each in said(headers, UPDATING):
        assert 0 < each.allowed < 1e9
        assert each.remaining is None or each.remaining >= 0
        assert each.resets is None or 0 <= each.resets <= 86_400


@pytest.mark.parametrize(
    ("method", "path", "cost"),
    [
        ("PUT", "/tickets/35", UPDATING),
        ("GET", "/tickets/35", {"": 1}),
        ("PUT", "/tickets/35/tags", {"": 1}),
    ],
)
def test_what_a_request_costs(method: str, path: str, cost: Cost) -> None:
    assert rates.cost(ENDPOINTS, method, path) == cost
