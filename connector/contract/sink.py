# ruff: noqa: S101 - a pytest suite: assertions are its point
"""What every sink must do. A plugin proves it by subclassing `SinkContract` and giving a `stage`.

    class TestMyDesk(SinkContract):
        @pytest.fixture
        def stage(self) -> Stage: ...

The stage holds the sink, set up against an emulation of its remote, and the switches that this suite needs. Every test
gets a fresh one. Tests of what the sink does not claim (`can`) are skipped. A sink without calls for many takes what
the protocol asks of them from `plugins.OneByOne`.
"""

from __future__ import annotations

import pytest

from connector.contract.many import ManyAtOnce
from connector.contract.stage import (
    CONTENT,
    TEXT,
    WRITES,
    Stage,
    attaching,
    commenting,
    creating,
    linking,
    listen,
    other,
    send,
    solving,
    updating,
)
from connector.errors import Permanent, Scope, Transient, Uncertain
from connector.plugins import Can, Do, Key, Status, Write

__all__ = ["CONTENT", "TEXT", "SinkContract", "Stage"]


class SinkContract(ManyAtOnce):
    """The suite."""

    # ── what it says of itself ───────────────────────────────────────────────────────────────────────────────────

    def test_flags_and_methods_agree(self, stage: Stage) -> None:
        named = {Can.FIND: "find", Can.COMMENT: "comment", Can.ATTACH: "attach", Can.LINK: "link"}
        named |= {Can.SOLVE: "solve", Can.CHANGES: "changes"}
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
        assert stage.sink.read(other(made), tuple(stage.create)) is None

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

    def test_an_update_changes_its_fields_and_noother(self, stage: Stage, made: str) -> None:
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
        self.needs(stage, Do.COMMENT)
        write = commenting(stage, made, public=public)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.comment(write)
        assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        assert len([text for text in stage.comments(made) if TEXT in text]) == 1

    def test_comments_do_not_answer_for_eachother(self, stage: Stage, made: str) -> None:
        self.needs(stage, Do.COMMENT)
        first, second = commenting(stage, made), commenting(stage, made, "comment:2")
        stage.sink.comment(first)
        look = stage.sink.find(second, first)
        assert not look.found
        assert look.control is True
        assert look.date is not None

    def test_a_file_arrives_whole_and_is_found_again(self, stage: Stage, made: str) -> None:
        self.needs(stage, Do.ATTACH)
        write = attaching(stage, made)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.attach(write)
        assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        assert list(stage.files(made)) == [CONTENT]
        look = stage.sink.find(attaching(stage, made, "another.png"), write)
        assert not look.found
        assert look.control is True

    # ── link ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_record_becomes_a_child_and_is_let_go(self, stage: Stage, made: str) -> None:
        self.needs(stage, Do.LINK)
        write = linking(stage, made)
        assert not stage.sink.find(write, None).found
        receipt = stage.sink.link(write)
        assert receipt.remote_id == made
        assert not receipt.unkept
        assert stage.parent(made) == write.fields["problem"]
        assert len(stage.sink.find(write, None).found) == 1
        stage.sink.link(write)  # again, which does no harm
        assert stage.sink.guards(write, 1e9)
        stage.sink.link(linking(stage, made, ""))
        assert stage.parent(made) == ""
        assert not stage.sink.find(write, None).found
        assert len(stage.sink.find(linking(stage, made, ""), None).found) == 1

    # ── solve, and the way back ──────────────────────────────────────────────────────────────────────────────────

    def test_a_record_is_solved_once_and_found_so(self, stage: Stage, made: str) -> None:
        self.needs(stage, Do.SOLVE)
        write = solving(stage, made)
        assert not stage.sink.find(write, None).found
        assert stage.sink.solve(write).remote_id == made
        remote = stage.sink.read(made, ())
        assert remote is not None
        assert remote.resolved
        assert len(stage.sink.find(write, None).found) == 1
        said = len(stage.comments(made))
        stage.sink.solve(write)  # again, which does no harm
        assert len(stage.comments(made)) == said
        assert stage.sink.guards(write, 1e9)

    def test_what_was_ended_by_hand_stays_as_it_is(self, stage: Stage, made: str) -> None:
        self.needs(stage, Do.SOLVE)
        stage.end(made)
        names = tuple(stage.create)
        before = stage.sink.read(made, names)
        stage.sink.solve(solving(stage, made))
        assert stage.sink.read(made, names) == before

    def test_changes_are_heard_once(self, stage: Stage, made: str) -> None:
        self.hears(stage)
        cursor: dict[str, str] = {}
        stamps = {made: ""}
        assert [change.remote_id for change in listen(stage, cursor, stamps)] == [made]
        assert listen(stage, cursor, stamps) == []
        stage.work(made, TEXT)
        [change] = listen(stage, cursor, stamps)
        assert (change.status, change.ours) == (Status.OPEN, False)
        assert [(said.text, said.public, said.desk) for said in change.said] == [(TEXT, True, True)]
        assert TEXT not in repr(change)
        stage.end(made)
        assert [change.status for change in listen(stage, cursor, stamps)] == [Status.RESOLVED]
        stage.delete(made)
        assert [change.status for change in listen(stage, cursor, stamps)] == [Status.GONE]
        assert listen(stage, cursor, stamps) == []

    def test_what_we_say_is_not_heard(self, stage: Stage, made: str) -> None:
        self.hears(stage)
        self.needs(stage, Do.COMMENT)
        cursor: dict[str, str] = {}
        stamps = {made: ""}
        stage.sink.comment(commenting(stage, made))
        assert [change.said for change in listen(stage, cursor, stamps)] == [()]

    def test_records_of_others_are_not_told(self, stage: Stage, made: str) -> None:
        self.hears(stage)
        assert listen(stage, {}, {}) == []

    def test_a_record_can_be_asked_for_by_itself(self, stage: Stage, made: str) -> None:
        self.hears(stage)
        stage.work(made, TEXT)
        found = {change.remote_id: change.status for change in stage.sink.observe([made, other(made)])}
        assert found == {made: Status.OPEN, other(made): Status.GONE}

    def hears(self, stage: Stage) -> None:
        """Skip where the sink does not claim CHANGES."""
        if Can.CHANGES not in stage.sink.can:
            pytest.skip("this sink does not claim CHANGES")

    # ── what goes wrong ──────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("do", WRITES)
    def test_a_lost_answer_is_uncertain_and_a_look_settles_it(self, stage: Stage, made: str, do: Do) -> None:
        self.needs(stage, do)
        write = WRITES[do](stage, made)
        stage.lose_answer()
        with pytest.raises(Uncertain) as caught:
            send(stage.sink, write)
        self.quiet(stage, caught.value)
        assert len(stage.sink.find(write, None).found) == 1

    @pytest.mark.parametrize("do", WRITES)
    def test_nobody_listens_is_transient(self, stage: Stage, made: str, do: Do) -> None:
        self.needs(stage, do)
        with pytest.raises(Transient) as caught:
            send(stage.unreachable(), WRITES[do](stage, made))
        self.quiet(stage, caught.value)
        assert caught.value.scope is Scope.ACCOUNT

    @pytest.mark.parametrize("do", WRITES)
    def test_a_wrong_credential_concerns_the_account(self, stage: Stage, made: str, do: Do) -> None:
        self.needs(stage, do)
        with pytest.raises(Permanent) as caught:
            send(stage.intruder(), WRITES[do](stage, made))
        self.quiet(stage, caught.value)
        assert caught.value.scope is Scope.ACCOUNT

    @pytest.mark.parametrize("do", [Do.UPDATE, Do.COMMENT, Do.ATTACH, Do.LINK, Do.SOLVE])
    def test_a_record_that_is_gone_says_so(self, stage: Stage, made: str, do: Do) -> None:
        self.needs(stage, do)
        with pytest.raises(Permanent) as caught:
            send(stage.sink, WRITES[do](stage, other(made)))
        self.quiet(stage, caught.value)
        assert caught.value.code == "gone"
