"""What the emulated instance holds at the start: people, groups, choices, and the tables' own description."""

from __future__ import annotations

import uuid

from connector.sandbox.people import GROUPS, PEOPLE
from connector.sandbox.servicenow.schema import PARENTS, Table

_EPOCH = "2024-01-08 08:00:00"
_NAMESPACE = uuid.UUID("5f0c3a52-7c1b-4bfa-9a51-2f1f4f2d9f11")
INTEGRATION_USER = "sync"

# table.element | value:label[@dependent value] , ...
_CHOICES = """
incident.state|1:New,2:In Progress,3:On Hold,6:Resolved,7:Closed,8:Canceled
incident.incident_state|1:New,2:In Progress,3:On Hold,6:Resolved,7:Closed,8:Canceled
incident.hold_reason|1:Awaiting Caller,3:Awaiting Problem,4:Awaiting Vendor,5:Awaiting Change
incident.category|inquiry:Inquiry / Help,software:Software,hardware:Hardware,network:Network,database:Database
incident.category|ehr:EHR application
incident.subcategory|antivirus:Antivirus@inquiry,email:Email@inquiry
incident.subcategory|internal application:Internal Application@inquiry
incident.subcategory|email:Email@software,os:Operating System@software,cpu:CPU@hardware,disk:Disk@hardware
incident.subcategory|keyboard:Keyboard@hardware
incident.subcategory|monitor:Monitor@hardware,mouse:Mouse@hardware,printer:Printer@hardware,dhcp:DHCP@network
incident.subcategory|dns:DNS@network,vpn:VPN@network
incident.subcategory|wireless:Wireless@network,access:Access@ehr,orders:Orders@ehr,documentation:Documentation@ehr
incident.subcategory|scheduling:Scheduling@ehr
incident.subcategory|medication:Medication@ehr,results:Results@ehr,printing:Printing@ehr,interface:Interface@ehr
incident.subcategory|performance:Performance@ehr
incident.subcategory|registration:Registration@ehr,billing:Billing@ehr,portal:Portal@ehr,reporting:Reporting@ehr
incident.subcategory|build:Build and configuration@ehr
incident.severity|1:1 - High,2:2 - Medium,3:3 - Low
incident.notify|1:Do Not Notify,2:Send Email,3:Telephone
incident.close_code|Duplicate,Known error,No resolution provided,Resolved by caller,Resolved by change
incident.close_code|Resolved by problem
incident.close_code|Resolved by request,Solution provided,Workaround provided,User error
task.contact_type|phone:Phone,email:Email,self-service:Self-service,chat:Chat,virtual_agent:Virtual Agent
task.contact_type|walk-in:Walk-in,monitoring:Monitoring
task.contact_type|integration:Integration
task.impact|1:1 - High,2:2 - Medium,3:3 - Low
task.urgency|1:1 - High,2:2 - Medium,3:3 - Low
task.priority|1:1 - Critical,2:2 - High,3:3 - Moderate,4:4 - Low,5:5 - Planning
task.escalation|0:Normal,1:Moderate,2:High,3:Overdue
task.state|1:Open,2:Work in Progress,3:Closed Complete
problem.state|101:New,102:Assess,103:Root Cause Analysis,104:Fix in Progress,106:Resolved,107:Closed
problem.problem_state|101:New,102:Assess,103:Root Cause Analysis,104:Fix in Progress,106:Resolved,107:Closed
problem.category|software:Software,hardware:Hardware,network:Network,database:Database,ehr:EHR application
problem.subcategory|email:Email@software,os:Operating System@software,printer:Printer@hardware
problem.resolution_code|fix_applied:Fix Applied,risk_accepted:Risk Accepted,canceled:Canceled,duplicate:Duplicate
problem.review_outcome|no_action:No Action Needed,follow_up:Follow Up
"""


def identifier(*parts: str) -> str:
    """A stable sys_id for seeded rows."""
    return uuid.uuid5(_NAMESPACE, ":".join(parts)).hex


STAGING = {"u_connector_incident": "incident", "u_connector_problem": "problem"}  # staging table: what it feeds


def fill(tables: dict[str, Table]) -> None:
    """Seed all tables."""
    _people(tables)
    _groups(tables)
    _things(tables)
    _choices(tables)
    _articles(tables)
    _transforms(tables)
    describe(tables)


def _add(table: Table, key: str, **values: str) -> str:
    stamps = {
        "sys_created_on": _EPOCH,
        "sys_updated_on": _EPOCH,
        "sys_created_by": "system",
        "sys_updated_by": "system",
    }
    sys_id = identifier(table.name, key)
    table.put({**table.defaults, **stamps, **values, "sys_id": sys_id})
    return sys_id


