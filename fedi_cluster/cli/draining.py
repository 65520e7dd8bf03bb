"""uvicorn, ended so that no request is lost: keep-alive clients are told to leave before connections close.

It decides neither when it ends nor what happens to the socket afterwards.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

PARTING = 2.0
"""Seconds at most in which clients with a connection hear `Connection: close` and leave by themselves."""

ACCEPTING = 1.0
"""Of these, seconds in which new connections are still taken: a balancer needs a moment to see that `/ready`
says no."""

_CLOSE = (b"connection", b"close")
_TICK = 0.02


class DrainingServer(uvicorn.Server):
    """uvicorn without its own signal handlers: they would send the signal again after a clean stop.

    `on_ready` is called when requests are answered, `on_orphaned` when the parent process has ended.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        on_ready: Callable[[], None],
        *,
        on_orphaned: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_orphaned = on_orphaned
        self._parent = os.getppid()
        self._accepting = ACCEPTING

    def leave(self, *, handed_on: bool) -> None:
        """End soon. `handed_on`: the socket goes to the next server, and new connections wait for that."""
        self._accepting = 0.0 if handed_on else ACCEPTING
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are ours."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when requests are answered."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; notices here that the parent is gone."""
        if self._on_orphaned is not None and os.getppid() != self._parent:
            self._on_orphaned()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets clients leave, then ends what is open as uvicorn does."""
        self._say_close()
        await self._until_empty(self._accepting)
        for server in self.servers:
            server.close()
        await self._until_empty(PARTING - self._accepting)
        await super().shutdown(sockets)

    def _say_close(self) -> None:
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        for connection in self.server_state.connections:
            # Asked, not answered yet: it holds the headers of before. One whose answer has begun hears it
            # next time, since a client that was promised a connection may be using it again already.
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_started:
                cycle.keep_alive = False

    async def _until_empty(self, seconds: float) -> None:
        for _ in range(int(seconds / _TICK)):
            if not self.server_state.connections:
                return
            await asyncio.sleep(_TICK)
