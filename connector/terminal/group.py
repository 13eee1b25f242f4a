"""How every command starts and ends: the options all share, errors as one message, the exit code.

Importing this module loads click and the error tree and nothing else, so that `--help` is quick.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

import click

from connector.errors import ConnectorError, SettingsError

_ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
BUG = 70
INTERRUPTED = 130
UNREAD = 141


@dataclass
class Call:
    """What was asked for besides the command: which settings, what form of output, how talkative."""

    config: Path = Path("connector.yaml")
    json: bool = False
    verbosity: int = 0
    waits: bool = field(default=False, repr=False, compare=False)
    stopping: bool = field(default=False, repr=False, compare=False)

    @contextmanager
    def patient(self) -> Iterator[None]:
        """While this lasts, the first signal only asks to stop (`stop()`); a second one does not ask."""
        self.waits = True
        try:
            yield
        finally:
            self.waits = False

    def stop(self) -> bool:
        """Has somebody asked the run to end?"""
        return self.stopping

    @property
    def quiet(self) -> bool:
        """Results and errors only."""
        return self.verbosity < 0


class Stopped(BaseException):
    """SIGTERM came: end cleanly."""


def shared() -> list[click.Option]:
    """The options that are accepted before and after the name of a command."""
    return [
        click.Option(
            ["-c", "--config"],
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="CONNECTOR_CONFIG",
            metavar="FILE",
            help="Settings file, ./connector.yaml unless CONNECTOR_CONFIG names another.",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            help="Print one JSON document on stdout; logs go to stderr.",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["-v", "--verbose"], count=True, help="Say more; twice for all.", expose_value=False, callback=_more
        ),
        click.Option(["-q", "--quiet"], count=True, help="Say less.", expose_value=False, callback=_less),
    ]


def _keep(context: click.Context, option: click.Parameter, value: Any) -> None:
    given = context.get_parameter_source(option.name or "")
    inherited = given is click.core.ParameterSource.ENVIRONMENT and context.parent is not None
    if value and not inherited:  # what stands before the command is closer to the person than the environment
        setattr(context.ensure_object(Call), option.name or "", value)


def _more(context: click.Context, _: click.Parameter, value: int) -> None:
    context.ensure_object(Call).verbosity += value


def _less(context: click.Context, _: click.Parameter, value: int) -> None:
    context.ensure_object(Call).verbosity -= value


class Day(click.ParamType[date]):
    """A day of the calendar, as in 2026-10-01."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day. Ends in a usage error where it is none."""
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2026-10-01", param, ctx)


class Command(click.Command):
    """A command that takes the shared options too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared()

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole sentence; the list of commands wraps it."""
        return (self.help or "").rstrip(".")


class Group(click.Group):
    """A group of commands; the outermost one turns what went wrong into a message and an exit code."""

    command_class = Command
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += shared()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them, which is that of the code."""
        return list(self.commands)

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole sentence; the list of commands wraps it."""
        return (self.help or "").rstrip(".")

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Ends the process with the code of the error, if there is one."""
        if ctx.parent is not None:
            return super().invoke(ctx)
        call = ctx.ensure_object(Call)
        _open_streams()
        try:
            with _signals(call):
                return super().invoke(ctx)
        except ConnectorError as error:
            _refuse(ctx, error)
        except Stopped:
            _end(ctx, "stopped; the next run goes on from here", 0)
        except KeyboardInterrupt:
            _end(ctx, "interrupted; the next run goes on from here", INTERRUPTED)
        except Exception as error:
            if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort):
                raise
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                _hush()
                ctx.exit(UNREAD)
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                _end(ctx, f"cannot write: {error.strerror} (make room, or see to the rights; then run it again)", 2)
            _bug(ctx, call, error)


def fold(text: str) -> str:
    """The text without what a terminal would obey; on a terminal, its long lines are broken at words."""
    text = _ORDERS.sub("\N{REPLACEMENT CHARACTER}", text)
    if not sys.stderr.isatty():
        return text
    import shutil
    import textwrap

    width = max(shutil.get_terminal_size().columns, 40)
    lines = (textwrap.fill(line, width, subsequent_indent="    ", break_long_words=False) for line in text.split("\n"))
    return "\n".join(lines)


def _refuse(ctx: click.Context, error: ConnectorError) -> NoReturn:
    if isinstance(error, SettingsError) and len(error.findings) > 1:
        click.echo(fold(str(error)), err=True)
        _end(ctx, f"{len(error.findings)} findings; nothing was done", error.exit_code)
    _end(ctx, str(error), error.exit_code)


def _end(ctx: click.Context, message: str, code: int) -> NoReturn:
    click.echo(fold(f"connector: {message}"), err=True)
    ctx.exit(code)


def _bug(ctx: click.Context, call: Call, error: Exception) -> NoReturn:
    from connector.terminal.bug import written

    if call.verbosity >= 2:
        import traceback

        traceback.print_exception(error)
        place = "the traceback is above"
    else:
        place = f"the traceback is in {written(error, call.config)}"
    _end(ctx, f"this is a bug in connector ({type(error).__name__}); {place}; please report it", BUG)


def _open_streams() -> None:
    """A stream that was closed before we began (`>&-`) swallows what is written to it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            _swallow(name)


def _hush() -> None:
    """Whoever read the output has gone (`| head`): what is left of it goes nowhere, and no error is made of that."""
    for name in ("stdout", "stderr"):
        _swallow(name)


def _swallow(name: str) -> None:
    setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process


@contextmanager
def _signals(call: Call) -> Iterator[None]:
    """SIGTERM raises Stopped and Ctrl-C KeyboardInterrupt, unless the call is patient and this is the first."""

    def caught(number: int, frame: object) -> None:
        if call.waits and not call.stopping:
            call.stopping = True
            os.write(2, b"connector: stopping after what is under way\n")
            return
        raise Stopped if number == signal.SIGTERM else KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # whoever runs us there handles signals
        return
    before = {number: signal.signal(number, caught) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
