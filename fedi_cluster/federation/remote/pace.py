"""How much arrives, and when accepting goes before working; it knows no host and no database."""

import time

BUSY = 100.0
FLOOD = 500.0
"""Arrivals a second: from BUSY on work is done faster together, over FLOOD a small server cannot do both."""

PERIOD = 0.1
LONGEST = 5.0
"""Seconds of the machine's own time, as all here: a count, and a flood."""


class Pace:
    """What came, as of the last tenth of a second.

    In a flood working waits, for who sends does; at most for LONGEST from its begin, less strong moments
    included, or until enough waits. The next one begins only after what waits was worked, and never sooner
    than LONGEST later: no stream of whatever strength holds working up for more than half of the time.
    """

    def __init__(self) -> None:
        self._since = self._rate = self._ends = self._next = 0.0
        self._came = 0
        self._behind = False

    def came(self) -> None:
        """One more arrived."""
        self._turn()
        self._came += 1

    @property
    def busy(self) -> bool:
        """Whether more comes at once than one by one."""
        self._turn()
        return self._rate > BUSY

    @property
    def flooded(self) -> bool:
        """Whether working waits now."""
        self._turn()
        return self._ends > 0 and self._rate > FLOOD

    def enough(self) -> None:
        """So much waits that it is worked now: no flood before `caught_up`."""
        if self._ends:
            self._next = min(self._ends, time.monotonic()) + LONGEST
            self._ends = 0.0
        self._behind = True

    def caught_up(self) -> None:
        """Little waits."""
        self._turn()
        self._behind = False

    def _turn(self) -> None:
        now = time.monotonic()
        if 0 < self._ends <= now:
            self.enough()
        if now - self._since <= PERIOD:
            return
        self._rate = self._came / (now - self._since)
        if self._rate > FLOOD and not (self._ends or self._behind) and now >= self._next:
            self._ends = now + LONGEST
        self._since, self._came = now, 0
