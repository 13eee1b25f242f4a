"""`connector serve` under load, the load's own cost included: paced posts, then as many as it takes, then kill -9."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import random
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

RATE = 200
SECONDS = 10
# Every so manieth of the posts carries a screenshot.
SCREENSHOT_EACH = 10
SCREENSHOT = 300 * 1024
TEXT = 4 * 1024
CONNECTIONS = 32
SECRET = "a-secret-of-the-bench-0123456789"

SETTINGS = """\
site: bench-0001
ledger: sqlite:///connector.db
sources:
  button: {type: ehr_button, intake: {hmac: "env:BENCH_SECRET"}}
sinks:
  servicenow:
    {type: servicenow, url: "http://127.0.0.1:9", auth: {username: x, password: "env:NONE"}, mapping: servicenow.yaml}
"""


@dataclass(slots=True)
class Load:
    """What was posted. `accepted` holds the receipts, `waits` the seconds from when a post was due to its answer."""

    port: int
    accepted: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0

    async def press(self, pool: asyncio.Queue[_Line], body: bytes, due: float) -> None:
        """Post on the next line that is free."""
        line = await pool.get()
        status, answer = await line.ask(_message(body))
        pool.put_nowait(line)
        self.waits.append(time.perf_counter() - due)
        if status == 202:
            self.accepted.append(json.loads(answer)["receipt"])
        else:
            self.refused += 1


class _Line:
    """One connection, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, message: bytes) -> tuple[int, bytes]:
        self.writer.write(message)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r")[0])
        return int(head[9:12]), await self.reader.readexactly(length)


def measure(folder: Path) -> dict[str, float]:
    """Posts of 4 KB, each tenth with a screenshot of 300 KB: 200 a second for 10 s, then closed loop, then kill -9."""
    (folder / "connector.yaml").write_text(SETTINGS)
    mapping = Path(__file__).parents[1] / "mappings" / "servicenow.yaml"
    (folder / "servicenow.yaml").write_text(mapping.read_text("utf-8"))
    connector = Path(sys.executable).with_name("connector")
    command = [str(connector), "-c", str(folder / "connector.yaml"), "serve", "--port", "0", "--json"]
    environment = {**os.environ, "BENCH_SECRET": SECRET}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        told = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        load = Load(int(told["url"].rpartition(":")[2]))
        paced = asyncio.run(_paced(load))
        waits = sorted(load.waits)
        most = asyncio.run(_closed(load, RATE * 4))
        asyncio.run(_killed(load, process))
    return {
        "posts/s": paced,
        "ms for half of them": 1000 * waits[len(waits) // 2],
        "ms for 99 of 100": 1000 * waits[len(waits) * 99 // 100],
        "posts/s at most": most,
        "refused": load.refused,
        "accepted and lost": _lost(folder, load),
    }


async def _paced(load: Load) -> float:
    """Each post at its time, whether the ones before were answered or not; returns how many a second were."""
    bodies = [_body(number) for number in range(RATE * SECONDS)]
    async with _lines(load.port) as pool:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for number, body in enumerate(bodies):
                due = began + number / RATE
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                under_way.create_task(load.press(pool, body, due))
        return len(bodies) / (time.perf_counter() - began)


async def _closed(load: Load, count: int) -> float:
    """As fast as they are answered; returns how many a second were."""
    bodies = [_body(1_000_000 + number) for number in range(count)]
    async with _lines(load.port) as pool:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as under_way:
            for body in bodies:
                under_way.create_task(load.press(pool, body, began))
        return count / (time.perf_counter() - began)


async def _killed(load: Load, process: subprocess.Popen[str]) -> None:
    async with _lines(load.port) as pool:
        asked = [
            asyncio.create_task(load.press(pool, _body(2_000_000 + number), time.perf_counter()))
            for number in range(RATE * 2)
        ]
        while sum(one.done() for one in asked) < RATE:
            await asyncio.sleep(0.001)
        process.kill()
        await asyncio.wait(asked, timeout=1)  # what was answered before is still read
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)


@asynccontextmanager
async def _lines(port: int) -> AsyncIterator[asyncio.Queue[_Line]]:
    pool: asyncio.Queue[_Line] = asyncio.Queue()
    opened = [_Line(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for line in opened:
        pool.put_nowait(line)
    try:
        yield pool
    finally:
        for line in opened:
            line.writer.close()


def _body(number: int) -> bytes:
    chance = random.Random(number)
    said: dict[str, object] = {"request_id": f"bench-{number}", "description": chance.randbytes(TEXT // 2 - 60).hex()}
    if number % SCREENSHOT_EACH == 0:
        picture = b64encode(b"\x89PNG\r\n\x1a\n" + chance.randbytes(SCREENSHOT)).decode()
        said["attachments"] = [{"filename": "s.png", "content_type": "image/png", "content_base64": picture}]
    return json.dumps(said).encode()


def _message(body: bytes) -> bytes:
    at = str(int(time.time())).encode()
    mac = hmac.new(SECRET.encode(), at + b"." + body, hashlib.sha256).hexdigest().encode()
    return (
        b"POST /intake/button HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Connector-Timestamp: "
        + at + b"\r\nX-Connector-Signature: sha256=" + mac + b"\r\nContent-Length: " + str(len(body)).encode()
        + b"\r\n\r\n" + body
    )  # fmt: skip


def _lost(folder: Path, load: Load) -> int:
    from connector.app import App
    from connector.ledger import inbox

    with App.open(folder / "connector.yaml") as app:
        return sum(inbox.follow(app.wiring.db, receipt) is None for receipt in load.accepted)
