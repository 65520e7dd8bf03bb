"""A load generator in a process of its own: ready requests over kept connections, as fast as they are answered.

It makes nothing while it measures: requests are bytes that lie ready. It counts statuses and judges nothing.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop

from tests.benchmarks.measure import CannotRun, percentile

_END = b"\r\n\r\n"
_PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Shot:
    """What came back: answers by status, seconds in all, bytes of the last body, latencies in ms."""

    statuses: dict[int, int]
    seconds: float
    body_bytes: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    def demand(self, status: int) -> "Shot":
        """Itself where every answer had this status; else `CannotRun` says what came."""
        if set(self.statuses) != {status}:
            raise CannotRun(f"the server answered {self.statuses} where {status} was expected")
        return self

    @property
    def answers(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass(slots=True)
class _Tally:
    left: Iterator[bytes]
    statuses: Counter[int] = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    body_bytes: int = 0
    ended: "asyncio.Future[None] | None" = None
    open: int = 0


class _Client(asyncio.Protocol):
    """One connection with one request on its way."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._buffer = bytearray()
        self._sent = 0.0
        self._done = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own kind
        self._tally.open += 1
        self._next()

    def _next(self) -> None:
        assert self._transport is not None
        request = next(self._tally.left, None)
        if request is None:
            self._done = True
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(_END)
        if head_end < 0:
            return
        head = bytes(self._buffer[:head_end]).lower()
        start = head_end + len(_END)
        if b"transfer-encoding: chunked" in head:
            if not self._buffer.endswith(b"0" + _END):
                return
            size = len(self._buffer) - start
        else:
            at = head.find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self._buffer) < start + size:
                return
        self._tally.times.append(time.perf_counter() - self._sent)
        self._tally.statuses[int(head[9:12])] += 1
        self._tally.body_bytes = size
        del self._buffer[: start + size]
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        tally = self._tally
        tally.open -= 1
        if tally.ended is None or tally.ended.done():
            return
        if not self._done:
            tally.ended.set_exception(CannotRun(f"the server closed a kept connection ({error})"))
        elif tally.open == 0:
            tally.ended.set_result(None)


async def _fire(port: int, connections: int, requests: Iterator[bytes]) -> Shot:
    loop = asyncio.get_running_loop()
    tally = _Tally(requests, ended=loop.create_future())
    assert tally.ended is not None
    began = time.perf_counter()
    await asyncio.gather(
        *(loop.create_connection(lambda: _Client(tally), "127.0.0.1", port) for _ in range(connections))
    )
    async with asyncio.timeout(_PATIENCE):
        await tally.ended
    seconds = time.perf_counter() - began
    marks = [percentile(tally.times, share) * 1000 for share in (0.5, 0.95, 0.99)]
    return Shot(dict(tally.statuses), seconds, tally.body_bytes, *marks)


def fire(port: int, connections: int, requests: Sequence[bytes] | Path, count: int | None = None) -> Shot:
    """Sends each request once over so many connections, each as soon as its connection is free.

    A file is read before the time begins; `count` sends the requests of a sequence in turn, so many times in
    all. Raises `CannotRun` where the server closes a connection or takes longer than two minutes.
    """
    ready = read_requests(requests) if isinstance(requests, Path) else requests
    wanted = len(ready) if count is None else count
    flow = iter(ready) if count is None else (ready[number % len(ready)] for number in range(wanted))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_fire(port, min(connections, wanted), flow))


async def _steadily(port: int, request: bytes, rate: float, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    waiting: deque[asyncio.Task[Shot]] = deque()
    began = loop.time()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        waiting.append(asyncio.create_task(_fire(port, 1, iter((request,)))))
    for one in waiting:
        shot = (await one).demand(200)
        times.append(shot.seconds * 1000)
    return times


def ask_steadily(port: int, request: bytes, rate: float, seconds: float) -> list[float]:
    """Latencies in ms of a request that is asked `rate` times a second, whatever the server does meanwhile."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_steadily(port, request, rate, seconds))


def write_requests(file: Path, requests: Sequence[bytes]) -> Path:
    """Requests one behind the other, each after its length: another process reads them faster than a pipe."""
    with file.open("wb") as out:
        for one in requests:
            out.write(len(one).to_bytes(4, "big"))
            out.write(one)
    return file


def read_requests(file: Path) -> list[bytes]:
    """What `write_requests` wrote."""
    raw, at, found = file.read_bytes(), 0, []
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found
