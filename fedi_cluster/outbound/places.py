"""Places for those who send at once: few, so that pages are answered meanwhile; nobody is refused, all wait.

Who waits for a slow server gives the place to the next and goes on waiting without it.
"""

import asyncio

MOST = 16
"""Measured: more in flight deliver no faster from one process, and a page waits longer behind them."""

PATIENCE = 0.5
"""Seconds after which a server is slow."""


class Places:
    """`most` places in one event loop."""

    def __init__(self, most: int = MOST, patience: float = PATIENCE) -> None:
        self._free = asyncio.Semaphore(most)
        self._patience = patience

    def place(self) -> "_Place":
        """`async with`: one place for the time of the block, or for as long as its server is quick."""
        return _Place(self._free, self._patience)


class _Place:
    __slots__ = ("_free", "_held", "_patience", "_timer")

    _timer: asyncio.TimerHandle

    def __init__(self, free: asyncio.Semaphore, patience: float) -> None:
        self._free = free
        self._patience = patience
        self._held = False

    async def __aenter__(self) -> None:
        await self._free.acquire()
        self._held = True
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._give_back)

    async def __aexit__(self, *_error: object) -> None:
        self._timer.cancel()
        self._give_back()

    def _give_back(self) -> None:
        if self._held:
            self._held = False
            self._free.release()
