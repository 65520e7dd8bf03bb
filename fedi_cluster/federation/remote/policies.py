"""With which instances we talk, held in memory for some seconds: each request asks it several times."""

from datetime import datetime, timedelta

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.rules import may_deliver
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Forbidden
from fedi_cluster.storage.database import Database

HELD_FOR = timedelta(seconds=5)
"""A block holds in every process after this time at the latest."""

_MOST_HELD = 10_000


class Policies:
    """What the hosts decided about other instances."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._held: dict[str, tuple[datetime, bool]] = {}

    async def refuse_blocked(self, host: str) -> None:
        """Raises `Forbidden` where we neither take anything from this host nor ask it for anything."""
        now = self._clock.now()
        held = self._held.get(host)
        if held is None or not held[0] <= now < held[0] + HELD_FOR:
            known = await self._db.read(queries.instance, host)
            if len(self._held) >= _MOST_HELD:
                self._held.clear()
            held = self._held[host] = (now, may_deliver(known))
        if not held[1]:
            raise Forbidden("This instance does not talk with yours.", detail=host)
