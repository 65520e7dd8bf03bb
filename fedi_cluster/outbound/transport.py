"""One exchange with one server: connect, send, read under bounds; it follows nothing and signs nothing.

aiohttp is loaded with the first exchange: a process that only serves pages never pays for it.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fedi_cluster.kernel.errors import TooLarge, Unreachable
from fedi_cluster.outbound.body import Body, too_large
from fedi_cluster.outbound.guard import NOT_READABLE, check_address
from fedi_cluster.settings import Settings

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver

_LONGEST_REST = 5.0
"""Seconds for a body that nobody needs: read to its end, its connection can be used again."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: `headers` with lower-case names, `body` decoded, `url` where it was asked."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one exchange may cost: decoded bytes, and seconds to connect, to read (the answer's head, and its
    body) and in all. With `cut` an answer's body over a bound is cut instead of refused: of a delivery only
    the status counts.
    """

    max_bytes: int
    connect: float
    read: float
    total: float
    cut: bool = False


class Transport(Protocol):
    """Carries one request to one server; the towns of the tests have one without sockets."""

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """The answer, whatever its status; raises Unreachable, and TooLarge for a body over the bound."""
        ...

    async def close(self) -> None:
        """Lets go of all connections."""
        ...


class AiohttpTransport:
    """The real network: one session a process, at most 384 connections and 8 a host, held for 90 seconds.

    As many as a worker's jobs use at once; of a host, that one which reads slowly leaves some to deliveries.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._resolver: AbstractResolver | None = None

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """One request over a pooled connection to an address that the guard allows; see `Transport`.

        A pooled connection that the server was just closing is replaced once: reading is harmless, and a
        delivery carries an id that counts once.
        """
        import aiohttp

        try:
            until = asyncio.get_running_loop().time() + bounds.total
            async with asyncio.timeout_at(until):
                try:
                    return await self._exchange(method, url, headers, body, bounds, until=until)
                except aiohttp.ServerDisconnectedError:
                    return await self._exchange(method, url, headers, body, bounds, until=until)
        except TimeoutError as error:
            raise Unreachable(NOT_READABLE, detail="no answer in time") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise Unreachable(NOT_READABLE, detail=f"no address: {error.os_error}") from error
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            raise Unreachable(NOT_READABLE, detail=f"TLS: {error}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            detail = f"{type(error).__name__}: {str(error)[:200]}"
            raise Unreachable(NOT_READABLE, detail=detail) from error

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        bounds: Bounds,
        *,
        until: float,
    ) -> Answer:
        import aiohttp
        from yarl import URL

        times = aiohttp.ClientTimeout(total=None, sock_connect=bounds.connect, sock_read=bounds.read)
        async with self._open_session().request(
            method,
            URL(url, encoded=True),  # as it was signed, letter for letter
            headers=headers,
            data=body or None,
            timeout=times,
            allow_redirects=False,
        ) as response:
            named: dict[str, str] = {}
            for name, value in response.headers.items():
                key = name.lower()
                named[key] = f"{named[key]}, {value}" if key in named else value
            content = await _read_body(response, named, bounds, until)
            return Answer(response.status, named, content, url)

    def _open_session(self) -> "aiohttp.ClientSession":
        if self._session is None:
            import aiohttp

            from fedi_cluster.outbound.resolver import GuardedResolver

            self._resolver = GuardedResolver(self._settings)
            store = self._settings.trust_store
            connector = aiohttp.TCPConnector(
                limit=384,
                limit_per_host=8,
                keepalive_timeout=90,
                ttl_dns_cache=300,
                resolver=self._resolver,
                # True is the context that aiohttp has made at its import, with all authorities in memory.
                ssl=True if store is None else ssl.create_default_context(cafile=str(store)),
                socket_factory=self._open_socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session

    def _open_socket(self, info: "aiohttp.AddrInfoType") -> socket.socket:
        """A socket for the very address that will be connected: here no name can lead astray any more.

        It also sees hosts that are addresses, which never pass the resolver.
        """
        family, kind, protocol, _, place = info
        try:
            check_address(str(place[0]), int(place[1]), self._settings)
        except Unreachable as error:
            raise PermissionError(errno.EACCES, error.detail) from error
        return socket.socket(family, kind, protocol)

    async def close(self) -> None:
        """Closes the session with its connections and its resolver."""
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()
        if self._resolver is not None:
            await self._resolver.close()


async def _read_body(
    response: "aiohttp.ClientResponse", headers: Mapping[str, str], bounds: Bounds, until: float
) -> bytes:
    import aiohttp

    declared = response.content_length
    if declared == 0:
        return b""
    if declared is not None and declared > bounds.max_bytes and not bounds.cut:
        raise too_large()
    body: Body | None = None
    try:
        body = Body(headers.get("content-encoding", ""), bounds.max_bytes)
        # A little before the whole ends: a delivery whose status is known then has not failed.
        longest = min(bounds.read, _LONGEST_REST) if bounds.cut else bounds.read
        ends = min(asyncio.get_running_loop().time() + longest, until - 0.02)
        async with asyncio.timeout_at(ends):
            async for chunk in response.content.iter_any():
                body.feed(chunk)
        return body.end()
    except (TimeoutError, TooLarge, Unreachable, aiohttp.ClientError):
        if not bounds.cut:
            raise
        response.close()  # the rest is not wanted, and must not stand in the pool
        return b"" if body is None else body.so_far()
