"""The request of ServiceNow's EMR Help (`POST /api/sn_ind_rmt_help/v1/remote_help_request/{req_defn_id}`).

`{source, task_parameters, request_data}`, as the Remote Help Request API of ServiceNow documents it. Its
`additional_info` and `patient_id` name patients and go where patient data goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.plugins import Reading
from connector.sources.ehr_button import generic
from connector.sources.ehr_button.form import Form
from connector.sources.ehr_button.format import Origin
from connector.sources.ehr_button.settings import EhrButtonSettings

_PARTS = ("task_parameters", "request_data")
_OWN = {"callerid": "requester.user_id"}  # here it is the sys_id of the caller, not a login


def matches(payload: Mapping[str, Any], settings: EhrButtonSettings) -> bool:
    """Has it the parts of such a request?"""
    return any(isinstance(payload.get(part), dict) for part in _PARTS)


def reading(payload: Mapping[str, Any], origin: Origin, settings: EhrButtonSettings) -> Reading:
    """The ticket; raises Unreadable where nothing in it says what is wrong."""
    form = Form({**settings.flat_targets, **_OWN, **settings.targets})
    for part in _PARTS:
        value = payload.get(part)
        if isinstance(value, dict):
            for key, inner in value.items():
                form.fill(key, inner)
        else:
            form.keep(part, value)
    for key, value in payload.items():
        if key not in _PARTS:
            form.fill(key, value)
    return generic.reading(form.payload(), origin, settings)