def _people(tables: dict[str, Table]) -> None:
    users = tables["sys_user"]
    for person in PEOPLE:
        first, _, last = person.name.rpartition(" ")
        department = identifier("cmn_department", person.department)
        if department not in tables["cmn_department"].rows:
            _add(tables["cmn_department"], person.department, name=person.department)
        _add(
            users,
            person.login,
            user_name=person.login,
            name=person.name,
            first_name=first,
            last_name=last,
            email=person.email,
            title=person.title,
            department=department,
            active=str(person.active).lower(),
            user_password="$pbkdf2$" + identifier("password", person.login),
        )
    for login, name in ((INTEGRATION_USER, "Sync Integration"), ("admin", "System Administrator")):
        _add(users, login, user_name=login, name=name, email=f"{login}@northfield-hospital.example", time_zone="GMT")


def _groups(tables: dict[str, Table]) -> None:
    for name in GROUPS:
        _add(tables["sys_user_group"], name, name=name, description=f"{name} team")
    for person in PEOPLE:
        if person.desk:
            member = {"user": identifier("sys_user", person.login), "group": identifier("sys_user_group", GROUPS[0])}
            _add(tables["sys_user_grmember"], person.login, **member)


def _things(tables: dict[str, Table]) -> None:
    for name in (
        "North Hospital",
        "4 West",
        "Emergency Department",
        "Operating Rooms",
        "Cardiology Clinic",
        "Pharmacy",
    ):
        _add(tables["cmn_location"], name, name=name, full_name=f"North Hospital/{name}")
    for name in ("Electronic Health Record", "Patient Portal", "Printing", "Network"):
        _add(tables["cmdb_ci_service"], name, name=name)
    for name in ("WS4W-012", "WS4W-017", "WSED-003", "WSOR-101", "WSPHARM-05", "WSCARD-07"):
        _add(tables["cmdb_ci"], name, name=name, asset_tag="P" + name)


def _choices(tables: dict[str, Table]) -> None:
    table = tables["sys_choice"]
    for line in _CHOICES.strip().splitlines():
        place, _, entries = line.partition("|")
        name, _, element = place.partition(".")
        for position, entry in enumerate(entries.split(",")):
            text, _, dependent = entry.partition("@")
            value, _, label = text.partition(":")
            key = f"{place}:{value}:{dependent}"
            values = {"name": name, "element": element, "value": value, "label": label or value}
            _add(table, key, **values, dependent_value=dependent, sequence=str(position))


def _articles(tables: dict[str, Table]) -> None:
    base = _add(tables["kb_knowledge_base"], "IT", title="IT")
    for number, title, state in (
        ("KB0010001", "A label printer prints nothing", "published"),
        ("KB0010002", "How to sign in from another site", "published"),
        ("KB0010003", "Downtime procedures", "draft"),
    ):
        values = {"short_description": title, "text": f"<p>{title}</p>", "workflow_state": state}
        _add(tables["kb_knowledge"], number, number=number, kb_knowledge_base=base, **values)


def _transforms(tables: dict[str, Table]) -> None:
    """How each staging table feeds its target: every `u_name` its `name`, matched by our key."""
    for staging, target in STAGING.items():
        name = f"{staging} to {target}"
        made = _add(tables["sys_transform_map"], name, name=name, source_table=staging, target_table=target)
        for column in tables[target].columns:
            values = {"source_field": f"u_{column}", "target_field": column, "map": made}
            coalesce = str(column == "correlation_id").lower()
            _add(tables["sys_transform_entry"], f"{name} {column}", **values, coalesce=coalesce)


def describe(tables: dict[str, Table]) -> None:
    """Fill sys_db_object and sys_dictionary from the tables themselves."""
    objects, dictionary = tables["sys_db_object"], tables["sys_dictionary"]
    names = {*tables, *PARENTS.values()}
    for name in sorted(names):
        parent = PARENTS.get(name, "")
        superior = identifier("sys_db_object", parent) if parent else ""
        _add(objects, name, name=name, label=name.replace("_", " ").capitalize(), super_class=superior)
        _add(dictionary, f"{name}.", name=name, internal_type="collection")
    for staging, target in STAGING.items():
        for name in tables[target].columns:
            _add(dictionary, f"{staging}.{name}", name=staging, element=f"u_{name}", internal_type="string")
    for table in tables.values():
        for column in table.columns.values():
            _add(
                dictionary,
                f"{column.table}.{column.name}",
                name=column.table,
                element=column.name,
                column_label=column.label,
                internal_type={"choice": "string"}.get(column.type, column.type),
                choice="1" if column.type == "choice" else "0",
                reference=column.reference,
                max_length=str(column.max_length),
                default_value=column.default,
            )
