"""What `init` writes: settings, mappings, a sample inbox, and a .gitignore for what must not be shared."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from connector.errors import Finding, SettingsError

SANDBOX_PORT = 8765
CHANNELS = ("button", "mail", "bot")
MESSAGES = "mappings/messages/"
IGNORED = (
    "# Secrets and what the ledger knows stay on this machine.\nsecrets/\n*.db\n*.db-wal\n*.db-shm\n*.log\ninbox/\n"
)

# The credentials that the sandbox accepts. They open nothing else.
SANDBOX_SECRETS = {"secrets/servicenow": "sandbox\n", "secrets/zendesk": "sandbox\n"}


def start(folder: Path, *, force: bool = False, samples: bool = True, port: int = SANDBOX_PORT) -> list[str]:
    """Write everything below `folder` and name what was written, relative to it, the messages as one.

    Nothing is written where any of it exists, unless `force` says so; the site is kept even then, because it is part
    of every key. Raises SettingsError.
    """
    texts = _texts(_site(folder / "connector.yaml"), port)
    there = [name for name in (*texts, "inbox") if os.path.lexists(folder / name)]
    if there and not force:
        more = f", and {len(there) - 1} more of what `init` writes" if len(there) > 1 else ""
        remedy = "name another folder, or overwrite with --force, which keeps the site"
        raise SettingsError([Finding("exists", str(folder / there[0]), f"is already there{more}", remedy)])
    try:
        for name, text in texts.items():
            _write(folder / name, text, private=name.startswith("secrets/"))
        _fill(folder / "inbox", samples)
    except OSError as error:
        place, remedy = str(error.filename or folder), "see to its rights, or name another folder"
        raise SettingsError([Finding("no-write", place, f"cannot be written: {error.strerror}", remedy)]) from None
    return [*dict.fromkeys(_brief(name) for name in texts), "inbox/"]


def _brief(name: str) -> str:
    return MESSAGES if name.startswith(MESSAGES) else name


def mint() -> str:
    """A new name for an installation."""
    return f"site-{secrets.token_hex(3)}"


def _site(settings: Path) -> str:
    """The site that is there already, or a new one."""
    try:
        found = re.search(r"^site:[ \t]*([a-z0-9-]{4,24})[ \t]*(?:#|$)", settings.read_text("utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1] if found else mint()


def _texts(site: str, port: int) -> Mapping[str, str]:
    template = resources.files("connector.terminal").joinpath("connector.yaml").read_text("utf-8")
    settings = template.replace("@SITE@", site).replace("@PORT@", str(port))
    mappings = {f"mappings/{name}": text for name, text in _templates(resources.files("connector.templates"))}
    return {"connector.yaml": settings, **mappings, **SANDBOX_SECRETS, ".gitignore": IGNORED}


def _templates(folder: Traversable) -> list[tuple[str, str]]:
    files = sorted((file for file in folder.iterdir() if file.name.endswith((".yaml", ".json"))), key=lambda f: f.name)
    below = _templates(folder / "messages") if folder.name != "messages" else []
    return [
        *((file.name, file.read_text("utf-8")) for file in files),
        *((f"messages/{name}", text) for name, text in below),
    ]


def _fill(inbox: Path, with_samples: bool) -> None:
    for channel in CHANNELS:
        (inbox / channel).mkdir(parents=True, exist_ok=True)
    if with_samples:
        from connector import samples

        samples.copy(inbox, datetime.now(UTC))


def _write(path: Path, text: str, private: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o666)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
