"""Tables and columns of the emulated instance, as a base system has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# A line is `name[:type[:referenced table]][=default]`; without a type it is a string.
_BASE = "sys_id:GUID sys_created_on:glide_date_time sys_created_by sys_updated_on:glide_date_time sys_updated_by sys_mod_count:integer=0 sys_tags"  # noqa: E501

_TASK = """
number sys_class_name sys_domain:reference:domain=global sys_domain_path=/ active:boolean=true short_description
description approval=not_requested approval_history:journal approval_set:glide_date_time
assigned_to:reference:sys_user assignment_group:reference:sys_user_group additional_assignee_list:glide_list:sys_user
group_list:glide_list:sys_user_group watch_list:glide_list:sys_user work_notes_list:glide_list:sys_user
business_service:reference:cmdb_ci_service service_offering:reference:service_offering cmdb_ci:reference:cmdb_ci
company:reference:core_company location:reference:cmn_location comments:journal_input work_notes:journal_input
comments_and_work_notes:journal_list correlation_id correlation_display contact_type:choice
contract:reference:ast_contract opened_at:glide_date_time opened_by:reference:sys_user closed_at:glide_date_time
closed_by:reference:sys_user close_notes due_date:glide_date_time expected_start:glide_date_time
work_start:glide_date_time work_end:glide_date_time follow_up:glide_date_time activity_due:due_date sla_due:due_date
made_sla:boolean=true escalation:choice=0 knowledge:boolean=false order:integer impact:choice=3 urgency:choice=3
priority:choice=5 state:choice=1 parent:reference:task reassignment_count:integer=0 upon_approval=proceed
upon_reject=cancel user_input time_worked:timer universal_request:reference:task
delivery_plan:reference:sc_cat_item_delivery_plan delivery_task:reference:sc_cat_item_delivery_task
route_reason:integer task_effective_number skills:glide_list:cmn_skill business_duration:glide_duration
calendar_duration:glide_duration
"""

_INCIDENT = """
caller_id:reference:sys_user category:choice=inquiry subcategory:choice severity:choice=3 notify:choice=1
incident_state:choice=1 hold_reason:choice close_code:choice resolved_at:glide_date_time
resolved_by:reference:sys_user reopen_count:integer=0 reopened_time:glide_date_time reopened_by:reference:sys_user
parent_incident:reference:incident child_incidents:integer=0 problem_id:reference:problem rfc:reference:change_request
caused_by:reference:change_request cause origin_id:reference:task origin_table business_impact lessons_learned
business_stc:integer calendar_stc:integer
"""

_PROBLEM = """
problem_state:choice=101 category:choice subcategory:choice workaround cause_notes fix_notes known_error:boolean=false
resolution_code:choice duplicate_of:reference:problem first_reported_by_task:reference:task
related_incidents:integer=0 major_problem:boolean=false review_outcome:choice confirmed_at:glide_date_time
confirmed_by:reference:sys_user fix_at:glide_date_time fix_by:reference:sys_user resolved_at:glide_date_time
resolved_by:reference:sys_user reopen_count:integer=0 rfc:reference:change_request workaround_applied:boolean=false
"""

# table | columns
_OTHERS = """
sys_user| user_name name first_name last_name email active:boolean=true title department:reference:cmn_department
    location:reference:cmn_location phone mobile_phone employee_number vip:boolean=false time_zone user_password
    locked_out:boolean=false failed_attempts:integer=0 web_service_access_only:boolean=false
    internal_integration_user:boolean=false notification:integer=2
sys_user_group| name description active:boolean=true manager:reference:sys_user email type
    parent:reference:sys_user_group
sys_user_grmember| user:reference:sys_user group:reference:sys_user_group
cmn_department| name id
cmn_location| name full_name city state parent:reference:cmn_location
cmdb_ci| name sys_class_name=cmdb_ci_computer asset_tag serial_number location:reference:cmn_location
    operational_status=1
cmdb_ci_service| name sys_class_name=cmdb_ci_service operational_status=1
sys_choice| name element label value language=en sequence:integer dependent_value inactive:boolean=false hint
sys_dictionary| name element column_label internal_type reference:reference:sys_db_object max_length:integer
    choice:integer mandatory:boolean=false active:boolean=true read_only:boolean=false default_value
sys_db_object| name label super_class:reference:sys_db_object
contract_sla| name type=SLA target duration active:boolean=true
task_sla| task:reference:incident sla:reference:contract_sla stage=in_progress active:boolean=true
    has_breached:boolean=false percentage=0 business_percentage=0 start_time:glide_date_time
    planned_end_time:glide_date_time end_time:glide_date_time pause_time:glide_date_time
    pause_duration=1970-01-01_00:00:00 schedule timezone
kb_knowledge_base| title active:boolean=true
kb_knowledge| number short_description text workflow_state=draft kb_knowledge_base:reference:kb_knowledge_base
    valid_to=2100-01-01 version active:boolean=true author:reference:sys_user published
