"""The other servers of a benchmark, all in one process: they serve documents and answer every POST at once.

Many addresses of loopback, one port each: to the measured server every address is an instance of its own.
A chosen few may be slow. Nothing is checked and nothing refused.
"""

import asyncio
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import cast

import uvloop

from tests.benchmarks.measure import LOAD_CPU, CannotRun, pin

_END = b"\r\n\r\n"
_TAKEN = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
_NONE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
_PATIENCE = 30.0

Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A POST that arrived: the address that it came to, when (`time.monotonic`), and its body if kept."""

    host: str
    at: float
    body: bytes


class _Peer(asyncio.Protocol):
    def __init__(self, state: "_State") -> None:
        self._state = state
        self._buffer = bytearray()
        self._transport: asyncio.WriteTransport | None = None
        self._host = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's own kind
        self._host = transport.get_extra_info("sockname")[0]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head_end = self._buffer.find(_END)
            if head_end < 0:
                return
            head = bytes(self._buffer[:head_end])
            at = head.lower().find(b"content-length:")
            size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            start = head_end + len(_END)
            if len(self._buffer) < start + size:
                return
            body = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        assert self._transport is not None
        if head.startswith(b"POST"):
            kept = body if self._state.keep_bodies else b""
            self._state.arrived.append(Arrival(self._host, time.monotonic(), kept))
            wait = self._state.slow.get(self._host, 0.0)
            if wait == 0.0:
                self._transport.write(_TAKEN)
            elif wait > 0.0:
                asyncio.get_running_loop().call_later(wait, self._late)
            return
        path = head.split(b" ", 2)[1].decode("ascii").partition("?")[0]
        host = head.lower().partition(b"\r\nhost:")[2].split(b"\r\n", 1)[0].strip().decode("ascii")
        found = self._state.documents.get(f"http://{host}{path}")
        if found is None:
            self._transport.write(_NONE)
            return
        kind = b"content-type: application/activity+json\r\n"
        self._transport.write(
            b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (kind, len(found), found)
        )

    def _late(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_TAKEN)


@dataclass(slots=True)
class _State:
    documents: Mapping[str, bytes]
    slow: Mapping[str, float]
    keep_bodies: bool
    arrived: list[Arrival]


async def _serve(places: Sequence[Place], state: _State, orders: "Connection[object, object]") -> None:
    loop = asyncio.get_running_loop()
    by_port: dict[int, list[str]] = {}
    for host, port in places:
        by_port.setdefault(port, []).append(host)
    servers = [
        await loop.create_server(lambda: _Peer(state), hosts, port, backlog=1024)
        for port, hosts in by_port.items()
    ]
    orders.send("ready")
    ended = asyncio.Event()

    def obey() -> None:
        try:
            order = orders.recv()
        except EOFError:
            ended.set()
            return
        if order == "count":
            orders.send(len(state.arrived))
        elif order == "take":
            orders.send(state.arrived[:])
            state.arrived.clear()
        elif isinstance(order, tuple):
            state.slow, state.keep_bodies = order
            orders.send("done")
        else:
            ended.set()

    loop.add_reader(orders.fileno(), obey)
    # The loop has made it non-blocking, and an answer may be longer than the pipe holds.
    os.set_blocking(orders.fileno(), True)
    await ended.wait()
    for server in servers:
        server.close()


def _run(
    places: Sequence[Place], documents: Mapping[str, bytes], cpu: int, orders: "Connection[object, object]"
) -> None:
    pin(cpu)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(places, _State(documents, {}, False, []), orders))


class Peers:
    """The process of all other servers, at `places` (address and port); `documents` by their ids.

    As a context manager it ends with its block.
    """

    def __init__(
        self, places: Sequence[Place], documents: Mapping[str, bytes] | None = None, *, cpu: int = LOAD_CPU
    ) -> None:
        context = get_context("spawn")
        self._orders, theirs = context.Pipe()
        self._process = context.Process(
            target=_run, args=(places, documents or {}, cpu, theirs), name="peers", daemon=True
        )
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Peers":
        if not self._orders.poll(_PATIENCE):
            raise CannotRun("the peers did not start")
        try:
            self._orders.recv()
        except EOFError as error:
            raise CannotRun("the peers could not listen at their addresses") from error
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._orders.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _ask(self, order: object) -> object:
        self._orders.send(order)
        return self._orders.recv()

    def behave(self, slow: Mapping[str, float] | None = None, *, keep_bodies: bool = False) -> None:
        """From now on: seconds until the answer by address (negative: never), and whether bodies are kept."""
        self._ask((dict(slow or {}), keep_bodies))

    def count(self) -> int:
        """How many POSTs arrived since the last `take`."""
        found = self._ask("count")
        assert isinstance(found, int)
        return found

    def take(self) -> list[Arrival]:
        """What arrived since the last time."""
        found = self._ask("take")
        assert isinstance(found, list)
        return found

    def wait(self, number: int, seconds: float, *, only: Collection[str] | None = None) -> list[Arrival]:
        """Takes when so many have arrived (at the addresses in `only`, where given); `CannotRun` where fewer came
        in time."""
        ends = time.monotonic() + seconds
        found: list[Arrival] = []
        while len(found) < number:
            if time.monotonic() > ends:
                raise CannotRun(f"{len(found)} of {number} deliveries arrived in {seconds:g} s")
            time.sleep(0.02)
            if only is not None or self.count() >= number:
                found += [one for one in self.take() if only is None or one.host in only]
        return found
