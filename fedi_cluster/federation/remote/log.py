"""The inbox log: what verified senders said, as it came, kept before it is answered and worked afterwards.

Who speaks at the same moment shares one transaction. It reads nothing of what it keeps; where more waits than
the bound, or ids are longer than an index takes, a delivery is refused before anything of it is accepted.
"""

import asyncio
import math
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Row, String, bindparam, exists, func, literal_column, select, update
from sqlalchemy import cast as cast_to

from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.remote.pace import Pace
from fedi_cluster.federation.signatures.verify import VerifiedSender
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.queue import DEAD as BURIED
from fedi_cluster.jobs.worker import INBOX
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Malformed, TooMany, Unavailable
from fedi_cluster.settings import Limits
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.gather import Gatherer
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Reader, Unit

OPEN = "open"
"""The state of what is still to be worked; as long as `done`, so that SQLite changes a row in its place."""

LATER = "waiting"
"""The state of what left the order of its sender, and is tried again by a job of its own."""

DEAD = "dead"
"""The state of what was given up by a fault of ours; it can be brought back as long as its body is kept."""

MOST_ID_BYTES = 2_000
"""An activity's id and its sender's, together in UTF-8: an index of PostgreSQL takes about 2,700."""

COUNTED_FOR = 0.5
"""Seconds of the machine's own time: however a clock is set, a count is soon read anew."""

_HEARD_FOR = timedelta(minutes=1)
_MOST_HEARD = 10_000
_PAUSE = 30

_LITTLE = 100
_TOGETHER = 0.02
_MOST_WAITS = 25

_APPEND = Upsert(inbox_log, ("activity_uri", "sender_actor"))
_table = inbox_log.c
_WAITING, _FOR_LATER = (
    # Written out: only then both engines see that the short index is meant.
    select(_table.sender_host, func.count().label("waiting"))
    .where(_table.state == literal_column(f"'{state}'"))
    .group_by(_table.sender_host)
    for state in (OPEN, LATER)
)
_ORPHANS = (
    select(_table.id)
    .where(
        _table.state == literal_column(f"'{LATER}'"),
        ~exists().where(
            job_table.c.key == literal_column("'retry:'") + cast_to(_table.id, String),
            job_table.c.state != BURIED,
        ),
    )
    .limit(bindparam("most"))
)


class Said(NamedTuple):
    """One verified delivery: `raw` is the body as it came."""

    sender: VerifiedSender
    activity_uri: str
    raw: bytes
    received_at: datetime


class InboxLog:
    """Appends to the log of one database, from one event loop."""

    def __init__(self, db: Database, clock: Clock, limits: Limits) -> None:
        self._db = db
        self._clock = clock
        self._limits = limits
        self._gatherer = Gatherer(db, self._write)
        self._waiting: dict[str, int] = {}
        self._waiting_in_all = 0
        self._for_later: dict[str, int] = {}
        self._counted_at = -math.inf
        self._heard: dict[str, datetime] = {}
        self._pace = Pace()
        self._turn = asyncio.Lock()

    async def append(self, sender: VerifiedSender, activity_uri: str, raw: bytes) -> None:
        """Returns when the delivery is kept for good, together with the job that works it.

        A second one of the same activity by the same actor changes nothing. Raises `TooMany` (429) where more
        than `limits.inbox_waiting_per_host` of this sender's instance wait, for later ones included,
        `Unavailable` (503) where more than `limits.inbox_waiting` wait in all, or the disk is full, and
        `Malformed` (400) for ids of more than MOST_ID_BYTES.
        """
        if len(activity_uri.encode()) + len(sender.actor.encode()) > MOST_ID_BYTES:
            raise Malformed(
                f"The ids of the activity and its actor have over {MOST_ID_BYTES} bytes; make them shorter.",
                detail=sender.host,
            )
        now = self._clock.now()
        if time.monotonic() - self._counted_at >= COUNTED_FOR:
            await self._count()
        self._refuse_overload(sender.host)
        self._waiting[sender.host] = self._waiting.get(sender.host, 0) + 1
        self._waiting_in_all += 1
        self._pace.came()
        most, most_of_host = self._limits.inbox_waiting, self._limits.inbox_waiting_per_host
        if 2 * self._waiting_in_all >= most or 2 * self._waiting[sender.host] >= most_of_host:
            self._pace.enough()
        await self._gatherer.add(Said(sender, activity_uri, raw, now))

    async def lull(self) -> None:
        """Waits for a moment while much arrives: together it is worked faster, and accepting goes before.

        Not at all where little does. In a flood the lanes wait for one another, too, half a second each; it
        is over for all of them where half of what may wait does wait, in all or of one instance.
        """
        if self._pace.busy:
            await asyncio.sleep(_TOGETHER)
        if self._pace.flooded:
            async with self._turn:
                for _ in range(_MOST_WAITS):
                    if not self._pace.flooded:
                        return
                    await asyncio.sleep(_TOGETHER)

    async def _count(self) -> None:
        self._counted_at = time.monotonic()
        self._waiting, self._for_later = await self._db.read(_counts)
        self._waiting_in_all = sum(self._waiting.values())
        if self._waiting_in_all < _LITTLE:
            self._pace.caught_up()

    def _refuse_overload(self, host: str) -> None:
        mine = self._waiting.get(host, 0) + self._for_later.get(host, 0)
        if mine >= self._limits.inbox_waiting_per_host:
            raise TooMany(
                "Much of what your server sent waits to be worked; send the rest later.",
                retry_after=_PAUSE,
                detail=host,
            )
        if self._waiting_in_all >= self._limits.inbox_waiting:
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
        "state": OPEN,
        "received_at": said.received_at,
    }


