"""A source that can be posted to, beside the files that it reads."""

from __future__ import annotations

from typing import ClassVar

from connector.plugins import IntakeSettings
from connector.sources.site import SiteSettings


class PostedSettings(SiteSettings):
    """`intake` says who may post to `connector serve`, and within which bounds."""

    ways_in: ClassVar[tuple[str, ...]] = ("path", "intake")

    intake: IntakeSettings | None = None
