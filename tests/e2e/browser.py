"""A headless Chromium that is told what to do over a pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Over file descriptors 3 and 4, which is what `--remote-debugging-pipe` expects.
_START = 'exec "$0" "$@" 3<&{reads} 4>&{writes} {reads}<&- {writes}>&-'


class Browser:
    """One page. Times out with the test that uses it."""

    def __init__(self, writes: int, reads: int) -> None:
        self._writes, self._reads = os.fdopen(writes, "wb", 0), os.fdopen(reads, "rb", 0)
        self._rest, self._number, self._session = b"", 0, ""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers to a command. Raises AssertionError where it refuses."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        self._writes.write(json.dumps(command).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said["error"]
                answer: dict[str, Any] = said["result"]
                return answer

    def run(self, code: str) -> Any:
        """The value of an expression on the page; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def open(self, url: str) -> None:
        """Go there, and wait until the page has run its scripts."""
        self.ask("Page.navigate", url=url)
        ready = "new Promise(done => document.readyState === 'complete' ? done() : addEventListener('load', done))"
        while self.run("location.href") == "about:blank":
            pass
        self.run(ready)

    def choose(self, selector: str, file: Path) -> None:
        """Put a file into an upload field."""
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.ask("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = self._reads.read(65536)
            assert part, "the browser has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        said: dict[str, Any] = json.loads(message)
        return said

    def close(self) -> None:
        self._writes.close()
        self._reads.close()


@contextmanager
def browsing(program: str, quiet: list[str], folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own, for as long as the block lasts."""
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    start = _START.format(reads=theirs_in, writes=theirs_out)
    asked = [*quiet, "--remote-debugging-pipe", f"--user-data-dir={folder / 'profile'}"]
    process = subprocess.Popen(
        ["bash", "-c", start, program, *asked], pass_fds=(theirs_in, theirs_out), stderr=subprocess.DEVNULL
    )
    os.close(theirs_in)
    os.close(theirs_out)
    browser = Browser(ours_out, ours_in)
    try:
        yield browser
    finally:
        browser.close()
        process.kill()
        process.wait(20)
