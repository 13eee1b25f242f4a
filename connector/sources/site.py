"""What a site says of itself to every source that reads requests: its time zone, its people, its EHR codes."""

from __future__ import annotations

from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import field_validator

from connector.sources.build_records import BUILD, PATIENT, Codes
from connector.sources.files import FileSettings
from connector.ticket import PersonKind


class SiteSettings(FileSettings):
    """`timezone` is that of times which name none; `person` is who asks, where the record does not say.

    `build_codes` and `patient_codes` add to the built-in tables of master file codes and win over them.
    """

    timezone: str = "UTC"
    person: PersonKind = PersonKind.UNKNOWN
    build_codes: frozenset[str] = frozenset()
    patient_codes: frozenset[str] = frozenset()

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"there is no time zone {name!r}; write one like America/Chicago") from None
        return name

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)

    @cached_property
    def codes(self) -> Codes:
        """The built-in codes with the site's over them."""
        build, patient = self.build_codes, self.patient_codes
        return Codes(frozenset(BUILD) - patient | build, frozenset(PATIENT) - build | patient)
