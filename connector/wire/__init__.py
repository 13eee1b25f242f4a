"""The one place that makes HTTP sessions and translates what can go wrong on the way."""

from connector.wire.auth import Basic, Bearer, Credential, Header, Token
from connector.wire.errors import Effect, Row, Seen, verdict
from connector.wire.rates import Endpoint
from connector.wire.sessions import (
    LARGEST,
    PLAIN,
    ROOT,
    Answer,
    Dialect,
    Session,
    oauth,
    session,
    silence,
    translated,
)

__all__ = [
    "LARGEST",
    "PLAIN",
    "ROOT",
    "Answer",
    "Basic",
    "Bearer",
    "Credential",
    "Dialect",
    "Effect",
    "Endpoint",
    "Header",
    "Row",
    "Seen",
    "Session",
    "Token",
    "oauth",
    "session",
    "silence",
    "translated",
    "verdict",
]
