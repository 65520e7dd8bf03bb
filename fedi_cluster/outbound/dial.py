"""Opens connections: finds addresses, tries them, checks certificates; it keeps what names mean, no sockets.

Each address is checked at the moment in which it is connected: here no name can lead astray any more.
"""

import asyncio
import ssl

from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.connection import Connection, Owner
from fedi_cluster.outbound.guard import NOT_READABLE, check_address
from fedi_cluster.outbound.pool import Origin
from fedi_cluster.outbound.resolver import GuardedResolver, is_address
from fedi_cluster.settings import Settings

_KNOWN_FOR = 300.0
"""Seconds that an answer of the resolver is used."""

_MOST_KNOWN = 1024

_STAGGER = 0.25
"""Seconds until the next address of a host is tried beside the one before (RFC 8305, 5)."""


class Dialler:
    """Opens connections to allowed addresses; a look-up is shared by all who wait for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._resolver = GuardedResolver(settings)
        self._known: dict[Origin, tuple[float, list[str]]] = {}
        self._asked: dict[Origin, asyncio.Task[list[str]]] = {}
        self._tls: ssl.SSLContext | None = None

    async def dial(self, origin: Origin, connect: float, owner: Owner) -> Connection:
        """A connection to the first address that answers, with TLS for https, within `connect` seconds.

        Names take their own time. Raises Unreachable (no address, or none allowed), TimeoutError, OSError.
        """
        found = [origin.host] if is_address(origin.host) else await self._find(origin)
        try:
            async with asyncio.timeout(connect):
                connection = await self._race(found, origin, owner)
                return await self._secure(connection, origin) if origin.scheme == "https" else connection
        except OSError:  # TimeoutError is one, too
            self._known.pop(origin, None)  # it may have moved
            raise

    async def _find(self, origin: Origin) -> list[str]:
        known = self._known.get(origin)
        if known is not None and known[0] > asyncio.get_running_loop().time():
            return known[1]
        asked = self._asked.get(origin)
        if asked is None:
            asked = asyncio.create_task(self._resolver.resolve(origin.host, origin.port))
            self._asked[origin] = asked
            asked.add_done_callback(lambda done: self._keep(origin, done))
        try:
            return await asyncio.shield(asked)  # who leaves does not end it for the others
        except OSError as error:
            raise Unreachable(NOT_READABLE, detail=f"no address: {error}") from error

    def _keep(self, origin: Origin, asked: "asyncio.Task[list[str]]") -> None:
        del self._asked[origin]
        if asked.cancelled() or asked.exception() is not None:
            return
        if len(self._known) >= _MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known.pop(origin, None)  # the newest stands last
        self._known[origin] = asyncio.get_running_loop().time() + _KNOWN_FOR, asked.result()

    async def _race(self, found: list[str], origin: Origin, owner: Owner) -> Connection:
        """The first that connects; each is tried a while after the one before, or when that has failed."""
        waiting = list(found)
        tries: dict[asyncio.Task[Connection], str] = {}
        running: set[asyncio.Task[Connection]] = set()
        won: asyncio.Task[Connection] | None = None
        try:
            while True:
                if waiting:
                    address = waiting.pop(0)
                    started = asyncio.create_task(self._open(address, origin, owner))
                    tries[started] = address
                    running.add(started)
                pause = _STAGGER if waiting else None
                done, running = await asyncio.wait(running, timeout=pause, return_when="FIRST_COMPLETED")
                won = next((one for one in done if one.exception() is None), None)
                if won is not None:
                    found.remove(tries[won])  # the next connection begins with it
                    found.insert(0, tries[won])
                    return won.result()
                if not waiting and not running:
                    done.pop().result()  # raises
        finally:
            for one in tries.keys() - {won}:
                one.cancel()
                one.add_done_callback(_drop)

    async def _open(self, address: str, origin: Origin, owner: Owner) -> Connection:
        check_address(address, origin.port, self._settings)
        loop = asyncio.get_running_loop()
        # The address is no name: nothing is looked up here. Both loops set TCP_NODELAY.
        _, connection = await loop.create_connection(
            lambda: Connection(loop, owner, origin), address, origin.port
        )
        return connection

    async def _secure(self, connection: Connection, origin: Origin) -> Connection:
        if self._tls is None:
            # 20 ms and some memory, for the first that needs it.
            store = self._settings.trust_store
            self._tls = ssl.create_default_context(cafile=None if store is None else str(store))
            self._tls.set_alpn_protocols(["http/1.1"])
        try:
            if connection.transport is None:
                raise ConnectionResetError("the connection was closed before TLS began")
            secured = await asyncio.get_running_loop().start_tls(
                connection.transport, connection, self._tls, server_hostname=origin.host
            )
            if secured is None or connection.transport is None:
                # What came with the end of the handshake has ended it: a place must not be taken for it.
                if secured is not None:
                    secured.abort()
                raise ConnectionResetError("the connection was closed while TLS began")
        except BaseException:
            connection.close()
            raise
        connection.connection_made(secured)
        return connection

    def close(self) -> None:
        """Gives up look-ups."""
        for asked in self._asked.values():
            asked.cancel()
        self._resolver.close()


def _drop(lost: "asyncio.Task[Connection]") -> None:
    if not lost.cancelled() and lost.exception() is None:
        lost.result().close()
