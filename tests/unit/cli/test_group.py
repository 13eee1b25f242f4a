"""How a command ends: one message, one exit code, no traceback, whatever went wrong."""

from __future__ import annotations

import errno
import os
import signal
import stat
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from connector.errors import Busy, Finding, NoSuchTicket, Permanent, SettingsError, Transient, Uncertain
from connector.terminal.bug import NAME
from connector.terminal.group import UNREAD, Call, Group, _open_streams
from connector.terminal.stop import StoppableClock


@pytest.fixture
def ending():
    """Run a command that ends with this exception, or by calling this function."""

    def run(end, *args: str, env: dict[str, str] | None = None):
        @click.group(cls=Group)
        def door() -> None: ...

        @door.group()
        def inner() -> None: ...

        @door.command()
        @click.pass_context
        def act(ctx: click.Context) -> None:
            if callable(end):
                end(ctx.find_object(Call))
            else:
                raise end

        inner.add_command(act)
        return CliRunner().invoke(door, list(args) or ["act"], env=env)

    return run


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (SettingsError([Finding("x", "c.yaml:3", "bad", "mend it")]), 2, "connector: c.yaml:3: bad (mend it)\n"),
        (NoSuchTicket("no ticket a:1", "see status"), 2, "connector: no ticket a:1 (see status)\n"),
        (Busy("others are at it"), 4, "connector: others are at it\n"),
        (Transient("it sleeps", "wake it"), 3, "connector: it sleeps (wake it)\n"),
        (Permanent("refused"), 3, "connector: refused\n"),
        (Uncertain("lost"), 3, "connector: lost\n"),
        (click.UsageError("no such thing"), 2, "Usage: door act [OPTIONS]\n\nError: no such thing\n"),
    ],
)
def test_an_error_is_one_message_and_its_code(ending, error, code, message):
    result = ending(error)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.replace("Try 'door act --help' for help.\n", "") == message


def test_no_message_orders_the_terminal_about(ending):
    result = ending(Transient("red \x1b[31m \x1b]0;title\x07 \u202egpj \ud800", "two\nlines"))
    assert result.stderr == f"connector: red {'�'}[31m {'�'}]0;title{'�'} {'�'}gpj {'�'} (two\nlines)\n"


def test_a_full_disk_is_no_bug(ending):
    result = ending(OSError(errno.ENOSPC, "No space left on device"))
    assert result.exit_code == 2
    assert result.stderr.startswith("connector: cannot write: No space left on device (make room")


def test_a_closed_stdout_is_no_bug(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    _open_streams()
    sys.stdout.write("facts")
    sys.stdout.close()


def test_several_findings_are_listed_and_counted(ending):
    findings = [Finding("x", f"c.yaml:{n}", "bad") for n in (1, 2)]
    result = ending(SettingsError(findings))
    assert result.exit_code == 2
    assert result.stderr == "c.yaml:1: bad\nc.yaml:2: bad\nconnector: 2 findings; nothing was done\n"


def test_a_bug_is_one_line_and_a_log_beside_the_ledger(ending, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "c.yaml").write_text("ledger: sqlite:///deep/connector.db\n")
    result = ending(ZeroDivisionError("Mrs Miller, MRN 4711"), "act", "-c", str(tmp_path / "c.yaml"))
    log = tmp_path / "deep" / NAME
    assert result.exit_code == 70
    assert result.stderr.count("\n") == 1
    assert f"this is a bug in connector (ZeroDivisionError); the traceback is in {log}" in result.stderr
    assert "test_group.py" in log.read_text()
    assert "builtins.ZeroDivisionError" in log.read_text()
    assert "4711" not in log.read_text() + result.stderr, "a message may quote a ticket"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_bug_keeps_what_led_to_it(ending, tmp_path):
    def fail(call: Call) -> None:
        try:
            {}["MRN 4711"]
        except KeyError as error:
            raise ValueError from error

    ending(fail, "act", "-c", str(tmp_path / "c.yaml"))
    text = (tmp_path / NAME).read_text()
    assert text.index("builtins.KeyError") < text.index("which led to") < text.index("builtins.ValueError")


def test_a_bug_shows_all_with_vv(ending, tmp_path):
    result = ending(ZeroDivisionError("by zero"), "-v", "act", "-v", "-c", str(tmp_path / "c.yaml"))
    assert result.exit_code == 70
    assert "ZeroDivisionError: by zero" in result.stderr
    assert not list(tmp_path.iterdir())


def test_sigterm_is_a_clean_stop(ending):
    before = signal.getsignal(signal.SIGTERM)
    result = ending(lambda call: os.kill(os.getpid(), signal.SIGTERM))
    assert result.exit_code == 0
    assert result.stderr == "connector: stopped; the next run goes on from here\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_ctrl_c_is_a_clean_stop(ending):
    result = ending(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr == "connector: interrupted; the next run goes on from here\n"


def test_a_closed_pipe_is_no_bug(ending, tmp_path):
    result = ending(BrokenPipeError(32, "Broken pipe"), "act", "-c", str(tmp_path / "c.yaml"))
    assert result.exit_code == UNREAD
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("args", "env", "expected"),
    [
        (["act"], {}, Call()),
        (["act"], {"CONNECTOR_CONFIG": "e.yaml"}, Call(Path("e.yaml"))),
        (["act", "-c", "a.yaml"], {"CONNECTOR_CONFIG": "e.yaml"}, Call(Path("a.yaml"))),
        (["-c", "a.yaml", "act"], {"CONNECTOR_CONFIG": "e.yaml"}, Call(Path("a.yaml"))),
        (["-c", "a.yaml", "act", "-c", "b.yaml"], {}, Call(Path("b.yaml"))),
        (["--json", "-v", "act", "-v"], {}, Call(json=True, verbosity=2)),
        (["act", "--json", "-q"], {}, Call(json=True, verbosity=-1)),
        (["-q", "inner", "--json", "act", "-c", "b.yaml"], {}, Call(Path("b.yaml"), json=True, verbosity=-1)),
    ],
)
def test_shared_options_stand_before_or_after_the_command(ending, args, env, expected):
    seen = []
    result = ending(seen.append, *args, env=env)
    assert result.exit_code == 0, result.output
    assert seen == [expected]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_patient_command_is_only_asked_to_stop(ending, number):
    def work(call: Call) -> None:
        with call.patient():
            os.kill(os.getpid(), number)
            assert call.stop()
            StoppableClock(call).sleep(3600)
        click.echo("finished what was under way")

    result = ending(work)
    assert (result.exit_code, result.stdout) == (0, "finished what was under way\n")


def test_a_second_signal_does_not_ask(ending):
    def work(call: Call) -> None:
        with call.patient():
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError

    assert ending(work).exit_code == 0


def test_a_clock_that_nobody_stops_sleeps_like_any_other():
    clock = StoppableClock(Call())
    before = clock.monotonic()
    clock.sleep(0.01)
    clock.sleep(-1)
    assert clock.monotonic() - before >= 0.01
