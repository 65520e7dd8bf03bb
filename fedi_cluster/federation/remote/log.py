"""The inbox log: what verified senders said, as it came, kept before it is answered and worked afterwards.

Who speaks at the same moment shares one transaction. It reads nothing of what it keeps; where more waits than
the bound, a delivery is refused before anything of it is accepted.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import func, select, update

from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.signatures.verify import VerifiedSender
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.worker import INBOX
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import TooMany, Unavailable
from fedi_cluster.settings import Limits
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.gather import Gatherer
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Reader, Unit

NEW = "new"
"""The state of what is still to be worked."""

_COUNTED_FOR = timedelta(seconds=0.5)
_HEARD_FOR = timedelta(minutes=1)
_MOST_HEARD = 10_000
_PAUSE = 30

_PERIOD = 0.1
_TOGETHER = 0.02
_MOST_WAITS = 12
_BUSY = 100.0
_FLOOD = 300.0

_APPEND = Upsert(inbox_log, ("activity_uri", "sender_actor"))
_WAITING = (
    select(inbox_log.c.sender_host, func.count().label("waiting"))
    .where(inbox_log.c.state == NEW)
    .group_by(inbox_log.c.sender_host)
)


@dataclass(frozen=True, slots=True)
class Said:
    """One verified delivery: `raw` is the body as it came."""

    sender: VerifiedSender
    activity_uri: str
    raw: bytes
    received_at: datetime


class _Pace:
    """How many a second, as of the last tenth of one."""

    def __init__(self) -> None:
        self._since = self._count = self._rate = 0.0

    def step(self) -> None:
        """One more."""
        self._turn()
        self._count += 1

    def rate(self) -> float:
        """So many a second."""
        self._turn()
        return self._rate

    def _turn(self) -> None:
        now = time.monotonic()
        if now - self._since > _PERIOD:
            self._rate = self._count / (now - self._since)
            self._since, self._count = now, 0.0


class InboxLog:
    """Appends to the log of one database, from one event loop."""

    def __init__(self, db: Database, clock: Clock, limits: Limits) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._gatherer = Gatherer(db, self._write)
        self._waiting: dict[str, int] = {}
        self._counted_at: datetime | None = None
        self._heard: dict[str, datetime] = {}
        self._pace = _Pace()
        self._turn = asyncio.Lock()

    async def append(self, sender: VerifiedSender, activity_uri: str, raw: bytes) -> None:
        """Returns when the delivery is kept for good, together with the job that works it.

        A second one of the same activity by the same actor changes nothing. Raises `TooMany` (429) where more
        than `limits.inbox_waiting_per_host` of this sender's instance wait, `Unavailable` (503) where more
        than `limits.inbox_waiting` wait in all, or the disk is full.
        """
        now = self._clock.now()
        await self._refuse_overload(sender.host, now)
        self._waiting[sender.host] = self._waiting.get(sender.host, 0) + 1
        self._pace.step()
        await self._gatherer.add(Said(sender, activity_uri, raw, now))

    async def lull(self) -> None:
        """Waits for a moment while much arrives: together it is worked faster, and accepting goes before.

        Not at all where little does. In a flood the lanes wait for one another, too, a quarter of a second
        each, until half of what may wait does wait.
        """
        if self._pace.rate() > _BUSY:
            await asyncio.sleep(_TOGETHER)
        if self._is_flooded():
            async with self._turn:
                for _ in range(_MOST_WAITS):
                    if not self._is_flooded():
                        return
                    await asyncio.sleep(_TOGETHER)

    def _is_flooded(self) -> bool:
        return self._pace.rate() > _FLOOD and 2 * sum(self._waiting.values()) < self._limits.inbox_waiting

    async def _refuse_overload(self, host: str, now: datetime) -> None:
        if self._counted_at is None or not self._counted_at <= now < self._counted_at + _COUNTED_FOR:
            self._counted_at = now
            self._waiting = await self._db.read(waiting)
        if self._waiting.get(host, 0) >= self._limits.inbox_waiting_per_host:
            raise TooMany(
                "Much of what your server sent waits to be worked; send the rest later.",
                retry_after=_PAUSE,
                detail=host,
            )
        if sum(self._waiting.values()) >= self._limits.inbox_waiting:
            raise Unavailable("More waits here than can be worked; send it later.", detail="inbox is full")

    def _write(self, unit: Unit, said: Sequence[Said]) -> None:
        _APPEND.run(unit, [_row(unit.new_id(), one) for one in said])
        hosts = {one.sender.host for one in said}
        work_later(unit, hosts)
        lanes.wake(unit, hosts)
        long_ago = unit.now - _HEARD_FOR
        fresh = [host for host in hosts if self._heard.get(host, long_ago) <= long_ago]
        if fresh:
            heard_from(unit, fresh)
            unit.on_commit(lambda: self._note_heard(fresh, unit.now))

    def _note_heard(self, hosts: Iterable[str], now: datetime) -> None:
        if len(self._heard) >= _MOST_HEARD:
            self._heard.clear()
        self._heard.update(dict.fromkeys(hosts, now))


def _row(log_id: int, said: Said) -> Mapping[str, object]:
    sender = said.sender
    return {
        "id": log_id,
        "activity_uri": said.activity_uri,
        "sender_host": sender.host,
        "sender_actor": sender.actor,
        "sender_key": sender.key_id,
        "scheme": sender.scheme,
        "key_kind": sender.kind,
        "raw": said.raw,
        "state": NEW,
        "received_at": said.received_at,
    }


def waiting(reader: Reader) -> dict[str, int]:
    """How many deliveries of each instance wait to be worked."""
    return {row.sender_host: row.waiting for row in reader.connection.execute(_WAITING)}


def work_later(unit: Unit, hosts: Iterable[str]) -> None:
    """What these instances said is to be worked: one standing job for each."""
    standing.stand(unit, "federation.process", {f"in:{host}": {"host": host} for host in hosts}, queue=INBOX)


def reopen(unit: Unit, log_ids: Sequence[int]) -> None:
    """Entries of the log are to be worked once more, before what came after them."""
    table = inbox_log.c
    opened = unit.connection.execute(
        update(inbox_log)
        .where(table.id.in_(log_ids))
        .values(state=NEW, reason=None, tries=0)
        .returning(table.sender_host)
    )
    work_later(unit, {cast(str, row.sender_host) for row in opened})


def heard_from(unit: Unit, hosts: Iterable[str]) -> None:
    """Verified requests came from these instances: they live, and so do their inboxes."""
    known = sorted(hosts)
    instance_actions.heard_from(unit, known)
    lanes.revive(unit, known)
