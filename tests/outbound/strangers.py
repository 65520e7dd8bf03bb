"""Servers on loopback that misbehave as told, and the client under test; real sockets, real time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fedi_cluster.outbound import NetworkTransport, Outbound
from fedi_cluster.settings import Settings, load


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as a stranger heard it; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Behave = Callable[[Heard, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Stranger:
    """A listening server; `heard` keeps what was asked, `connections` counts who knocked."""

    port: int = 0
    connections: int = 0
    heard: list[Heard] = field(default_factory=list)

    def url(self, path: str = "/", host: str = "stranger.localhost", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


def settings(**values: str) -> Settings:
    """Settings of a closed network on loopback; more by the name of the variable without its prefix."""
    closed = {
        "BASE_URL": "http://ours.localhost:1",
        "REGION": "szczecin",
        "REGION_NAME": "Szczecin",
        "PRIVATE_NETWORKS": "127.0.0.0/8",
        "LIMITS_READ": "0.4",
        "LIMITS_TOTAL": "1.2",
        "LIMITS_DELIVERY_TOTAL": "0.8",
        "LIMITS_REMOTE_DOCUMENT": "4096",
    }
    return load(None, {f"FEDI_CLUSTER_{name}": value for name, value in (closed | values).items()})


@asynccontextmanager
async def stranger(behave: Behave, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stranger]:
    """A server on a free port of 127.0.0.1 that answers each request by `behave`; stops with the block."""
    server = Stranger()
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        open_now.add(writer)
        try:
            while heard := await _hear(reader):
                server.heard.append(heard)
                await behave(heard, writer)
                await writer.drain()
                if writer.is_closing():
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            open_now.discard(writer)
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for writer in tuple(open_now):
            writer.transport.abort()
        await asyncio.sleep(0.02)


async def _hear(reader: asyncio.StreamReader) -> Heard | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ")
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Heard(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def say(writer: asyncio.StreamWriter, status: int, body: bytes = b"", **headers: str) -> None:
    """A whole answer; `content_type="x"` becomes `content-type: x`."""
    lines = [f"HTTP/1.1 {status} So", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)


@asynccontextmanager
async def network(of: Settings) -> AsyncIterator[NetworkTransport]:
    """The real network without the rules of `Outbound`, closed with the block; every place is free again then."""
    transport = NetworkTransport(of)
    try:
        yield transport
        assert places_taken(transport) == len(transport._pool._idle)
    finally:
        await transport.close()
        assert places_taken(transport) == 0


def places_taken(transport: NetworkTransport) -> int:
    """Connections that are open or being opened, as the pool counts them."""
    return transport._pool._taken


@asynccontextmanager
async def client(of: Settings) -> AsyncIterator[Outbound]:
    """The client on the real network, closed with the block."""
    outbound = Outbound(of, NetworkTransport(of))
    try:
        yield outbound
    finally:
        await outbound.close()
