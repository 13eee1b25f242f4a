"""Zendesk, through the Support API."""

from connector.sinks.zendesk.settings import Settings
from connector.sinks.zendesk.sink import Zendesk

__all__ = ["Settings", "Zendesk"]
