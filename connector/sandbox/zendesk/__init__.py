"""An emulated Zendesk account."""

from connector.sandbox.zendesk.service import Zendesk

__all__ = ["Zendesk"]
