# ruff: noqa: S101 - parts of a pytest suite: assertions are its point
"""What the suite of a sink works with: the stage that a plugin gives, and writes of every kind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import pytest

from connector.errors import RemoteError
from connector.plugins import Can, Change, Do, Job, Key, Outcome, Receipt, Sink, Write

TEXT = "the words of Jane Q. Sample must stay out of every message"
CONTENT = b"\x89PNG\r\n\x1a\n\x00not really a picture"


class Stage(Protocol):
    """A sink in front of an emulated remote."""

    sink: Sink
    create: Mapping[str, Any]
    """Rendered fields of a ticket that the remote keeps as they are. Put `TEXT` into a long one."""
    change: Mapping[str, Any]
    """Rendered fields of an update: some of those in `create`, with other values."""
    refused: Mapping[str, Any]
    """Rendered fields of a ticket that the remote refuses for its own sake (a rule of the desk, say)."""
    secrets: Collection[str]
    """What must never be shown."""

    def lose_answer(self) -> None:
        """The next write that people can see is carried out, and its answer lost."""

    def unreachable(self) -> Sink:
        """The same sink where nobody listens."""

    def intruder(self) -> Sink:
        """The same sink with a credential that the remote does not accept."""

    def records(self, key: Key) -> int:
        """How many records carry this key."""

    def comments(self, remote_id: str) -> Sequence[str]:
        """The texts of the comments on a record, in any order."""

    def files(self, remote_id: str) -> Sequence[bytes]:
        """The contents of the files on a record, in any order."""

    def problem(self) -> str:
        """The id of a record that others can be made children of. Asked for only where the sink claims LINK."""

    def parent(self, remote_id: str) -> str:
        """The id of the record's parent, "" where it has none. Asked for only where the sink claims LINK."""

    def work(self, remote_id: str, comment: str) -> None:
        """Somebody at the help desk begins with a record and says so to whoever asked. Asked for only where the sink
        claims CHANGES, as are the next two."""

    def end(self, remote_id: str) -> None:
        """Somebody at the help desk resolves a record by hand."""

    def delete(self, remote_id: str) -> None:
        """Somebody at the help desk deletes a record."""

    def writes(self) -> int:
        """How many requests that change something have been made so far."""

    def wait(self) -> None:
        """Some time passes at the remote, in which it gets on with the jobs that it works off."""


def key(name: str, sink: Sink, part: str = "ticket") -> Key:
    return Key("contract-1", "suite", name, sink.table, part)


def creating(stage: Stage, name: str = "T-1") -> Write:
    body = stage.sink.resolve(Do.CREATE, stage.create).body
    return Write(Do.CREATE, key(name, stage.sink), body, stage.create)


def updating(stage: Stage, remote_id: str, name: str = "T-1") -> Write:
    body = stage.sink.resolve(Do.UPDATE, stage.change).body
    return Write(Do.UPDATE, key(name, stage.sink, "update:2"), body, stage.change, remote_id)


def commenting(stage: Stage, remote_id: str, part: str = "comment:1", public: bool = True, name: str = "T-1") -> Write:
    fields = {"text": TEXT, "public": public}
    body = stage.sink.resolve(Do.COMMENT, fields).body
    return Write(Do.COMMENT, key(name, stage.sink, part), body, fields, remote_id)


def attaching(stage: Stage, remote_id: str, name: str = "screen shot ä&b.png") -> Write:
    digest = hashlib.sha256(CONTENT).hexdigest()
    body = {"name": name, "content_type": "image/png", "size": len(CONTENT), "sha256": digest}
    part = f"file:1:{name}:{digest}"
    return Write(Do.ATTACH, key("T-1", stage.sink, part), body, {}, remote_id, lambda: CONTENT)


def linking(stage: Stage, remote_id: str, problem: str | None = None, name: str = "T-1") -> Write:
    """`problem` is the parent, "" for none; a fresh one where it is None."""
    fields = {"problem": stage.problem() if problem is None else problem}
    body = stage.sink.resolve(Do.LINK, fields).body
    return Write(Do.LINK, key(name, stage.sink, "link:1"), body, fields, remote_id)


def solving(stage: Stage, remote_id: str, name: str = "T-1") -> Write:
    fields = {"notes": TEXT}
    return Write(Do.SOLVE, key(name, stage.sink, "solve:1"), fields, fields, remote_id)


def listen(stage: Stage, cursor: dict[str, str], stamps: dict[str, str]) -> list[Change]:
    """What changed of the records named in `stamps`; the cursor and the stamps move on, page by page."""
    stage.wait()
    found: list[Change] = []
    for page in stage.sink.changes(dict(cursor), lambda ids: {each: stamps[each] for each in ids if each in stamps}):
        found += page.changes
        stamps.update({change.remote_id: change.stamp for change in page.changes})
        for entry, value in page.cursor.items():
            if value is None:
                cursor.pop(entry, None)
            else:
                cursor[entry] = value
    return found


WRITES: Mapping[Do, Callable[[Stage, str], Write]] = {
    Do.CREATE: lambda stage, remote_id: creating(stage, "T-2"),
    Do.UPDATE: updating,
    Do.COMMENT: commenting,
    Do.ATTACH: attaching,
    Do.LINK: linking,
    Do.SOLVE: solving,
}


def other(remote_id: str) -> str:
    """An id of the same form that names nothing."""
    return "".join("7" if char.isdigit() else char for char in remote_id[::-1])


def send(sink: Sink, write: Write) -> Receipt:
    call: Callable[[Write], Receipt] = getattr(sink, str(write.do))
    return call(write)


def send_many(stage: Stage, writes: Sequence[Write]) -> Sequence[Outcome]:
    """All in one call, to the end of the job where that is what answers. Raises RemoteError."""
    sink = stage.sink
    answer = (sink.create_many if writes[0].do is Do.CREATE else sink.update_many)(writes)
    for _ in range(_LOOKS):
        if not isinstance(answer, Job):
            return answer
        stage.wait()
        answer = sink.ended({answer.id: writes}).get(answer.id, answer)
    raise AssertionError("the job does not end")


def outcomes(stage: Stage, writes: Sequence[Write]) -> Sequence[Outcome]:
    """As `send_many`; an error that holds of all is the outcome of each."""
    try:
        return send_many(stage, writes)
    except RemoteError as error:
        return [error] * len(writes)


def pass_time(stage: Stage) -> None:
    """Let the remote finish what it may still be doing."""
    for _ in range(_LOOKS):
        stage.wait()


_LOOKS = 60


class Suite:
    """What every part of the suite has."""

    @pytest.fixture
    def stage(self) -> Stage:
        raise NotImplementedError("give a fixture named stage")

    @pytest.fixture
    def made(self, stage: Stage) -> str:
        """The id of a record that exists."""
        return stage.sink.create(creating(stage)).remote_id

    def quiet(self, stage: Stage, error: RemoteError) -> None:
        """The error shows neither text of a ticket nor a secret."""
        shown = f"{error} {error!r} {error.args}"
        assert TEXT not in shown
        assert not [secret for secret in stage.secrets if secret in shown]

    def needs(self, stage: Stage, do: Do) -> None:
        """Skip what the sink does not claim."""
        flag = Can.__members__.get(do.name)
        if flag is not None and flag not in stage.sink.can:
            pytest.skip(f"this sink does not claim {flag.name}")
