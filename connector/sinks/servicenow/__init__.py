"""ServiceNow, through the Table API."""

from connector.sinks.servicenow.settings import Settings
from connector.sinks.servicenow.sink import ServiceNow

__all__ = ["ServiceNow", "Settings"]
