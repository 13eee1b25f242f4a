"""The HTTP door for buttons and bots: what they post is safe in the ledger's inbox before they are answered."""

from connector.intake.door import Door
from connector.intake.server import Server, listen
from connector.intake.writer import Writer

__all__ = ["Door", "Server", "Writer", "listen"]
