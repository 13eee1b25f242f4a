"""What the keys of a flat context mean: where in a generic payload their values belong.

One table for all that is flat: the context of an EHR's button link, the data of an EMR Help request, the inputs of a
FHIR Task. The keys are those that ServiceNow's EMR Help documents, and names by which Epic's tokens usually travel;
what a token means is each site's own, so a site adds to the table.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

_KEYS: Mapping[str, str] = {
    "request_id": "requestid correlation_id external_id",
    "submitted_at": "timestamp opened_at authored_on",
    "summary": "short_description subject title",
    "description": "desc details problem message comment comments text",
    "error_text": "error error_message error_code exception",
    "steps_tried": "steps_already_tried tried",
    "issue_type": "category",
    "impact": "",
    "urgency": "",
    "patient_care_affected": "patient_care",
    "records": "record build_record build_records",
    "attachments": "attachment screenshot screenshots screen_shot",
    "source.system": "source ehr",
    "source.tenant": "",
    "source.environment": "env",
    "source.application": "app",
    "source.app_version": "version application_version",
    "source.server": "host_server citrix_server",
    "requester.login": "caller_id user user_name username sys_login network_login millennium_username",
    "requester.user_id": "epic_user_id emp_id employee_id",
    "requester.fhir_id": "epic_user_fhir_id user_fhir_id fhir_user",
    "requester.provider_id": "prov_id user_prov_id user_prov_fhir_id ser_id",
    "requester.name": "caller caller_name user_full_name",
    "requester.first_name": "user_fname fname",
    "requester.last_name": "user_lname lname",
    "requester.email": "user_email mail",
    "requester.phone": "user_phone callback callback_number",
    "requester.role": "position user_role",
    "requester.is_physician": "user_is_physician",
    "requester.department_id": "login_dep_id login_dept_id dep dep_id",
    "requester.department": "dept department_name",
    "device.workstation": "ws work_station workstation_id workstation_name computer computer_name hostname device",
    "device.ip": "ip_address client_ip",
    "device.session_recording_id": "recording_id",
    "location.facility": "",
    "location.unit": "",
    "location.room": "",
    "screen.workspace": "",
    "screen.activity": "",
    "screen.url": "page_url",
    "patient.mrn": "pat_id patient_id patient_mrn",
    "patient.fhir_id": "ept_id patient patient_fhir_id",
    "patient.encounter_id": "csn encounter fin",
    "patient.birth_date": "dob date_of_birth",
    "patient.name": "pat_name",
    "patient.note": "additional_info",
}
_NAMED_BY_THEIR_END = frozenset({"requester.name", "patient.name", "patient.note"})
_RECORD = re.compile(r"records\.[A-Z][A-Z0-9]{2}")
_PREFIX = re.compile(r"(?:sysparm_|u_)+")
_NOT_IN_KEYS = re.compile(r"[^a-z0-9]+")


def key_of(name: str) -> str:
    """A key as tables spell it: small letters and digits alone, without `sysparm_` and the `u_` of custom columns."""
    return _NOT_IN_KEYS.sub("", _PREFIX.sub("", name[:200].lower(), count=1) if "_" in name else name[:200].lower())


def no_target(target: str) -> str:
    """Why nothing can be led there; empty where it can. `records.ETX` takes the id of a record of that type."""
    if target in _KEYS or _RECORD.fullmatch(target):
        return ""
    near = difflib.get_close_matches(target, _KEYS, 1)
    return f"there is no place {target!r} in a request" + (f"; did you mean {near[0]}?" if near else "")


def _table() -> dict[str, str]:
    table: dict[str, str] = {}
    for target, keys in _KEYS.items():
        own = [] if target in _NAMED_BY_THEIR_END else [target.rpartition(".")[2]]
        table.update((key_of(key), target) for key in (*keys.split(), *own, target))
    return table


ALIASES: Mapping[str, str] = _table()
"""Target by key; keys as `key_of` spells them."""
