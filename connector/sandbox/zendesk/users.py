"""Users: shown, searched, created, and found or made when a ticket names its requester."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connector.sandbox.messages import Answer, Call, json_answer
from connector.sandbox.zendesk.bodies import read_object
from connector.sandbox.zendesk.errors import COLLISION, invalid, missing, plain, reason
from connector.sandbox.zendesk.paging import paged
from connector.sandbox.zendesk.seed import user as new_user

if TYPE_CHECKING:
    from connector.sandbox.zendesk.account import Account

Record = dict[str, Any]

_EMAIL = re.compile(r"[^@\s,;<>()]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")
_WRITABLE = {"name", "phone", "external_id", "tags", "notes", "details", "alias", "user_fields", "organization_id"}


def shown(call: Call, user: Record) -> Record:
    """A user as clients see it."""
    return {"url": f"{call.base}/api/v2/users/{user['id']}.json", **user}


def show(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`GET /users/{id}`."""
    if key not in account.users:
        raise missing()
    return json_answer(200, {"user": shown(call, account.users[key])})


def me(account: Account, call: Call, who: Record) -> Answer:
    """`GET /users/me`."""
    return json_answer(200, {"user": shown(call, who)})


def list_users(account: Account, call: Call, who: Record) -> Answer:
    """`GET /users`, filtered by role where asked."""
    roles = {value for key, value in call.pairs if key in ("role", "role[]")}
    found = [user for user in account.users.values() if not roles or user["role"] in roles]
    return paged(call, "users", found, lambda user: shown(call, user))


def show_many(account: Account, call: Call, who: Record) -> Answer:
    """`GET /users/show_many?ids=`: ordered by id; what is missing is absent."""
    keys = sorted(set(call.numbers("ids")))
    found = [account.users[key] for key in keys if key in account.users]
    return paged(call, "users", found, lambda user: shown(call, user))


def search(account: Account, call: Call, who: Record) -> Answer:
    """`GET /users/search?query=` or `?external_id=`: through the index, so what is new takes its time."""
    query, external = call.param("query").strip(), call.param("external_id")
    query = query.removeprefix("email:").strip('"').lower()
    horizon = account.clock.now() - account.index_lag
    found = [
        user
        for key, user in account.users.items()
        if account.born.get(key, 0.0) <= horizon
        and (
            user["external_id"] == external
            if external
            else query in (user["email"] or "") or query in user["name"].lower()
        )
    ]
    return paged(call, "users", found, lambda user: shown(call, user))


def create(account: Account, call: Call, who: Record) -> Answer:
    """`POST /users`."""
    values = read_object(call, "user")
    email = str(values.get("email") or "").lower()
    if email in account.user_by_email:
        text = f"Email: {email} is already being used by another user"
        raise invalid(email=reason(text, "DuplicateValue"))
    user = make(account, str(values.get("name") or ""), email)
    _apply(account, user, values)
    return json_answer(201, {"user": shown(call, user)}, [("Location", f"{call.base}/api/v2/users/{user['id']}.json")])


def create_or_update(account: Account, call: Call, who: Record) -> Answer:
    """`POST /users/create_or_update`: matched by e-mail or external id; 200 for a known one, 201 for a new one."""
    values = read_object(call, "user")
    email, external = str(values.get("email") or "").lower(), values.get("external_id")
    key = account.user_by_email.get(email)
    if key is None and external:
        wanted = str(external).casefold()
        key = next((k for k, u in account.users.items() if str(u["external_id"] or "").casefold() == wanted), None)
    status = 200 if key is not None else 201
    user = account.users[key] if key is not None else make(account, str(values.get("name") or ""), email)
    _apply(account, user, values)
    return json_answer(status, {"user": shown(call, user)})


def update(account: Account, call: Call, who: Record, key: int) -> Answer:
    """`PUT /users/{id}`."""
    if key not in account.users:
        raise missing()
    _apply(account, account.users[key], read_object(call, "user"))
    return json_answer(200, {"user": shown(call, account.users[key])})


def _apply(account: Account, user: Record, values: Record) -> None:
    user.update({name: value for name, value in values.items() if name in _WRITABLE and value is not None})
    user["updated_at"] = account.stamp()


def make(account: Account, name: str, email: str) -> Record:
    """A new end user. Refuses a bad address."""
    if not _EMAIL.fullmatch(email):
        raise invalid(email=reason("Email: is invalid"))
    key = account.next_id()
    user = new_user(key, name.strip() or email.partition("@")[0], email, moment=account.stamp())
    account.users[key] = user
    account.user_by_email[email] = key
    account.born[key] = account.clock.now()
    return user


def requester(account: Account, values: Record, since: float) -> int | None:
    """The requester that a ticket names, made if nobody has that address; None where it names none.

    Refuses with 409 where somebody else made that person since.
    """
    if (key := values.get("requester_id")) is not None:
        user = account.users.get(key) if isinstance(key, int) else None
        if user is None:
            raise invalid(requester=reason("Requester: is invalid"))
    elif isinstance(named := values.get("requester"), dict) and named.get("email"):
        user = _named(account, named, since)
    else:
        return None
    if user["suspended"]:
        raise invalid(requester=reason(f"Requester: {user['name']} is suspended.", None))
    return int(user["id"])


def _named(account: Account, named: Record, since: float) -> Record:
    email = str(named["email"]).strip().lower()
    key = account.user_by_email.get(email)
    if key is not None:
        if account.born.get(key, -1.0) >= since:
            raise plain(409, COLLISION)
        return account.users[key]
    if not _EMAIL.fullmatch(email):
        raise invalid(requester=reason("Requester: Email is invalid"))
    user = make(account, str(named.get("name") or ""), email)
    if account.requester_collisions > 0:
        # Another request made the same person a moment earlier: that one stays, this one is refused.
        account.requester_collisions -= 1
        raise plain(409, COLLISION)
    return user
