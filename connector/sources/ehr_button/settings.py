"""What a site can say of its help button."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field, field_validator

from connector.sources.ehr_button.aliases import ALIASES, key_of, no_target
from connector.sources.issue_types import IssueType, table
from connector.sources.posted import PostedSettings
from connector.sources.text import word_of
from connector.ticket import PersonKind


class EhrButtonSettings(PostedSettings):
    """Settings of the help button.

    `format` says how payloads are written; `auto` tells by their shape. `aliases` leads keys of flat contexts (and of
    EMR Help data and FHIR inputs) to places such as `device.workstation`; null keeps a key under `extra`.
    `issue_types` adds to the built-in table and wins over it, as `aliases` does. A carried file beyond
    `attachment_bytes` is noted, not taken.
    """

    format: Literal["auto", "fhir", "emr_help", "flat", "generic"] = "auto"
    person: PersonKind = PersonKind.STAFF
    aliases: dict[str, str | None] = Field(default_factory=dict)
    issue_types: dict[str, IssueType] = Field(default_factory=dict)
    attachment_bytes: int = Field(default=10 * 1024 * 1024, ge=1024, le=100 * 1024 * 1024)

    @cached_property
    def issues(self) -> Mapping[str, IssueType]:
        """The built-in table with the site's over it."""
        return table(self.issue_types)

    @field_validator("aliases")
    @classmethod
    def _lead_somewhere(cls, aliases: dict[str, str | None]) -> dict[str, str | None]:
        for target in aliases.values():
            if target is not None and (why := no_target(target)):
                raise ValueError(why)
        return aliases

    def issue_type(self, said: str) -> IssueType | None:
        """What an issue type means, in any spelling; None where neither table knows it."""
        return self.issues.get(word_of(said[:80]))

    @cached_property
    def targets(self) -> Mapping[str, str]:
        """What the site's own aliases say, by `key_of` the key; an empty target keeps it under `extra`."""
        return {key_of(key): target or "" for key, target in self.aliases.items()}

    @cached_property
    def flat_targets(self) -> Mapping[str, str]:
        """The built-in table with the site's over it; the code of a record leads its id to the records."""
        records = {key_of(code): f"records.{code}" for code in sorted(self.codes.build | self.codes.patient)}
        return {**records, **ALIASES, **self.targets}
