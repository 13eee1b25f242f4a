"""The tables: nothing that the libraries can raise is missing from them, and every sight has its verdict."""

from __future__ import annotations

import http
import importlib
import inspect
import pkgutil
import ssl
import warnings
from collections.abc import Iterator

import pytest
import requests
import urllib3

from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.wire import Effect, Seen, exceptions, verdict
from connector.wire import errors as wire_errors

PACKAGES = ("requests", "urllib3", "pysnow", "zenpy")
MODULES = ("http.client", "ssl", "socket")


def modules() -> Iterator[str]:
    yield from MODULES
    for package in PACKAGES:
        path = importlib.import_module(package).__path__
        yield from (module.name for module in pkgutil.walk_packages(path, f"{package}."))


def raised() -> Iterator[type[Exception]]:
    """Every exception that a module of the libraries defines, and what the operating system raises on a line."""
    for name in modules():
        try:
            with warnings.catch_warnings(action="ignore"):
                module = importlib.import_module(name)
        except ImportError:  # for another platform, or for a library that is not there
            continue
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Exception) and not issubclass(kind, Warning):
                own = kind.__module__.partition(".")[0] in PACKAGES or kind.__module__ in MODULES
                if own and not kind.__name__.startswith("_"):
                    yield kind
    yield from [OSError, TimeoutError, ConnectionError]
    yield from ConnectionError.__subclasses__()


@pytest.mark.parametrize("kind", sorted(set(raised()), key=str), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_libraries_is_listed(kind: type[Exception]) -> None:
    assert f"{kind.__module__}.{kind.__qualname__}" in exceptions.EXCEPTIONS


def test_the_walk_sees_the_libraries() -> None:
    assert len(set(raised())) > 100
    assert {kind.__module__ for kind in raised()} >= {
        *MODULES,
        "requests.exceptions",
        "urllib3.exceptions",
        "pysnow.exceptions",
        "zenpy.lib.exception",
    }


def test_nothing_is_listed_that_does_not_exist() -> None:
    for name in exceptions.EXCEPTIONS:
        module, _, kind = name.rpartition(".")
        assert hasattr(importlib.import_module(module), kind), name


def test_of_those_wrapped_in_each_other_one_always_tells() -> None:
    assert set(exceptions.EXCEPTIONS.values()) - {Seen.ODD} <= set(exceptions.TELLING)


@pytest.mark.parametrize("kind", sorted(set(raised()), key=str), ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_write_is_repeated_after_its_bytes_left(kind: type[Exception]) -> None:
    seen = exceptions.exception(kind.__new__(kind), True)
    assert not isinstance(verdict(seen, Effect.WRITE, "desk"), Transient) or seen is Seen.BUSY


@pytest.mark.parametrize("status", [each for each in http.HTTPStatus if each >= 400])
def test_every_status_that_has_a_name_is_listed_or_a_failure(status: http.HTTPStatus) -> None:
    seen = wire_errors.status(status, "", False, wire_errors.PLAIN)
    assert status in wire_errors.STATUSES or seen in (Seen.FAILED, Seen.ODD)


def test_no_status_lets_a_write_be_repeated_unless_it_says_that_nothing_was_done() -> None:
    for status in range(300, 1000):
        told = verdict(wire_errors.status(status, "", False, wire_errors.PLAIN), Effect.WRITE, "desk")
        assert not isinstance(told, Transient) or status in {407, 423, 425, 429, 511}
        assert not isinstance(told, Permanent) or 300 <= status < 500 or status in {501, 505}


def test_every_sight_has_a_verdict_and_no_write_is_repeated_by_default() -> None:
    assert set(wire_errors.VERDICTS) == set(Seen)
    for seen in (Seen.LOST, Seen.GARBLED, Seen.FAILED, Seen.DOWN, Seen.ODD, Seen.PAGE, Seen.MAYBE_DONE):
        assert isinstance(verdict(seen, Effect.WRITE, "desk"), Uncertain)
        assert isinstance(verdict(seen, Effect.READ, "desk"), Transient)


def test_a_wrong_certificate_names_the_remedy() -> None:
    inner = urllib3.exceptions.SSLError(ssl.SSLCertVerificationError("self-signed"))
    pool = urllib3.HTTPConnectionPool("desk.example")
    error = requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/", inner))
    seen = exceptions.exception(error, False)
    told = verdict(seen, Effect.WRITE, "desk")
    assert isinstance(told, Permanent)
    assert told.scope is Scope.ACCOUNT
    assert "ca_bundle" in told.remedy


def test_what_left_decides_over_what_the_exception_is_called() -> None:
    error = requests.exceptions.ConnectTimeout()
    assert exceptions.exception(error, None) is Seen.UNREACHABLE
    assert exceptions.exception(error, True) is Seen.LOST
    assert exceptions.exception(requests.exceptions.ReadTimeout(), False) is Seen.UNREACHABLE


def test_an_exception_that_nobody_knows() -> None:
    assert exceptions.exception(ZeroDivisionError()) is Seen.ODD
