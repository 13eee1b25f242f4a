"""Doors that stay open until they are told to close."""

from __future__ import annotations

import logging
import secrets
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import structlog

from connector import config
from connector.errors import Finding, SettingsError
from connector.terminal import screen
from connector.terminal.group import Call

if TYPE_CHECKING:
    from connector.app import App

log = structlog.get_logger("connector.serve")


def serve(app: App, call: Call, host: str, port: int, trying: bool) -> None:
    """Take posts until somebody asks to stop, and finish what is under way.

    Raises SettingsError where nothing may be posted, a secret is missing, or the address cannot be listened on.
    """
    from connector.intake import Door, Server, Writer

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # what is worth saying is said by ours
    key = secrets.token_urlsafe(16) if trying else ""
    wiring = app.wiring
    posted = {name: app.settings.sources[name] for name, inlet in wiring.inlets.items() if inlet.intake is not None}
    if missing := config.missing_secrets("source", posted, app.settings.base):
        raise SettingsError(missing)
    with Writer(wiring.db, wiring.clock) as writer:
        asks = app.settings.answers.survey is not None
        door = Door(wiring.db, wiring.clock, writer, wiring.inlets, wiring.base, key, survey=asks)
        sock = _listening(host, port)
        Server(door, sock, call.stop, lambda: _say(call, sock, door.sources, key, asks)).serve_all()


def _say(call: Call, sock: socket.socket, sources: tuple[str, ...], key: str, asks: bool) -> None:
    address, port = sock.getsockname()[:2]
    url = f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
    if not ip_address(address).is_loopback:
        log.warning("others can reach this door, in clear text: put a proxy with TLS before it", url=url)
    page = f"{url}/try/{key}/" if key else None
    if call.json:
        screen.document({"url": url, "sources": list(sources), "try": page})
        return
    names = ", ".join([*(f"{url}/intake/{name}" for name in sources), *([f"{url}/survey/"] if asks else ())])
    reach = "this machine alone" if ip_address(address).is_loopback else "the network, without TLS"
    screen.item(f"Taking posts from {reach}: {names}", "Tickets are made of them by: connector sync (Ctrl-C ends this)")
    if page:
        screen.line(f"A help button for trying it: {page}")


def _listening(host: str, port: int) -> socket.socket:
    from connector.intake import listen

    try:
        return listen(host, port)
    except OSError as error:
        what = f"{host} port {port} cannot be listened on: {error.strerror or error}"
        raise SettingsError([Finding("port", "", what, "choose others with --host and --port")]) from None
