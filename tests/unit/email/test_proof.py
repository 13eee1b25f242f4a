"""Whom the site's own server has proved."""

from __future__ import annotations

import pytest

from connector.sources.email.parse import parse
from connector.sources.email.proof import proved

from .build import mail

OURS = "mx.hospital.example"
EXCHANGE = (
    "spf=pass (sender IP is 1.2.3.4) smtp.mailfrom=it.example; dkim=none; dmarc=pass action=none header.from=it.example"
)


@pytest.mark.parametrize(
    ("result", "authserv", "expected"),
    [
        (f"{OURS}; dmarc=pass header.from=it.example", OURS, True),
        (f"{OURS.upper()} 1; dmarc=pass (p=reject) header.from=it.example", OURS, True),
        (f"{OURS}; dmarc=pass", OURS, True),
        (f"{OURS}; dmarc=pass header.from=other.example", OURS, False),
        (f"{OURS}; dmarc=fail header.from=it.example", OURS, False),
        (f"{OURS}; dkim=pass header.d=it.example", OURS, True),
        (f"{OURS}; dkim=pass header.i=@it.example", OURS, True),
        (f"{OURS}; dkim=pass header.d=example", OURS, False),
        (f"{OURS}; dkim=pass header.d=evilit.example", OURS, False),
        (f"{OURS}; dkim=pass", OURS, False),
        (f"{OURS}; spf=pass smtp.mailfrom=bounce@it.example", OURS, True),
        (f"{OURS}; spf=softfail smtp.mailfrom=it.example", OURS, False),
        (f"{OURS}; none", OURS, False),
        (f"{OURS}; x=y; comment (dmarc=pass header.from=it.example)", OURS, False),
        ("mx.evil.example; dmarc=pass header.from=it.example", OURS, False),
        (f"{OURS}.evil.example; dmarc=pass header.from=it.example", OURS, False),
        (EXCHANGE, "none", True),
        (EXCHANGE, OURS, False),
        (f"{OURS}; dmarc=pass header.from=it.example", "", False),
    ],
)
def test_a_result(result: str, authserv: str, expected: bool) -> None:
    fields = parse(mail(Authentication_Results=result)).root.fields
    assert proved(fields, authserv, "tom@it.example") is expected


def test_only_the_topmost_result_of_our_server_counts() -> None:
    below = mail(Authentication_Results=f"{OURS}; dmarc=pass header.from=it.example")
    fields = parse(f"Authentication-Results: {OURS}; dmarc=fail\r\n".encode() + below).root.fields
    assert not proved(fields, OURS, "tom@it.example")
