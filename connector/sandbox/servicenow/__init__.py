"""An emulated ServiceNow instance."""

from connector.sandbox.servicenow.service import ServiceNow

__all__ = ["ServiceNow"]
