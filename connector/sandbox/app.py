"""The sandbox: both systems behind one port, with one clock, one fault switch and one request log."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from connector.sandbox import control, page, serving
from connector.sandbox.box import Box
from connector.sandbox.faults import Fault
from connector.sandbox.messages import Answer, Call
from connector.sandbox.pace import Threads
from connector.sandbox.server import Server
from connector.sandbox.serving import Receive, Scope, Send, System


class Sandbox(Box):
    """Both systems on one loopback port; a context manager.

    `port` 0 takes a free one. `settle` is the number of seconds (of sandbox time) after which everything that was sent
    has happened and is visible; `GET /sandbox` declares it. `latency` is what the network adds to each request, in
    seconds of real time. `servicenow` and `zendesk` are settings of the two systems (see their `Settings`). The server
    runs in a daemon thread; forked children may talk to it and may be killed.

    Accounts. ServiceNow: Basic `sync`/`sandbox` and `admin`/`sandbox`, OAuth client `connector`/`sandbox`, API key
    `sandbox`. Zendesk: `sync@northfield-hospital.example` with API token `sandbox`, OAuth client `connector`/`sandbox`,
    refresh token `sandbox-refresh`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        hardened: bool = False,
        settle: float = 2.0,
        latency: float = 0.0,
        seed: int = 0,
        servicenow: Mapping[str, Any] | None = None,
        zendesk: Mapping[str, Any] | None = None,
    ) -> None:
        ours = {"honours_sys_id": not hardened, **(servicenow or {})}
        lags = {"index_lag": settle, "export_delay": settle, "cascade_lag": settle}
        super().__init__(settle, latency, seed, ours, {**lags, **(zendesk or {})})
        self._in_flight: Counter[str] = Counter()
        self._threads = {system.name: Threads(system) for system in (self.servicenow, self.zendesk)}
        self._server = Server(self, port)
        self._process = os.getpid()

    # -- life

    def start(self) -> Sandbox:
        """Begin to serve."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop serving and cut all connections. Does nothing in a forked child."""
        if os.getpid() == self._process:
            self._server.stop()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what tests look at

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._server.port

    # -- serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        call = await serving.read(scope, receive)
        if call is None:
            await serving.drop(scope, receive)
        elif (system := self._system(call.path)) is not None:
            await self._serve(system, call, scope, receive, send)
        else:
            with self.lock:
                answer = control.answer(self, call) if call.path.startswith("/sandbox") else page.answer(self, call)
            await serving.write(answer, self.clock.now(), send)

    def _system(self, path: str) -> System | None:
        if path.startswith(("/api/v2/", "/oauth/", "/attachments/")):
            return self.zendesk
        return self.servicenow if path.startswith(("/api/", "/oauth_token.do")) else None

    async def _serve(self, system: System, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        if self.latency > 0:
            await asyncio.sleep(self.latency)
        with self.lock:
            self.clock.run_due()
            call.at = self.clock.now()
            call.fault = fault = self.faults.choose(call.method, call.path)
            self._in_flight[system.name] += 1
            self.tally.arrived(system.name, call, call.at, self._in_flight[system.name])
        try:
            await serving.pause(fault, "slow")
            async with self._threads[system.name].one() as taken:
                answer = await self._worked(system, call, fault) if taken else system.crowded()
            with self.lock:
                self.note(system.name, call, fault, answer)
            await serving.pause(fault, "hang")
        finally:
            self._in_flight[system.name] -= 1
        cut = fault is not None and fault.kind == "cut"
        if answer is not None:
            await serving.write(answer, self.clock.now(), send, cut)
        if answer is None or cut:
            await serving.drop(scope, receive)

    async def _worked(self, system: System, call: Call, fault: Fault | None) -> Answer | None:
        await serving.toil(system, call, fault)
        with self.lock:
            return serving.work(system, call, fault, self.clock)


def serve(port: int = 0, ready: Callable[[Sandbox], None] | None = None, **given: Any) -> None:
    """Serve until SIGTERM or Ctrl-C; `ready` is called once with the sandbox when it answers. Main thread only."""
    leave = threading.Event()
    before = {number: signal.signal(number, lambda *_: leave.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with Sandbox(port, **given) as box:
            if ready is not None:
                ready(box)
            leave.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