def _counts(reader: Reader) -> tuple[dict[str, int], dict[str, int]]:
    """How many deliveries of each instance wait to be worked, and how many to be tried again."""
    new, later = (
        {row.sender_host: row.waiting for row in reader.connection.execute(statement)}
        for statement in (_WAITING, _FOR_LATER)
    )
    return new, later


def retry_key(log_id: int) -> str:
    """The key of the standing job that tries an entry of the log again."""
    return f"retry:{log_id}"


def work_later(unit: Unit, hosts: Iterable[str]) -> None:
    """What these instances said is to be worked: one standing job for each."""
    payloads = {f"in:{host}": {"host": host} for host in hosts}
    # Of several, those before a missing one would stay locked out of order while it is stood up (PostgreSQL).
    may_share = unit.driver is not None or len(payloads) == 1
    if not (may_share and standing.again(unit, payloads)):
        standing.stand(unit, "federation.process", payloads, queue=INBOX)


def reopen(unit: Unit, log_ids: Sequence[int]) -> None:
    """Entries of the log are to be worked once more, before what came after them."""
    _reopen(unit, _table.id.in_(log_ids))


def reopen_orphans(unit: Unit, most: int) -> int:
    """Works again what waits for a job that is gone or was given up; gives how many, `most` at once."""
    return _reopen(unit, _table.id.in_(unit.connection.execute(_ORPHANS, {"most": most}).scalars().all()))


def bring_back(unit: Unit, log_id: int | None = None) -> int:
    """Works again what was given up: all of it, or one entry, also one that waits; gives how many.

    Not what has no body any more.
    """
    which = (
        _table.state == DEAD if log_id is None else _table.state.in_((DEAD, LATER)) & (_table.id == log_id)
    )
    return _reopen(unit, which & _table.raw.is_not(None))


def listed(
    reader: Reader, host: str | None = None, *, dead: bool = False, limit: int = 50
) -> Sequence[Row[*tuple[Any, ...]]]:
    """What waits (unless only the `dead` are asked for) and what was given up, by id; of one instance or all.

    Rows of `id`, `sender_actor`, `activity_uri`, `state`, `tries`, `reason`. What was given up so long ago
    that it has no body any more is not listed: nothing can be done with it.
    """
    query = (
        select(_table.id, _table.sender_actor, _table.activity_uri, _table.state, _table.tries, _table.reason)
        .where(_table.state.in_((DEAD,) if dead else (OPEN, LATER, DEAD)), _table.raw.is_not(None))
        .order_by(_table.id)
        .limit(limit)
    )
    if host is not None:
        query = query.where(_table.sender_host == host)
    return reader.connection.execute(query).all()


def _reopen(unit: Unit, which: ColumnElement[bool]) -> int:
    opened = unit.connection.execute(
        update(inbox_log).where(which).values(state=OPEN, reason=None, tries=0).returning(_table.sender_host)
    ).all()
    work_later(unit, {cast(str, row.sender_host) for row in opened})
    return len(opened)


def heard_from(unit: Unit, hosts: Iterable[str]) -> None:
    """Verified requests came from these instances: they live, and so do their inboxes."""
    known = sorted(hosts)
    instance_actions.heard_from(unit, known)
    lanes.revive(unit, known)
