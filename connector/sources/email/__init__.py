"""Mailboxes: what lies in them, what a mail says, and what it becomes."""

from connector.sources.email.settings import EmailSettings
from connector.sources.email.source import Email

__all__ = ["Email", "EmailSettings"]
