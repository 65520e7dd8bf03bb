"""Who waits long for an answer: so many at once and few of one server, so that slow ones hold up nobody else.

Whoever answers soon is not counted. It measures only how long a block takes, and knows no request.
"""

import asyncio
from collections import Counter
from types import TracebackType

MOST_OF_ONE = 4
"""Places of one server."""


class Patience:
    """`most` places in one event loop for those who wait longer than `soon` seconds."""

    def __init__(self, soon: float, most: int, most_of_one: int = MOST_OF_ONE) -> None:
        self.soon = soon
        self._most = most
        self._most_of_one = most_of_one
        self._waiting: Counter[str] = Counter()

    def wait_for(self, host: str) -> "_Wait":
        """`async with`: the block may take `soon` seconds; longer only where a place is free then, else
        `TimeoutError`."""
        return _Wait(self, host)

    def take(self, host: str) -> bool:
        """A place for who waits for `host` any longer; False where none is free."""
        if self._waiting.total() >= self._most or self._waiting[host] >= self._most_of_one:
            return False
        self._waiting[host] += 1
        return True

    def give_back(self, host: str) -> None:
        """The place that was taken."""
        self._waiting[host] -= 1
        self._waiting += Counter()  # who waits no more is forgotten


class _Wait:
    __slots__ = ("_bound", "_holds", "_host", "_patience", "_timer")

    _timer: asyncio.TimerHandle

    def __init__(self, patience: Patience, host: str) -> None:
        self._patience = patience
        self._host = host
        self._holds = False
        self._bound = asyncio.timeout(None)

    async def __aenter__(self) -> None:
        await self._bound.__aenter__()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience.soon, self._judge, loop)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._holds:
            self._patience.give_back(self._host)
        await self._bound.__aexit__(kind, error, trace)

    def _judge(self, loop: asyncio.AbstractEventLoop) -> None:
        self._holds = self._patience.take(self._host)
        if not self._holds:
            self._bound.reschedule(loop.time())
