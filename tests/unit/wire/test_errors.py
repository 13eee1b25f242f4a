"""The tables: nothing that the libraries can raise is missing from them, and every sight has its verdict."""

from __future__ import annotations

import importlib
import inspect
import ssl
from collections.abc import Iterator

import pytest
import requests
import urllib3

from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.wire import Effect, Seen, verdict
from connector.wire import errors as wire_errors

LIBRARIES = ("requests.exceptions", "urllib3.exceptions", "pysnow.exceptions", "zenpy.lib.exception")


def exceptions() -> Iterator[type[Exception]]:
    for name in LIBRARIES:
        for each in vars(importlib.import_module(name)).values():
            if inspect.isclass(each) and issubclass(each, Exception) and not issubclass(each, Warning):
                yield each


@pytest.mark.parametrize("kind", sorted(set(exceptions()), key=str), ids=lambda kind: kind.__name__)
def test_every_exception_of_the_libraries_is_listed(kind: type[Exception]) -> None:
    if kind.__module__ in LIBRARIES:
        assert f"{kind.__module__}.{kind.__qualname__}" in wire_errors.EXCEPTIONS


def test_nothing_is_listed_that_does_not_exist() -> None:
    for name in wire_errors.EXCEPTIONS:
        module, _, kind = name.rpartition(".")
        assert hasattr(importlib.import_module(module), kind), name


def test_every_sight_has_a_verdict_and_no_write_is_repeated_by_default() -> None:
    assert set(wire_errors.VERDICTS) == set(Seen)
    for seen in (Seen.LOST, Seen.GARBLED, Seen.FAILED, Seen.DOWN, Seen.ODD, Seen.PAGE, Seen.MAYBE_DONE):
        assert isinstance(verdict(seen, Effect.WRITE, "desk"), Uncertain)
        assert isinstance(verdict(seen, Effect.READ, "desk"), Transient)


def test_a_wrong_certificate_names_the_remedy() -> None:
    inner = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
    pool = urllib3.HTTPConnectionPool("desk.example")
    error = requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/", inner))
    seen = wire_errors.exception(error, False)
    told = verdict(seen, Effect.WRITE, "desk")
    assert isinstance(told, Permanent)
    assert told.scope is Scope.ACCOUNT
    assert "ca_bundle" in told.remedy


def test_what_left_decides_over_what_the_exception_is_called() -> None:
    error = requests.exceptions.ConnectTimeout()
    assert wire_errors.exception(error, None) is Seen.UNREACHABLE
    assert wire_errors.exception(error, True) is Seen.LOST
    assert wire_errors.exception(requests.exceptions.ReadTimeout(), False) is Seen.UNREACHABLE


def test_an_exception_that_nobody_knows() -> None:
    assert wire_errors.exception(ZeroDivisionError()) is Seen.ODD
