"""Bulk calls: queued, done ticket by ticket in no particular order, and remembered for a day."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from connector.sandbox.clock import iso
from connector.sandbox.messages import Answer, Call, Refusal, json_answer
from connector.sandbox.zendesk import writing
from connector.sandbox.zendesk.bodies import read_list, read_object
from connector.sandbox.zendesk.errors import bad_attribute, missing, too_many
from connector.sandbox.zendesk.paging import paged

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]
Step = Callable[[], Record]

_KEPT_SECONDS = 86400
_MOST = 100


def create_many(account: Account, call: Call, who: Record) -> Answer:
    """`POST /tickets/create_many`: no idempotency key counts here."""
    return _create(account, call, who, imported=False)


def import_many(account: Account, call: Call, who: Record) -> Answer:
    """`POST /imports/tickets/create_many`."""
    return _create(account, call, who, imported=True)


def _create(account: Account, call: Call, who: Record, imported: bool) -> Answer:
    sent = _bounded(read_list(call, "tickets"))
    steps: list[Step] = [
        partial(_create_one, account, who, index, values, imported) for index, values in enumerate(sent)
    ]
    return _queue(account, call, "Bulk Create Ticket", steps, "Creating ticket")


def _create_one(account: Account, who: Record, index: int, values: Record, imported: bool) -> Record:
    try:
        ticket, _, _ = writing.create(account, who, values, imported)
    except Refusal as refused:
        return {"index": index, "error": "TicketCreateFailed", "details": _reason(refused)}
    return {"index": index, "id": ticket["id"], "account_id": 1710331}


def update_many(account: Account, call: Call, who: Record) -> Answer:
    """`PUT /tickets/update_many`: the same change for `ids`, or a change for each of `tickets`. Always safe updates."""
    if call.param("ids"):
        values = read_object(call, "ticket")
        sent = [{**values, "id": key} for key in call.numbers("ids")]
    else:
        sent = read_list(call, "tickets")
        if any("safe_update" in one and "updated_stamp" not in one for one in sent):
            raise bad_attribute("safe_update needs updated_stamp")
    stamp = account.stamp()
    steps: list[Step] = [partial(_update_one, account, who, values, stamp) for values in _bounded(sent)]
    return _queue(account, call, "Bulk Update Ticket", steps, "Updating ticket")


def _update_one(account: Account, who: Record, values: Record, queued: str) -> Record:
    key = values.get("id")
    outcome: Record = {"id": key, "action": "update"}
    ticket = account.tickets.get(key) if isinstance(key, int) else None
    if ticket is None or ticket["status"] == "deleted":
        return {**outcome, "success": False, "status": "Failed", "error": "TicketNotFound", "details": "Not found"}
    stale = (
        ticket["updated_at"] > queued
        if "updated_stamp" not in values
        else ticket["updated_at"] != values["updated_stamp"]
    )
    if stale:
        return {**outcome, "success": False, "status": "Failed", "error": "UpdateConflict", "details": "Safe Update"}
    try:
        rest = {name: value for name, value in values.items() if name not in ("safe_update", "updated_stamp")}
        writing.update(account, who, ticket, rest)
    except Refusal as refused:
        return {
            **outcome,
            "success": False,
            "status": "Failed",
            "error": "TicketUpdateFailed",
            "details": _reason(refused),
        }
    return {**outcome, "status": "Updated", "success": True}


def destroy_many(account: Account, call: Call, who: Record) -> Answer:
    """`DELETE /tickets/destroy_many?ids=`."""
    keys = _bounded(call.numbers("ids"))
    steps: list[Step] = [partial(_destroy_one, account, key) for key in keys]
    return _queue(account, call, "Bulk Update Ticket", steps, "Deleting ticket")


def _destroy_one(account: Account, key: int) -> Record:
    ticket = account.tickets.get(key)
    if ticket is None or ticket["status"] == "deleted":
        return {"id": key, "action": "delete", "success": False, "status": "Failed", "error": "TicketNotFound"}
    writing.keep(account, {**ticket, "status": "deleted", "updated_at": account.stamp()})
    return {"id": key, "action": "delete", "status": "Deleted", "success": True}


def _bounded(sent: list[Any]) -> list[Any]:
    if len(sent) > _MOST:
        raise too_many(_MOST)
    return sent


def _reason(refused: Refusal) -> str:
    try:
        details = json.loads(refused.answer.body).get("details") or {}
        return " ".join(entry["description"] for entries in details.values() for entry in entries)
    except (ValueError, AttributeError):
        return refused.answer.body.decode(errors="replace")


def _queue(account: Account, call: Call, kind: str, steps: list[Step], verb: str) -> Answer:
    """Plan the steps as timers, in shuffled order; with no cost per ticket they are done before the answer."""
    flying = [job["id"] for job in account.jobs.values() if job["status"] in ("queued", "working")]
    if len(flying) >= account.jobs_in_flight:
        text = "Too many jobs are currently queued or running. Try again later."
        document = {"error": "TooManyJobs", "description": text, "current_job_ids": flying}
        raise Refusal(json_answer(429, document, [_inflight(account, len(flying))]))
    _forget(account)
    job: Record = {"id": f"V3-{account.chance.getrandbits(128):032x}", "job_type": kind, "total": len(steps)}
    job |= {
        "progress": None,
        "status": "queued",
        "message": None,
        "results": None,
        "_born": account.clock.now(),
        "_done": [],
    }
    account.jobs[job["id"]] = job
    answer = json_answer(200, {"job_status": shown(call, job)}, [_inflight(account, len(flying) + 1)])
    account.chance.shuffle(steps)
    pace = account.job_item_seconds * account.chance.uniform(0.5, 1.5)
    if pace <= 0 or not steps:
        for step in steps:
            _advance(account, job, step, verb)
        _finish(account, job)
    else:
        for position, step in enumerate(steps, 1):
            account.clock.later(pace * position, partial(_advance, account, job, step, verb))
        account.clock.later(pace * len(steps), partial(_finish, account, job))
    return answer


def _advance(account: Account, job: Record, step: Step, verb: str) -> None:
    if job["id"] not in account.jobs:
        return
    job["_done"].append(step())
    job.update(status="working", progress=len(job["_done"]), message=f"{verb} #{len(job['_done'])}")


def _finish(account: Account, job: Record) -> None:
    done = job["_done"]
    if done and "index" in done[0]:
        done.sort(key=lambda outcome: int(outcome["index"]))
    failed = bool(done) and all("error" in outcome for outcome in done)
    when = iso(int(account.clock.now())).replace("T", " ").replace("Z", " +0000")
    job.update(results=done, status="failed" if failed else "completed", progress=0 if failed else len(done))
    job["message"] = f"{'Failed' if failed else 'Completed'} at {when}"


def _forget(account: Account) -> None:
    horizon = account.clock.now() - _KEPT_SECONDS
    account.jobs = {key: job for key, job in account.jobs.items() if job["_born"] > horizon}


def _inflight(account: Account, flying: int) -> tuple[str, str]:
    total = account.jobs_in_flight
    return "zendesk-ratelimit-inflight-jobs", f"total={total}; remaining={max(total - flying, 0)}; resets=60"


def shown(call: Call, job: Record) -> Record:
    """A job as clients see it."""
    public = {name: value for name, value in job.items() if not name.startswith("_")}
    return {"url": f"{call.base}/api/v2/job_statuses/{job['id']}.json", **public}


def show(account: Account, call: Call, who: Record, key: str) -> Answer:
    """`GET /job_statuses/{id}`."""
    _forget(account)
    if key not in account.jobs:
        raise missing()
    return json_answer(200, {"job_status": shown(call, account.jobs[key])})


def list_jobs(account: Account, call: Call, who: Record) -> Answer:
    """`GET /job_statuses`, the newest first."""
    _forget(account)
    found = list(reversed(account.jobs.values()))
    return paged(call, "job_statuses", found, lambda job: shown(call, job))


def show_many(account: Account, call: Call, who: Record) -> Answer:
    """`GET /job_statuses/show_many?ids=`."""
    _forget(account)
    found = [account.jobs[key] for key in call.param("ids").split(",") if key in account.jobs]
    return paged(call, "job_statuses", found, lambda job: shown(call, job))
