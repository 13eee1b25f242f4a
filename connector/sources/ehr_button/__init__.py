"""The help button inside an EHR: what it posts, and what that becomes."""

from connector.sources.ehr_button.source import EhrButton, items

__all__ = ["EhrButton", "items"]
