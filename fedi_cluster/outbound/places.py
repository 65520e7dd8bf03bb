"""Places for those who send at once: few, so that pages are answered meanwhile; nobody is refused, all wait.

Who waits for a slow server gives the place to the next and goes on waiting without it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST = 16
"""Measured: more in flight deliver no faster from one process, and a page waits longer behind them."""

PATIENCE = 0.5
"""Seconds after which a server is slow."""


class Places:
    """`most` places in one event loop."""

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(most)
        self._patience = patience

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One place for the time of the block, or for as long as its server is quick."""
        await self._free.acquire()
        held = True

        def give_back() -> None:
            nonlocal held
            if held:
                held = False
                self._free.release()

        timer = asyncio.get_running_loop().call_later(self._patience, give_back)
        try:
            yield
        finally:
            timer.cancel()
            give_back()
