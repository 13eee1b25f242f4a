"""Which path of the account is served by what."""

from __future__ import annotations

from connector.sandbox.messages import Routes
from connector.sandbox.zendesk import discovery, export, jobs, search, tickets, uploads, users

_TICKET = "/api/v2/tickets/{key:int}"

ROUTES = Routes(
    [
        ("GET", "/api/v2/tickets", tickets.list_tickets),
        ("POST", "/api/v2/tickets", tickets.create),
        ("GET", "/api/v2/tickets/show_many", tickets.show_many),
        ("POST", "/api/v2/tickets/create_many", jobs.create_many),
        ("PUT", "/api/v2/tickets/update_many", jobs.update_many),
        ("DELETE", "/api/v2/tickets/destroy_many", jobs.destroy_many),
        ("GET", _TICKET, tickets.show),
        ("PUT", _TICKET, tickets.update),
        ("DELETE", _TICKET, tickets.delete),
        ("GET", _TICKET + "/comments", tickets.comments),
        ("PUT", _TICKET + "/comments/{comment:int}/make_private", tickets.make_private),
        ("GET", _TICKET + "/audits", tickets.audits),
        ("GET", _TICKET + "/incidents", tickets.incidents),
        ("GET", _TICKET + "/related", tickets.related),
        ("GET", _TICKET + "/tags", tickets.show_tags),
        ("POST", _TICKET + "/tags", tickets.set_tags),
        ("PUT", _TICKET + "/tags", tickets.add_tags),
        ("DELETE", _TICKET + "/tags", tickets.remove_tags),
        ("GET", "/api/v2/problems", tickets.problems),
        ("POST", "/api/v2/imports/tickets", tickets.import_one),
        ("POST", "/api/v2/imports/tickets/create_many", jobs.import_many),
        ("GET", "/api/v2/job_statuses", jobs.list_jobs),
        ("GET", "/api/v2/job_statuses/show_many", jobs.show_many),
        ("GET", "/api/v2/job_statuses/{key}", jobs.show),
        ("POST", "/api/v2/uploads", uploads.upload),
        ("DELETE", "/api/v2/uploads/{token}", uploads.withdraw),
        ("GET", "/api/v2/attachments/{key:int}", uploads.show),
        ("GET", "/api/v2/users", users.list_users),
        ("POST", "/api/v2/users", users.create),
        ("GET", "/api/v2/users/me", users.me),
        ("GET", "/api/v2/users/search", users.search),
        ("GET", "/api/v2/users/show_many", users.show_many),
        ("POST", "/api/v2/users/create_or_update", users.create_or_update),
        ("GET", "/api/v2/users/{key:int}", users.show),
        ("PUT", "/api/v2/users/{key:int}", users.update),
        ("GET", "/api/v2/groups", discovery.groups),
        ("GET", "/api/v2/groups/assignable", discovery.groups),
        ("GET", "/api/v2/groups/{key:int}", discovery.group),
        ("GET", "/api/v2/ticket_fields", discovery.fields),
        ("GET", "/api/v2/ticket_fields/{key:int}", discovery.field),
        ("GET", "/api/v2/ticket_forms", discovery.forms),
        ("GET", "/api/v2/search", search.search),
        ("GET", "/api/v2/search/count", search.count),
        ("GET", "/api/v2/search/export", search.export),
        ("GET", "/api/v2/incremental/tickets", export.by_time),
        ("GET", "/api/v2/incremental/tickets/cursor", export.by_cursor),
        ("GET", "/attachments/token/{token}/", uploads.content),
    ]
)
