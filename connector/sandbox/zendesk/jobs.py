"""Calls for many: each becomes a job, and jobs are remembered for a day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk import importing, writing
from connector.sandbox.zendesk.bodies import read_list, read_object
from connector.sandbox.zendesk.errors import bad_attribute, missing, too_many
from connector.sandbox.zendesk.paging import paged
from connector.sandbox.zendesk.seed import ACCOUNT_ID
from connector.sandbox.zendesk.working import Job, Step

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_KEPT_SECONDS = 86400
_MOST = 100
_NOT_CREATED = {"error": "TicketCreateFailed"}
_UNSUCCESSFUL = {"success": False, "status": "Failed"}
_NOT_UPDATED = {**_UNSUCCESSFUL, "error": "TicketUpdateFailed"}
_NOT_FOUND = {**_UNSUCCESSFUL, "error": "TicketNotFound", "details": "Not found"}
_CONFLICT = {**_UNSUCCESSFUL, "error": "UpdateConflict", "details": "Safe Update"}


def create_many(account: Account, call: Call, who: Record) -> Answer:
    """`POST /tickets/create_many`: no idempotency key counts here."""
    return _create(account, call, who, imported=False)


def import_many(account: Account, call: Call, who: Record) -> Answer:
    """`POST /imports/tickets/create_many`."""
    return _create(account, call, who, imported=True)


def _create(account: Account, call: Call, who: Record, imported: bool) -> Answer:
    """The tickets of a job are made side by side, so two that name the same new requester collide."""
    since = account.clock.now()
    sent = _bounded(read_list(call, "tickets"))
    archived = call.param("archive_immediately") == "true"
    work = partial(_create_one, account, who, since, imported=imported, archived=archived)
    steps = [Step({"index": index}, partial(work, values), _NOT_CREATED) for index, values in enumerate(sent)]
    return queue(account, call, "Bulk Create Ticket", "Creating ticket", steps)


def _create_one(account: Account, who: Record, since: float, values: Record, imported: bool, archived: bool) -> Record:
    ticket, _, _ = writing.create(account, who, values, since, imported)
    importing.settle(account, ticket, imported and archived)
    return {"id": ticket["id"], "account_id": ACCOUNT_ID}


def update_many(account: Account, call: Call, who: Record) -> Answer:
    """`PUT /tickets/update_many`: the same change for `ids`, or a change for each of `tickets`. Always safe updates."""
    if call.param("ids"):
        values = read_object(call, "ticket")
        sent = [{**values, "id": key} for key in call.numbers("ids")]
    else:
        sent = read_list(call, "tickets")
        if any("safe_update" in one and "updated_stamp" not in one for one in sent):
            raise bad_attribute("safe_update needs updated_stamp")
    work, since = partial(_update_one, account, who, account.stamp()), account.clock.now()
    steps = [
        Step({"id": values.get("id"), "action": "update"}, partial(work, since, values), _NOT_UPDATED)
        for values in _bounded(sent)
    ]
    return queue(account, call, "Bulk Update Ticket", "Updating ticket", steps)


def _update_one(account: Account, who: Record, queued: str, since: float, values: Record) -> Record:
    key = values.get("id")
    ticket = account.tickets.get(key) if isinstance(key, int) else None
    if ticket is None or ticket["status"] == "deleted":
        return _NOT_FOUND
    stamp = values.get("updated_stamp")
    if ticket["updated_at"] > queued if stamp is None else ticket["updated_at"] != stamp:
        return _CONFLICT
    rest = {name: value for name, value in values.items() if name not in ("safe_update", "updated_stamp")}
    writing.update(account, who, ticket, rest, since)
    return {"status": "Updated", "success": True}


def destroy_many(account: Account, call: Call, who: Record) -> Answer:
    """`DELETE /tickets/destroy_many?ids=`."""
    steps = [
        Step({"id": key, "action": "delete"}, partial(_destroy_one, account, key), _UNSUCCESSFUL)
        for key in _bounded(call.numbers("ids"))
    ]
    return queue(account, call, "Bulk Update Ticket", "Deleting ticket", steps)


def _destroy_one(account: Account, key: int) -> Record:
    ticket = account.tickets.get(key)
    if ticket is None or ticket["status"] == "deleted":
        return _NOT_FOUND
    writing.keep(account, {**ticket, "status": "deleted", "updated_at": account.stamp()})
    return {"status": "Deleted", "success": True}


def _bounded(sent: Sequence[Any]) -> Sequence[Any]:
    if len(sent) > _MOST:
        raise too_many(_MOST)
    return sent


def queue(account: Account, call: Call, kind: str, verb: str, steps: list[Step]) -> Answer:
    """A job for the steps; where jobs take no time it is done before the answer, which says `queued` all the same."""
    flying = [job.id for job in account.jobs.values() if job.flying]
    if len(flying) >= account.jobs_in_flight:
        text = "Too many jobs are currently queued or running. Try again later."
        document = {"error": "TooManyJobs", "description": text, "current_job_ids": flying}
        raise Refusal(json_answer(429, document, [_inflight(account, len(flying))]))
    _forget(account)
    job = Job(f"V3-{account.chance.getrandbits(128):032x}", kind, verb, account.clock.now(), steps)
    account.jobs[job.id] = job
    answer = json_answer(200, {"job_status": shown(call, job)}, [_inflight(account, len(flying) + 1)])
    job.start(account.clock, account.chance, account.job_speed, call.fault)
    return answer


def _forget(account: Account) -> None:
    horizon = account.clock.now() - _KEPT_SECONDS
    account.jobs = {key: job for key, job in account.jobs.items() if job.born > horizon and not job.gone}


def _inflight(account: Account, flying: int) -> tuple[str, str]:
    total = account.jobs_in_flight
    return "zendesk-ratelimit-inflight-jobs", f"total={total}; remaining={max(total - flying, 0)}; resets=60"


def shown(call: Call, job: Job) -> Record:
    """A job as clients see it."""
    return {"url": f"{call.base}/api/v2/job_statuses/{job.id}.json", **job.document()}


def show(account: Account, call: Call, who: Record, key: str) -> Answer:
    """`GET /job_statuses/{id}`."""
    _forget(account)
    if key not in account.jobs:
        raise missing()
    return json_answer(200, {"job_status": shown(call, account.jobs[key])})


def list_jobs(account: Account, call: Call, who: Record) -> Answer:
    """`GET /job_statuses`, the newest first."""
    _forget(account)
    found = [shown(call, job) for job in reversed(account.jobs.values())]
    return paged(call, "job_statuses", found, lambda job: job)


def show_many(account: Account, call: Call, who: Record) -> Answer:
    """`GET /job_statuses/show_many?ids=`."""
    _forget(account)
    found = [shown(call, account.jobs[key]) for key in call.param("ids").split(",") if key in account.jobs]
    return paged(call, "job_statuses", found, lambda job: job)
