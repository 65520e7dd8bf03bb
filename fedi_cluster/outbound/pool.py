"""Which connections are open, at rest, and waited for; it opens none itself and reads nothing.

At most `MOST` are open, in use or at rest, `MOST_OF_ONE` of one server; who finds no place waits in order.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from fedi_cluster.outbound.connection import Connection

MOST = 384
"""As many as a worker's jobs use at once."""

MOST_OF_ONE = 8
"""A server that is read slowly so leaves some to its deliveries."""

HELD = 90.0
"""Seconds that a connection is held at rest."""


class Origin(NamedTuple):
    """Whose a connection is: `host` is a name or an address in its one spelling, without brackets."""

    scheme: str
    host: str
    port: int


Dial = Callable[[Origin, float, "Pool"], Awaitable[Connection]]


class _Host:
    """The places that one server has taken, and its connections at rest, the newest last."""

    __slots__ = ("idle", "origin", "taken")

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.taken = 0
        self.idle: list[Connection] = []


class Pool:
    """The connections of one event loop; `dial` opens one for an origin within so many seconds."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._hosts: dict[Origin, _Host] = {}
        self._taken = 0
        self._open: dict[Connection, _Host] = {}
        self._idle: dict[Connection, float] = {}  # until when, the oldest first
        self._waiters: dict[asyncio.Future[Connection | _Host], tuple[Origin, bool]] = {}
        self._asking: set[asyncio.Timeout] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def idle(self, origin: Origin) -> Connection | None:
        """A connection at rest, if there is one; it is the caller's until it rests again or ends."""
        host = self._hosts.get(origin)
        if host is None or not host.idle:
            return None
        connection = host.idle.pop()
        del self._idle[connection]
        return connection

    async def take(self, origin: Origin, connect: float, until: float, *, fresh: bool = False) -> Connection:
        """A connection at rest or a new one, waited for until the loop's time `until`.

        `connect` are the seconds to open one; `fresh` takes none that was at rest. Raises TimeoutError,
        OSError, and what `dial` raises.
        """
        if self._closed:
            raise ConnectionAbortedError("the client is closed")
        async with asyncio.timeout_at(until) as bound:
            self._asking.add(bound)
            try:
                got = self._find(origin, fresh) or await self._wait(origin, fresh)
                return got if isinstance(got, Connection) else await self._fill(got, connect)
            finally:
                self._asking.discard(bound)

    async def _fill(self, host: _Host, connect: float) -> Connection:
        try:
            connection = await self._dial(host.origin, connect, self)
            if connection.transport is None:
                raise ConnectionResetError("the connection was closed at once")
        except BaseException:
            self._free(host)
            raise
        self._open[connection] = host
        return connection

    def _find(self, origin: Origin, fresh: bool) -> Connection | _Host | None:
        """What can be had now: a connection, or a place for one, for which one at rest may have to end."""
        if not fresh and (resting := self.idle(origin)) is not None:
            return resting
        host = self._hosts.get(origin) or _Host(origin)
        if host.taken >= MOST_OF_ONE:
            if not host.idle:
                return None
            self._end(host.idle[0])
        elif self._taken >= MOST:
            if not self._idle:
                return None
            # Any: where more servers than that are served in turn, the oldest is the one to be needed next.
            self._end(random.choice(tuple(self._idle)))
        self._hosts[origin] = host
        host.taken += 1
        self._taken += 1
        return host

    async def _wait(self, origin: Origin, fresh: bool) -> Connection | _Host:
        waiter: asyncio.Future[Connection | _Host] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = origin, fresh
        try:
            return await waiter
        except BaseException:
            self._waiters.pop(waiter, None)
            if not waiter.cancelled():  # it was just given something
                got = waiter.result()
                if isinstance(got, _Host):
                    self._free(got)
                else:
                    self.rested(got)
            raise

    def rested(self, connection: Connection) -> None:
        """The connection is free: for who waits for it, or to be held."""
        host = self._open.get(connection)
        if host is None:
            return
        if self._closed:
            connection.close()
            return
        host.idle.append(connection)
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.time() + HELD
        if self._waiters:
            self._serve()
        if self._timer is None:
            self._timer = loop.call_later(HELD, self._sweep)

    def ended(self, connection: Connection) -> None:
        """The connection is gone, and its place free."""
        host = self._forget(connection)
        if host is not None and self._waiters:
            self._serve()

    def _end(self, connection: Connection) -> None:
        self._forget(connection)  # before it tells so itself: its place is for who asks now
        connection.close()

    def _forget(self, connection: Connection) -> _Host | None:
        host = self._open.pop(connection, None)
        if host is not None:
            if self._idle.pop(connection, None) is not None:
                host.idle.remove(connection)
            self._give_up(host)
        return host

    def _free(self, host: _Host) -> None:
        self._give_up(host)
        if self._waiters:
            self._serve()

    def _give_up(self, host: _Host) -> None:
        self._taken -= 1
        host.taken -= 1
        if not host.taken:
            del self._hosts[host.origin]

    def _serve(self) -> None:
        """Gives what is free to those who wait, in their order; one whose server is full holds up nobody."""
        for waiter, (origin, fresh) in tuple(self._waiters.items()):
            if waiter.done():
                continue  # it was cancelled, and takes itself out
            got = self._find(origin, fresh)
            if got is not None:
                del self._waiters[waiter]
                waiter.set_result(got)

    def _sweep(self) -> None:
        """Ends what rested too long; one timer for all, as long as something rests."""
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._idle:
            connection, until = next(iter(self._idle.items()))
            if until > now + 0.01:
                self._timer = loop.call_at(until, self._sweep)
                return
            connection.close()

    async def close(self) -> None:
        """Ends all connections, those that are being opened, and all waiting."""
        self._closed = True
        now = asyncio.get_running_loop().time()
        for bound in self._asking:
            if not bound.expired():
                bound.reschedule(now)
        for connection in tuple(self._open):
            connection.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await asyncio.sleep(0)  # the loop closes sockets with its next turn
