"""Who waits long for an answer: so many at once and few of one server, so that slow ones hold up nobody else.

Whoever answers soon is not counted. It measures only how long a block takes, and knows no request.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

MOST_OF_ONE = 4
"""Places of one server."""


class Patience:
    """`most` places in one event loop for those who wait longer than `soon` seconds."""

    def __init__(self, soon: float, most: int, most_of_one: int = MOST_OF_ONE) -> None:
        self._soon = soon
        self._most = most
        self._most_of_one = most_of_one
        self._waiting: Counter[str] = Counter()

    @asynccontextmanager
    async def wait_for(self, host: str) -> AsyncIterator[None]:
        """The block may take `soon` seconds; longer only where a place is free then, else `TimeoutError`."""
        loop = asyncio.get_running_loop()
        holds = False

        def judge() -> None:
            nonlocal holds
            holds = self._waiting.total() < self._most and self._waiting[host] < self._most_of_one
            if holds:
                self._waiting[host] += 1
            else:
                bound.reschedule(loop.time())

        async with asyncio.timeout(None) as bound:
            timer = loop.call_later(self._soon, judge)
            try:
                yield
            finally:
                timer.cancel()
                if holds:
                    self._waiting[host] -= 1
                    self._waiting += Counter()  # who waits no more is forgotten
