"""ServiceNow and Zendesk emulated over real HTTP on loopback, traps and faults included.

Imports nothing else of this project: what it says about the two systems is a second opinion.
"""

from connector.sandbox.app import Sandbox, serve
from connector.sandbox.faults import KINDS, Fault

__all__ = ["KINDS", "Fault", "Sandbox", "serve"]