m2m_kb_task| kb_knowledge:reference:kb_knowledge task:reference:incident
sys_audit_delete| tablename documentkey display_value payload
sys_transform_map| name source_table target_table active:boolean=true run_business_rules:boolean=false order:integer
sys_transform_entry| map:reference:sys_transform_map source_field target_field coalesce:boolean=false
"""
# Rows that the platform only ever appends to: no sys_updated_*.
_JOURNAL = "sys_id:GUID sys_created_on:glide_date_time sys_created_by name element_id element value sys_tags"
_ATTACHMENT = """file_name content_type table_name table_sys_id size_bytes size_compressed hash state=available
        compressed:boolean=true chunk_size_bytes=700000 download_link average_image_color image_width image_height"""

_LABELS = {
    "caller_id": "Caller",
    "close_code": "Resolution code",
    "close_notes": "Resolution notes",
    "cmdb_ci": "Configuration item",
    "comments": "Additional comments",
    "contact_type": "Channel",
    "hold_reason": "On hold reason",
    "parent_incident": "Parent Incident",
    "problem_id": "Problem",
    "rfc": "Change Request",
}
_INDEXED = {
    "correlation_id",
    "number",
    "email",
    "user_name",
    "element_id",
    "table_sys_id",
    "problem_id",
    "parent_incident",
    "name",
    "task",
}
SYSTEM_TABLES = {"sys_dictionary", "sys_db_object", "sys_audit_delete", "sys_journal_field", "task_sla"}
SYSTEM_TABLES |= {"sys_transform_map", "sys_transform_entry"}
ADMIN_TABLES = {"sys_user", "sys_user_group", "sys_user_grmember", "sys_choice"}
PARENTS = {"incident": "task", "problem": "task", "cmdb_ci_service": "cmdb_ci"}


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `table` is where it is defined (a parent, for inherited ones)."""

    name: str
    type: str = "string"
    reference: str = ""
    default: str = ""
    max_length: int = 255
    table: str = ""

    @property
    def label(self) -> str:
        """What people read."""
        return _LABELS.get(self.name) or self.name.removeprefix("u_").replace("_", " ").capitalize()

    @property
    def journal(self) -> bool:
        """Whether writing appends an entry instead of setting a value."""
        return self.type == "journal_input"


@dataclass
class Table:
    """Columns and rows. A row maps every column to a string."""

    name: str
    columns: dict[str, Column]
    rows: dict[str, dict[str, str]] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        self.defaults = {column.name: column.default for column in self.columns.values()}
        self._index: dict[str, dict[str, dict[str, None]]] = {name: {} for name in self.columns if name in _INDEXED}

    def add_column(self, column: Column) -> None:
        """A custom column; rows that exist get its default."""
        self.columns[column.name] = column
        self.defaults[column.name] = column.default
        for row in self.rows.values():
            row.setdefault(column.name, column.default)

    def put(self, row: dict[str, str]) -> None:
        """Insert or replace a row by its sys_id."""
        key = row["sys_id"]
        old = self.rows.get(key)
        for name, index in self._index.items():
            value = row[name].casefold()
            if old is not None:
                if (before := old[name].casefold()) == value:
                    continue
                index.get(before, {}).pop(key, None)
            index.setdefault(value, {})[key] = None
        self.rows[key] = row
        self.version += 1

    def remove(self, sys_id: str) -> dict[str, str]:
        """Delete a row and return it."""
        row = self.rows.pop(sys_id)
        for name, index in self._index.items():
            index.get(row[name].casefold(), {}).pop(sys_id, None)
        self.version += 1
        return row

    def where(self, column: str, value: str) -> list[dict[str, str]] | None:
        """Rows whose column equals the value, ignoring case; None where the column is not indexed."""
        index = self._index.get(column)
        return None if index is None else [self.rows[key] for key in index.get(value.casefold(), ())]

    def first(self, column: str, value: str) -> dict[str, str] | None:
        """The oldest row whose column equals the value, ignoring case."""
        found = self.where(column, value)
        if found is None:
            found = [row for row in self.rows.values() if row[column].casefold() == value.casefold()]
        return found[0] if found else None


_LONG = {
    "description": 4000,
    "short_description": 160,
    "close_notes": 4000,
    "correlation_id": 100,
    "correlation_display": 100,
}
_LONG |= dict.fromkeys(("comments", "work_notes", "value", "workaround", "cause_notes", "fix_notes", "payload"), 65000)


_SPACED = {"approval", "pause_duration"}  # whose defaults are written with a _ for the space


def _columns(text: str, table: str) -> dict[str, Column]:
    columns = {}
    for word in text.split():
        left, _, default = word.partition("=")
        name, _, rest = left.partition(":")
        kind, _, reference = rest.partition(":")
        default = default.replace("_", " ") if name in _SPACED else default
        columns[name] = Column(name, kind or "string", reference, default, _LONG.get(name, 255), table)
    return columns


def _tables(text: str) -> Iterator[tuple[str, str]]:
    """Tables and their columns; an indented line continues the one before."""
    for entry in re.split(r"\n(?=\S)", text.strip()):
        name, _, columns = entry.partition("|")
        yield name, columns


def build() -> dict[str, Table]:
    """All tables, empty."""
    task = _columns(_BASE, "task") | _columns(_TASK, "task")
    tables = {"incident": Table("incident", task | _columns(_INCIDENT, "incident"))}
    tables["problem"] = Table("problem", task | _columns(_PROBLEM, "problem") | _columns("state:choice=101", "problem"))
    for name, text in _tables(_OTHERS):
        tables[name] = Table(name, _columns(_BASE, name) | _columns(text, name))
    tables["sys_journal_field"] = Table("sys_journal_field", _columns(_JOURNAL, "sys_journal_field"))
    tables["sys_attachment"] = Table(
        "sys_attachment", _columns(_BASE, "sys_attachment") | _columns(_ATTACHMENT, "sys_attachment")
    )
    return tables
