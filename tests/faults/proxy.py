"""What lies between two servers: a TCP proxy on loopback that can be shut or slow, or tear some of its connections."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

from tests.faults.machine import LOOPBACK


@dataclass(eq=False)
class Proxy:
    """Passes on what comes at `port` to `target`; while `shut` nobody gets through, `loss` is a share.

    What `target` answers is passed on after `wait` seconds.
    """

    port: int
    target: int
    chance: random.Random
    shut: bool = False
    loss: float = 0.0
    wait: float = 0.0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens from now on."""
        self._server = await asyncio.start_server(self._pass_on, LOOPBACK, self.port)

    def close(self) -> None:
        """Ends everything."""
        self.cut()
        if self._server:
            self._server.close()

    def cut(self) -> None:
        """Tears all connections that are open."""
        for writer in list(self._open):
            writer.transport.abort()

    def set_shut(self, shut: bool) -> None:
        """Shuts or opens the way."""
        self.shut = shut
        if shut:
            self.cut()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.shut or self.chance.random() < self.loss:
            writer.transport.abort()
            return
        try:
            there_reader, there = await asyncio.open_connection(LOOPBACK, self.target)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there}
        self._open |= ends
        try:
            await asyncio.gather(self._copy(reader, there), self._copy(there_reader, writer, answers=True))
        finally:
            self._open -= ends
            for end in ends:
                end.close()

    async def _copy(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                if self.loss and self.chance.random() < self.loss:
                    self.cut()
                    return
                if answers and self.wait:
                    asyncio.get_running_loop().call_later(self.wait, to.write, data)
                    continue
                to.write(data)
                await to.drain()
            if answers:
                await asyncio.sleep(self.wait)
            if to.can_write_eof():
                to.write_eof()
