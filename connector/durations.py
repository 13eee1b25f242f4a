"""Lengths of time as people write them in settings."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_WRITTEN = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s?([smhd]?)")
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _WRITTEN.fullmatch(value.strip())
    if match is None:
        raise ValueError("a time is written as seconds (90) or with its unit (90s, 15m, 2h, 1d)")
    return float(match[1]) * _UNITS[match[2]]


Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False)]
"""A number of seconds, also written with its unit."""
