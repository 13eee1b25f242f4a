"""The help button inside an EHR: what it posts, and what that becomes."""

from connector.sources.ehr_button.parts import items
from connector.sources.ehr_button.source import EhrButton

__all__ = ["EhrButton", "items"]
