"""An emulated ServiceNow instance."""

from connector.sandbox.servicenow.paths import ServiceNow

__all__ = ["ServiceNow"]
