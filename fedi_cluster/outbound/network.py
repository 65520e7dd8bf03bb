"""The real network under `Outbound`: a request and its answer over a kept connection; it follows nothing."""

import asyncio
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.kernel.hosts import read_authority
from fedi_cluster.outbound.connection import Stale
from fedi_cluster.outbound.dial import Dialler
from fedi_cluster.outbound.guard import NOT_READABLE, PORTS
from fedi_cluster.outbound.pool import Origin, Pool
from fedi_cluster.outbound.transport import Answer, Bounds
from fedi_cluster.settings import Settings


class NetworkTransport:
    """See `Transport`. One pool a process; sockets are opened, and certificates read, with the first need."""

    def __init__(self, settings: Settings) -> None:
        self._dialler = Dialler(settings)
        self._pool = Pool(self._dialler.dial)

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """One request over a pooled connection to an address that the guard allows; see `Transport`.

        A pooled connection that the server was just closing is replaced once: reading is harmless, and a
        delivery carries an id that counts once.
        """
        until = asyncio.get_running_loop().time() + bounds.total
        try:
            place = _read(url)
            request = _write(method, place, headers, body)
            try:
                return await self._exchange(place, request, bounds, until)
            except Stale:
                return await self._exchange(place, request, bounds, until, fresh=True)
        except TimeoutError as error:
            raise Unreachable(NOT_READABLE, detail="no answer in time") from error
        except ssl.SSLError as error:
            raise Unreachable(NOT_READABLE, detail=f"TLS: {error}") from error
        except (OSError, ValueError) as error:
            detail = f"{type(error).__name__}: {str(error)[:200]}"
            raise Unreachable(NOT_READABLE, detail=detail) from error

    async def _exchange(
        self, place: "_Place", request: bytes, bounds: Bounds, until: float, *, fresh: bool = False
    ) -> Answer:
        connection = None if fresh else self._pool.idle(place.origin)
        if connection is None:
            connection = await self._pool.take(place.origin, bounds.connect, until, fresh=fresh)
        answered = connection.ask(request, place.url, bounds, until)
        try:
            return await answered
        except asyncio.CancelledError:
            connection.leave(answered)
            raise

    async def close(self) -> None:
        """Closes all connections, also those that are being opened."""
        await self._pool.close()
        self._dialler.close()


class _Place(NamedTuple):
    """A URL as a request needs it: `target` is path and query, letter for letter."""

    url: str
    origin: Origin
    authority: str
    target: str


@lru_cache(maxsize=1024)
def _read(url: str) -> _Place:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    if scheme not in PORTS or not (url.isascii() and url.isprintable()) or " " in url:
        raise ValueError(f"not a URL to ask: {url[:200]!r}")
    host, port = read_authority(authority)
    origin = Origin(scheme, str(host), PORTS[scheme] if port is None else port)
    return _Place(url, origin, authority, f"/{path.partition('#')[0]}")


def _write(method: str, place: _Place, headers: Mapping[str, str], body: bytes) -> bytes:
    """The whole request, headers in their order; raises ValueError where one would end its line."""
    lines = [f"{method} {place.target} HTTP/1.1", *map(": ".join, headers.items())]
    if "Host" not in headers:
        lines.append(f"Host: {place.authority}")
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    text = "".join(lines)
    if "\r" in text or "\n" in text or "\0" in text:
        raise ValueError("a header holds the end of a line")
    return "\r\n".join([*lines, "", ""]).encode() + body
