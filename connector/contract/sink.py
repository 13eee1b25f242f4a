# ruff: noqa: S101 - a pytest suite: assertions are its point
"""What every sink must do. A plugin proves it by subclassing `SinkContract` and giving a `stage`.

    class TestMyDesk(SinkContract):
        @pytest.fixture
        def stage(self) -> Stage: ...

The stage holds the sink, set up against an emulation of its remote, and the switches that this suite needs. Every test
gets a fresh one. Tests of what the sink does not claim (`can`) are skipped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

import pytest

from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.plugins import Can, Do, Key, Receipt, Sink, Write

TEXT = "the words of Jane Q. Sample must stay out of every message"
CONTENT = b"\x89PNG\r\n\x1a\n\x00not really a picture"


class Stage(Protocol):
    """A sink in front of an emulated remote."""

    sink: Sink
    create: Mapping[str, Any]
    """Rendered fields of a ticket that the remote keeps as they are. Put `TEXT` into a long one."""
    change: Mapping[str, Any]
    """Rendered fields of an update: some of those in `create`, with other values."""
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

    def writes(self) -> int:
        """How many requests that change something have been made so far."""


def key(name: str, sink: Sink, part: str = "ticket") -> Key:
    return Key("contract-1", "suite", name, sink.table, part)


def creating(stage: Stage, name: str = "T-1") -> Write:
    body = stage.sink.resolve(Do.CREATE, stage.create).body
    return Write(Do.CREATE, key(name, stage.sink), body, stage.create)


def updating(stage: Stage, remote_id: str, name: str = "T-1") -> Write:
    body = stage.sink.resolve(Do.UPDATE, stage.change).body
    return Write(Do.UPDATE, key(name, stage.sink, "update:2"), body, stage.change, remote_id)


def commenting(stage: Stage, remote_id: str, part: str = "comment:1", public: bool = True) -> Write:
    fields = {"text": TEXT, "public": public}
    body = stage.sink.resolve(Do.COMMENT, fields).body
    return Write(Do.COMMENT, key("T-1", stage.sink, part), body, fields, remote_id)


def attaching(stage: Stage, remote_id: str, name: str = "screen shot ä&b.png") -> Write:
    digest = hashlib.sha256(CONTENT).hexdigest()
    body = {"name": name, "content_type": "image/png", "size": len(CONTENT), "sha256": digest}
    part = f"file:1:{name}:{digest}"
    return Write(Do.ATTACH, key("T-1", stage.sink, part), body, {}, remote_id, lambda: CONTENT)


WRITES: Mapping[Do, Callable[[Stage, str], Write]] = {
    Do.CREATE: lambda stage, remote_id: creating(stage, "T-2"),
    Do.UPDATE: updating,
    Do.COMMENT: commenting,
    Do.ATTACH: attaching,
}


def send(sink: Sink, write: Write) -> Receipt:
    call: Callable[[Write], Receipt] = getattr(sink, str(write.do))
    return call(write)


class SinkContract:
    """The suite."""

    @pytest.fixture
    def stage(self) -> Stage:
        raise NotImplementedError("give a fixture named stage")

    @pytest.fixture
    def made(self, stage: Stage) -> str:
        """The id of a record that exists."""
        return stage.sink.create(creating(stage)).remote_id

    def quiet(self, stage: Stage, error: RemoteError) -> None:
        shown = f"{error} {error!r} {error.args}"
        assert TEXT not in shown
        assert not [secret for secret in stage.secrets if secret in shown]

    # ── what it says of itself ───────────────────────────────────────────────────────────────────────────────────

    def test_flags_and_methods_agree(self, stage: Stage) -> None:
        named = {Can.FIND: "find", Can.COMMENT: "comment", Can.ATTACH: "attach", Can.LINK: "link"}
        for flag, method in named.items():
            if flag in stage.sink.can:
                assert callable(getattr(stage.sink, method, None)), method

    def test_what_a_mapping_may_write_is_known_without_asking(self, stage: Stage) -> None:
        specs = stage.unreachable().fields()
        names = {spec.name for spec in specs}
        stems = tuple(name[:-1] for name in names if name.endswith("*"))
        for name in (*stage.create, *stage.change):
            assert name in names or name.startswith(stems), name

    def test_no_secret_in_repr(self, stage: Stage) -> None:
        shown = f"{stage.sink!r} {vars(stage.sink)!r}"
        assert not [secret for secret in stage.secrets if secret in shown]

    def test_times_are_positive(self, stage: Stage) -> None:
        assert stage.sink.settle_after > 0
        assert stage.sink.call_seconds > 0

    # ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_check_and_resolve_write_nothing(self, stage: Stage) -> None:
        before = stage.writes()
        stage.sink.check()
        for do in (Do.CREATE, Do.UPDATE):
            stage.sink.resolve(do, stage.create)
        assert stage.writes() == before

    def test_resolve_gives_the_same_body_twice(self, stage: Stage) -> None:
        assert creating(stage).body == creating(stage).body

    def test_what_is_not_there_reads_as_none(self, stage: Stage, made: str) -> None:
        assert stage.sink.read(_other(made), tuple(stage.create)) is None

    def test_check_of_a_wrong_credential_is_a_finding(self, stage: Stage) -> None:
        findings = stage.intruder().check()
        assert findings
        assert not [secret for secret in stage.secrets if secret in str(findings)]

    # ── create and find ──────────────────────────────────────────────────────────────────────────────────────────

    def test_what_is_created_is_found(self, stage: Stage) -> None:
        write = creating(stage)
        receipt = stage.sink.create(write)
        assert receipt.remote_id
        assert not receipt.unkept
        look = stage.sink.find(write, None)
        assert [found.remote_id for found in look.found] == [receipt.remote_id]
        assert stage.records(write.key) == 1

    def test_the_echo_is_what_a_read_gives(self, stage: Stage) -> None:
        receipt = stage.sink.create(creating(stage))
        remote = stage.sink.read(receipt.remote_id, tuple(receipt.echo))
        assert remote is not None
        assert dict(remote.fields) == dict(receipt.echo)
        assert not remote.closed

    def test_a_guarded_create_makes_one_record_however_often_it_is_sent(self, stage: Stage) -> None:
        write = creating(stage)
        receipt = stage.sink.create(write)
        if not stage.sink.guards(write, 1.0):
            pytest.skip("this remote does not refuse a second copy")
        try:
            assert stage.sink.create(write).remote_id == receipt.remote_id
        except Uncertain as error:
            self.quiet(stage, error)
        assert stage.records(write.key) == 1
        assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]

    def test_an_unknown_key_is_absent_by_the_remotes_clock(self, stage: Stage, made: str) -> None:
        look = stage.sink.find(creating(stage, "never sent"), None)
        assert not look.found
        assert look.date is not None
        assert look.control is None

    def test_a_known_record_is_the_control(self, stage: Stage, made: str) -> None:
        unknown = creating(stage, "never sent")
        assert stage.sink.find(unknown, creating(stage)).control is True
        assert stage.sink.find(unknown, creating(stage, "nor this")).control is False

    def test_another_site_is_never_adopted(self, stage: Stage, made: str) -> None:
        ours = creating(stage)
        theirs = Key("contract-2", ours.key.source, ours.key.external_id, ours.key.table, ours.key.part)
        assert not stage.sink.find(Write(Do.CREATE, theirs, ours.body, ours.fields), None).found

    # ── update, comment, attach ──────────────────────────────────────────────────────────────────────────────────

    def test_an_update_changes_its_fields_and_no_other(self, stage: Stage, made: str) -> None:
        names = tuple(stage.create)
        before = stage.sink.read(made, names)
        write = updating(stage, made)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.update(write)
        after = stage.sink.read(made, names)
        assert before is not None
        assert after is not None
        changed = {name for name in before.fields if before.fields[name] != after.fields[name]}
        assert changed == set(stage.change)
        assert receipt.remote_id == made
        assert not receipt.unkept
        assert stage.sink.find(write, None).found
        assert stage.sink.guards(write, 1e9)

    @pytest.mark.parametrize("public", [True, False])
    def test_a_comment_is_said_once_and_found_again(self, stage: Stage, made: str, public: bool) -> None:
        _needs(stage, Can.COMMENT)
        write = commenting(stage, made, public=public)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.comment(write)
        assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        assert len([text for text in stage.comments(made) if TEXT in text]) == 1

    def test_comments_do_not_answer_for_each_other(self, stage: Stage, made: str) -> None:
        _needs(stage, Can.COMMENT)
        first, second = commenting(stage, made), commenting(stage, made, "comment:2")
        stage.sink.comment(first)
        look = stage.sink.find(second, first)
        assert not look.found
        assert look.control is True
        assert look.date is not None

    def test_a_file_arrives_whole_and_is_found_again(self, stage: Stage, made: str) -> None:
        _needs(stage, Can.ATTACH)
        write = attaching(stage, made)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.attach(write)
        assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        assert list(stage.files(made)) == [CONTENT]
        look = stage.sink.find(attaching(stage, made, "another.png"), write)
        assert not look.found
        assert look.control is True

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("do", WRITES)
    def test_a_lost_answer_is_uncertain_and_a_look_settles_it(self, stage: Stage, made: str, do: Do) -> None:
        _can(stage, do)
        write = WRITES[do](stage, made)
        stage.lose_answer()
        with pytest.raises(Uncertain) as caught:
            send(stage.sink, write)
        self.quiet(stage, caught.value)
        assert len(stage.sink.find(write, None).found) == 1

    @pytest.mark.parametrize("do", WRITES)
    def test_nobody_listens_is_transient(self, stage: Stage, made: str, do: Do) -> None:
        _can(stage, do)
        with pytest.raises(Transient) as caught:
            send(stage.unreachable(), WRITES[do](stage, made))
        self.quiet(stage, caught.value)
        assert caught.value.scope is Scope.ACCOUNT

    @pytest.mark.parametrize("do", WRITES)
    def test_a_wrong_credential_concerns_the_account(self, stage: Stage, made: str, do: Do) -> None:
        _can(stage, do)
        with pytest.raises(Permanent) as caught:
            send(stage.intruder(), WRITES[do](stage, made))
        self.quiet(stage, caught.value)
        assert caught.value.scope is Scope.ACCOUNT

    @pytest.mark.parametrize("do", [Do.UPDATE, Do.COMMENT, Do.ATTACH])
    def test_a_record_that_is_gone_says_so(self, stage: Stage, made: str, do: Do) -> None:
        _can(stage, do)
        with pytest.raises(Permanent) as caught:
            send(stage.sink, WRITES[do](stage, _other(made)))
        self.quiet(stage, caught.value)
        assert caught.value.code == "gone"


def _other(remote_id: str) -> str:
    """An id of the same form that names nothing."""
    return "".join("7" if char.isdigit() else char for char in remote_id[::-1])


def _needs(stage: Stage, flag: Can) -> None:
    if flag not in stage.sink.can:
        pytest.skip(f"this sink does not claim {flag.name}")


def _can(stage: Stage, do: Do) -> None:
    if do in (Do.COMMENT, Do.ATTACH):
        _needs(stage, Can[do.name])
