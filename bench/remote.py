"""The emulated help desks as a process of their own: what they cost is nobody's here."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_RECORDS = {"servicenow": ("incident",), "zendesk": ("tickets",)}


class Remote:
    """A sandbox with these settings (see `connector sandbox --help`), as long as the block lasts."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        connector = Path(sys.executable).with_name("connector")
        command = [str(connector), "sandbox", "--port", "0", "--json", "--settings", json.dumps(settings)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        told = json.loads("".join(iter(self._process.stdout.readline, "}\n")) + "}")
        self.url: str = told["url"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate()

    def counted(self) -> dict[str, Any]:
        """`requests` by endpoint; `refused` with 429 and `early` (inside Retry-After) by system."""
        said = self._asked("/sandbox")
        return {"requests": said["requests"], **{name: said["tally"][name] for name in ("refused", "early")}}

    def log(self) -> list[dict[str, Any]]:
        """The last ten thousand requests, oldest first, each with `at`, `system` and `status`."""
        said: list[dict[str, Any]] = self._asked("/sandbox/requests")["requests"]
        return said

    def records(self, system: str) -> int:
        """How many incidents or tickets there are."""
        found: Any = self._asked("/sandbox/state")[system]
        for name in _RECORDS[system]:
            found = found[name]
        return len(found)

    def _asked(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=120) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
