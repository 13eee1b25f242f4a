# ruff: noqa: S101 - a pytest suite: assertions are its point
"""What every sink must do with many at once: an outcome for each, the one that the single call would have had."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from connector.contract.stage import (
    Stage,
    Suite,
    commenting,
    creating,
    linking,
    other,
    outcomes,
    pass_time,
    send,
    send_many,
    updating,
)
from connector.errors import Permanent, RemoteError, Scope, Transient, Uncertain
from connector.plugins import Can, Do, Outcome, Receipt, Write

NAMES = ("M-1", "M-2", "M-3")


class ManyAtOnce(Suite):
    """The part of the suite about calls for many. `made` is asked for where a sink wants to learn from a first."""

    def creations(self, stage: Stage) -> list[Write]:
        return [creating(stage, name) for name in NAMES]

    def records(self, stage: Stage) -> list[str]:
        """The ids of records that exist."""
        return [stage.sink.create(write).remote_id for write in self.creations(stage)]

    def receipts(self, given: Sequence[Outcome]) -> list[Receipt]:
        assert [outcome for outcome in given if not isinstance(outcome, Receipt)] == []
        return [outcome for outcome in given if isinstance(outcome, Receipt)]

    def refusal(self, stage: Stage, name: str = "refused") -> Write:
        fields = {**stage.create, **stage.refused}
        write = creating(stage, name)
        return Write(Do.CREATE, write.key, stage.sink.resolve(Do.CREATE, fields).body, fields)

    def alike(self, one: Exception, another: object) -> None:
        """The two say the same of a row."""
        assert isinstance(one, RemoteError)
        assert isinstance(another, RemoteError)
        assert (type(another), another.code, another.scope) == (type(one), one.code, one.scope)

    # ── what it says of itself ───────────────────────────────────────────────────────────────────────────────────

    def test_what_one_call_takes_and_costs(self, stage: Stage, made: str) -> None:
        writes = [creating(stage), updating(stage, made)]
        assert all(stage.sink.most(do) >= 0 for do in Do)
        assert stage.sink.most(Do.CREATE) >= 1, "what it had to learn, it learned from the first"
        assert all(units > 0 for write in writes for units in stage.sink.cost([write]).values())
        assert all(stage.sink.cost([write]) for write in writes)
        assert all(allowance.allowed > 0 and allowance.seconds > 0 for allowance in stage.sink.allowances)
        assert stage.sink.jobs_at_once >= 0

    def test_the_same_person_is_the_same_newcomer(self, stage: Stage) -> None:
        before = stage.writes()
        assert stage.sink.newcomer(creating(stage, "M-1").body) == stage.sink.newcomer(creating(stage, "M-2").body)
        assert stage.writes() == before

    # ── reads ────────────────────────────────────────────────────────────────────────────────────────────────────

    def test_many_are_resolved_as_each_alone(self, stage: Stage) -> None:
        each = [stage.create, stage.change, {**stage.create, **stage.change}, stage.create]
        before = stage.writes()
        for do in (Do.CREATE, Do.UPDATE):
            assert list(stage.sink.resolve_many(do, each)) == [stage.sink.resolve(do, fields) for fields in each]
        assert list(stage.sink.resolve_many(Do.CREATE, [])) == []
        assert stage.writes() == before

    def test_many_are_read_as_each_alone(self, stage: Stage) -> None:
        ids, names = self.records(stage), tuple(stage.create)
        found = stage.sink.read_many([*ids, other(ids[0])], names)
        assert dict(found) == {remote_id: stage.sink.read(remote_id, names) for remote_id in ids}
        assert not stage.sink.read_many([], names)

    # ── creates ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_each_of_many_is_made_once_and_found(self, stage: Stage, made: str) -> None:
        writes = self.creations(stage)
        receipts = self.receipts(send_many(stage, writes))
        assert len(receipts) == len(writes)
        for write, receipt in zip(writes, receipts, strict=True):
            assert not receipt.unkept
            assert stage.records(write.key) == 1
            assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        assert len({receipt.remote_id for receipt in receipts} | {made}) == len(writes) + 1

    def test_the_echo_of_many_is_what_a_read_gives(self, stage: Stage, made: str) -> None:
        for receipt in self.receipts(send_many(stage, self.creations(stage))):
            remote = stage.sink.read(receipt.remote_id, tuple(stage.create))
            assert remote is not None
            assert {name: receipt.echo[name] for name in remote.fields} == dict(remote.fields)

    def test_one_bad_among_good_concerns_nobody_else(self, stage: Stage, made: str) -> None:
        with pytest.raises(Permanent) as alone:
            stage.sink.create(self.refusal(stage, "alone"))
        first, second, third = self.creations(stage)
        bad = self.refusal(stage)
        given = send_many(stage, [first, bad, second, third])
        assert len(given) == 4
        self.receipts([given[0], *given[2:]])
        self.alike(alone.value, given[1])
        assert [stage.records(write.key) for write in (first, bad, second, third)] == [1, 0, 1, 1]

    def test_a_lost_answer_for_many_is_uncertain_for_each(self, stage: Stage, made: str) -> None:
        writes = self.creations(stage)
        stage.lose_answer()
        given = outcomes(stage, writes)
        assert [type(given[0]), len(given)] == [Uncertain, len(writes)]
        pass_time(stage)
        for write, outcome in zip(writes, given, strict=True):
            assert isinstance(outcome, Uncertain | Receipt)
            if isinstance(outcome, Uncertain):
                self.quiet(stage, outcome)
            assert stage.records(write.key) == 1

    # ── updates, comments, links ─────────────────────────────────────────────────────────────────────────────────

    def changing(self, stage: Stage, ids: Sequence[str]) -> list[Write]:
        """A write of every kind that goes with others, each for a record of its own."""
        writes = [updating(stage, ids[0], NAMES[0])]
        if Can.COMMENT in stage.sink.can and stage.sink.most(Do.COMMENT) > 1:
            writes.append(commenting(stage, ids[1], name=NAMES[1]))
        if Can.LINK in stage.sink.can and stage.sink.most(Do.LINK) > 1:
            writes.append(linking(stage, ids[2], name=NAMES[2]))
        return writes

    def test_many_changes_are_done_and_found(self, stage: Stage) -> None:
        writes = self.changing(stage, self.records(stage))
        assert not [write for write in writes if stage.sink.find(write, None).found]
        receipts = self.receipts(send_many(stage, writes))
        for write, receipt in zip(writes, receipts, strict=True):
            assert not receipt.unkept
            assert [found.remote_id for found in stage.sink.find(write, None).found] == [receipt.remote_id]
        for write in (write for write in writes if write.do is Do.LINK):
            assert stage.parent(write.remote_id) == write.fields["problem"]

    def test_a_record_that_is_gone_says_so_among_others(self, stage: Stage) -> None:
        first, second, _ = self.records(stage)
        lost = updating(stage, other(first), NAMES[2])
        given = send_many(stage, [updating(stage, first, NAMES[0]), lost, updating(stage, second, NAMES[1])])
        self.receipts([given[0], given[2]])
        with pytest.raises(Permanent) as alone:
            send(stage.sink, lost)
        self.alike(alone.value, given[1])

    def test_a_lost_answer_to_many_changes_is_settled_by_looks(self, stage: Stage) -> None:
        writes = self.changing(stage, self.records(stage))
        stage.lose_answer()
        assert isinstance(outcomes(stage, writes)[0], Uncertain)
        pass_time(stage)
        assert [len(stage.sink.find(write, None).found) for write in writes] == [1] * len(writes)

    # ── the whole account ────────────────────────────────────────────────────────────────────────────────────────

    def test_nobody_listens_to_many_either(self, stage: Stage, made: str) -> None:
        writes = self.creations(stage)
        stage.sink = stage.unreachable()
        for outcome in outcomes(stage, writes):
            assert isinstance(outcome, Transient)
            assert outcome.scope is Scope.ACCOUNT
            self.quiet(stage, outcome)

    def test_a_wrong_credential_concerns_the_account_for_many_too(self, stage: Stage, made: str) -> None:
        writes = self.creations(stage)
        stage.sink = stage.intruder()
        for outcome in outcomes(stage, writes):
            assert isinstance(outcome, Permanent)
            assert outcome.scope is Scope.ACCOUNT
            self.quiet(stage, outcome)
