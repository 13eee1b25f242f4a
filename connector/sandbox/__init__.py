"""ServiceNow and Zendesk emulated over real HTTP on loopback, traps and faults included. Imports nothing else of this project."""

from connector.sandbox.app import Sandbox, serve
from connector.sandbox.faults import KINDS, Fault

__all__ = ["KINDS", "Fault", "Sandbox", "serve"]
