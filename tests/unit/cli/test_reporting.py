"""The report on the screen fits 100 columns, and says of each figure what it is."""

from __future__ import annotations

from connector.terminal import reporting

FULL = {
    "tickets": 123_456,
    "observed": 1000,
    "first_answer": {"median": 47 * 3600.0 + 1800, "p90": 99.5 * 86_400, "tickets": 9},
    "resolution": {"median": 89 * 60.0, "p90": 365.5 * 86_400, "tickets": 1000},
    "first_contact": 1000,
    "response_level": {"met": 7, "missed": 0},
    "resolution_level": {"met": 1, "missed": 1},
    "misassigned": 10,
    "reopened": 20,
    "bypassed": 12_345,
    "satisfaction": {"good": 3, "fair": 1, "bad": 0},
}
FACTS = {
    "since": "2026-01-01",
    "until": "2026-12-31",
    "zone": "America/Argentina/Buenos_Aires",
    "site": "a" * 24,
    "by": "month",
    "channels": {"button": FULL, "chatbot": FULL},
    "total": FULL,
    "periods": [{"period": "2026-12", "channels": {"button": FULL, "chatbot": FULL}}],
    "analysts": [{"name": "Dana Meyer", "closed": 4}],
    "problems": [],
}


def test_the_report_fits_100_columns_and_no_head_stands_twice(capsys):
    reporting.show(FACTS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[1:])) <= 100
    for heads in (reporting._SPEED, reporting._CARE):
        assert len(set(heads)) == len(heads)
    assert lines[2].split() == ["answered"] * 3 + ["solved"] * 3
    assert " ".join(lines[3].split()) == "channel tickets" + " half in 90 % in in time" * 2
    row = next(line for line in lines if line.startswith("all"))
    assert row.split() == [
        *("all", "123456", "47.5", "h", "99.5", "d", "100", "%", "89", "min", "365.5", "d", "50", "%")
    ]
    care = [line for line in lines if line.startswith("all")][1]
    assert care.split() == ["all", "100", "%", "1", "%", "2", "%", "12345", "75", "%"]


def test_without_periods_there_is_one_table_of_each(capsys):
    reporting.show({**FACTS, "periods": [], "analysts": None})
    assert capsys.readouterr().out.count("channel") == 2
