"""Works what an instance said, in its order: whole batches in one transaction, each activity by itself.

An activity that needs the network ends its batch: what it needs is read outside, then it is worked alone.
Where a third server does not answer, it leaves the order and is tried again later, so that what follows from
its sender does not wait. One that fails by a fault of ours is put by with its reason; a database that is away
or busy is nobody's fault and puts nothing by.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Literal, NamedTuple, cast

from sqlalchemy import Row, bindparam, select, update

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.regions import ledger
from fedi_cluster.federation.inbox.handlers.table import HANDLERS
from fedi_cluster.federation.inbox.message import Ignored, Message
from fedi_cluster.federation.inbox.told import Ended, tell
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.inside import NeedsNetwork, at_once, inside
from fedi_cluster.federation.remote.log import DEAD, LATER, OPEN, retry_key
from fedi_cluster.federation.signatures.verify import sender_from_log
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Activity, Announce, Create, Like, Unreadable
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import RETRY, Outcome, Rest, nothing
from fedi_cluster.kernel.errors import ClusterError, Gone, NotFound, Refused, Unreachable
from fedi_cluster.kernel.json import parse_again
from fedi_cluster.storage.among import among
from fedi_cluster.storage.faults import concerns_all, reason_of
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import LateFault, Unit
from fedi_cluster.telemetry.doing import doing
from fedi_cluster.telemetry.traces import span

BATCH = 50
"""Activities in one transaction: enough to share its cost, few enough that nobody waits long for his turn."""

DONE, IGNORED, REFUSED = "done", "ignored", "refused"

_TURN = 5.0
_MOST_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_REASON = 500
# Seconds for the network: while others of the same sender wait, and when tried again alone. The latter is
# enough for a slow server, and less than the deadline of the job, which would end without a word about it.
_READING_IN_ORDER = 15.0
_LONGEST_READING = 90.0
# After so many failures of its batch an entry is worked alone; after so many it is put by.
_ALONE_AFTER = 2
_PUT_BY_AFTER = 5

_Row = Row[*tuple[Any, ...]]
_Part = Callable[[], AbstractContextManager[None]]

_log = logging.getLogger(__name__)
_table = inbox_log.c
_COLUMNS = (
    _table.id,
    _table.activity_uri,
    _table.sender_actor,
    _table.sender_key,
    _table.scheme,
    _table.key_kind,
    _table.raw,
    _table.tries,
    _table.reason,
    _table.received_at,
)
_NEXT = (
    select(*_COLUMNS)
    .where(_table.state == OPEN, _table.sender_host == bindparam("host"))
    .order_by(_table.id)
    .limit(bindparam("most"))
)
_ONE = select(*_COLUMNS).where(_table.id == bindparam("log_id"), _table.state.in_((OPEN, LATER)))
_MARK = Prepared(
    update(inbox_log)
    .where(among(_table.id, "log_ids"))
    .values(state=bindparam("to"), reason=bindparam("why"), tries=bindparam("tried"))
)
_BROKE = (
    update(inbox_log)
    .where(_table.id.in_(bindparam("log_ids", expanding=True)), _table.state == OPEN)
    .values(reason=bindparam("why"), tries=_table.tries + 1)
)


@dataclass(frozen=True, slots=True)
class _Read:
    message: Message
    activity: Activity


_Reading = _Read | tuple[str, str | None, int]
"""A message with its activity, or the state, reason and tries with which its entry ends."""


class _Entry(NamedTuple):
    """A row of the log, and how it reads."""

    row: _Row
    read: _Reading


@dataclass(slots=True)
class _Batch:
    """What one transaction did: how entries ended, and the one that was `left`, at which it stopped.

    `again` says after what time which are tried once more, `more` that there may be others.
    """

    left: int | None = None
    marks: dict[tuple[str, str | None, int], list[int]] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)
    again: dict[int, timedelta] = field(default_factory=dict)
    more: bool = False
    type: str = "unread"

    def mark(self, row: _Row, state: str, reason: str | None = None, tries: int = 0) -> None:
        why = reason[:_LONGEST_REASON] if reason else None
        self.marks.setdefault((state, why, tries), []).append(row.id)
        self.ended.append(Ended(row.id, row.activity_uri[:_LONGEST_REASON], self.type, state, why))
        self.type = "unread"

    def write(self, unit: Unit, *, stand: bool = True) -> None:
        if self.marks:
            ends = [
                {"to": state, "why": why, "tried": tries, "log_ids": log_ids}
                for (state, why, tries), log_ids in self.marks.items()
            ]
            _MARK.run(unit, ends)
            unit.on_commit(partial(tell, self.ended, unit.now))
        for log_id, wait in self.again.items() if stand else ():
            asked = {retry_key(log_id): {"log_id": log_id}}
            standing.stand(unit, "federation.retry", asked, queue=RETRY, run_at=unit.now + wait)


async def process(federation: Federation, job: Job) -> Outcome:
    """Works what waits from the instance `host`, for some seconds; then the others have their turn.

    Effects and the notes in the log are one transaction, so that each activity counts once, also where the
    process is killed or another one has taken the job over meanwhile.
    """
    host = cast(str, job.payload["host"])
    known: dict[int, _Reading] = {}
    until = time.monotonic() + _TURN
    while time.monotonic() < until:
        await federation.log.lull()
        tried: list[int] = []
        try:
            done = await federation.db.write(_work_batch, federation, host, tried, known)
            if done.left is not None:
                tried[:] = [done.left]
                await _work_alone(federation, done.left)
        except Exception as error:
            if not concerns_all(error):
                await federation.db.write(_note_break, tried, error)
            raise
        if done.left is None and not done.more:
            return nothing
    raise Rest


async def retry(federation: Federation, job: Job) -> Outcome:
    """Works one entry of the log, `log_id`, that had left the order of its sender."""
    wait = await _work_alone(federation, cast(int, job.payload["log_id"]), stand=False)
    if wait is not None:
        raise Rest(wait)
    return nothing


class _Apart(Exception):
    """One of a batch has failed after it began to write; each needs a savepoint of its own."""


def _work_batch(
    unit: Unit, federation: Federation, host: str, tried: list[int], known: dict[int, _Reading]
) -> _Batch:
    """Works the next entries of a host; `tried` becomes their ids, also where the whole fails.

    `known` keeps how entries read for the next batch, where this one ends before them.
    """
    rows, more = _next(unit, host)
    tried[:] = [row.id for row in rows]
    entries = [_Entry(row, known.get(row.id) or _read_or_put_by(row)) for row in rows]
    known.clear()
    known.update({one.row.id: one.read for one in entries})
    _read_ahead(unit, entries)
    within = inside(federation, unit)
    try:
        # Savepoints and single rows cost a good part of the work, and hardly ever does one fail that has
        # begun to write.
        with unit.attempt(), unit.together():
            batch = _work_rows(unit, within, entries, partial(_together, unit))
    except (_Apart, LateFault) as error:
        if error.__cause__ and concerns_all(error.__cause__):
            raise error.__cause__ from None
        batch = _work_rows(unit, within, entries, unit.attempt)
    batch.more = more
    batch.write(unit)
    return batch


def _read_ahead(unit: Unit, entries: Iterable[_Entry]) -> None:
    """Reads at once what the handlers will ask for each of these activities, as far as it can be told."""
    things: list[str] = []
    reactions: list[str] = []
    for said in (one.read.activity for one in entries if isinstance(one.read, _Read)):
        if isinstance(said, Announce | Like):
            reactions.append(said.id)
        if isinstance(said, Announce) and said.inner is not None:
            things += parse.references(said.inner.get("object"), 1)
        if isinstance(said, Announce | Like | Create):
            things.append(said.object_id)
    if len(things) > 1:
        post_queries.read_ahead(unit, things)
        post_queries.read_reactions_ahead(unit, reactions)
        ledger.read_ahead(unit, things)


def _work_rows(unit: Unit, within: Federation, entries: Iterable[_Entry], apart: _Part) -> _Batch:
    batch = _Batch()
    for entry in entries:
        if not _work(unit, within, entry, batch, apart):
            batch.left = entry.row.id
            break
    return batch


@contextmanager
def _together(unit: Unit) -> Iterator[None]:
    """A part of a batch without a way back of its own: where it fails, the whole begins again."""
    try:
        yield
        unit.follow_facts()
    except LateFault:
        raise
    except Exception as error:
        if concerns_all(error):
            raise
        raise _Apart from error


def _next(unit: Unit, host: str) -> tuple[Sequence[_Row], bool]:
    """The next entries of a host, and whether there may be more; one that broke its batch stands alone."""
    rows = unit.connection.execute(_NEXT, {"host": host, "most": BATCH}).all()
    alone = next((n for n, row in enumerate(rows) if row.tries >= _ALONE_AFTER), len(rows))
    chosen = rows[: alone or 1]
    return chosen, len(chosen) < len(rows) or len(rows) == BATCH


def _note_break(unit: Unit, log_ids: Sequence[int], error: Exception) -> None:
    """A fault of ours ended the transaction that worked these."""
    unit.connection.execute(_BROKE, {"log_ids": log_ids, "why": reason_of(error)[:_LONGEST_REASON]})


def _work(unit: Unit, within: Federation, entry: _Entry, batch: _Batch, apart: _Part) -> bool:
    """Works one entry inside the transaction; False where it needs the network.

    A handler only reads; what it gives back writes, `apart` from what the others have written.
    """
    row, read = entry
    if not isinstance(read, _Read):
        batch.mark(row, *read)
        return True
    batch.type = type(read.activity).__name__
    try:
        with doing(log=row.id), span("inbox", log=row.id, type=batch.type):
            outcome = at_once(HANDLERS[type(read.activity)](within, read.message, read.activity))
            with apart():
                outcome(unit)
    except NeedsNetwork:
        return False
    except (_Apart, LateFault):
        raise
    except Exception as error:
        _note_failure(batch, row, error)
    else:
        batch.mark(row, DONE)
    return True


async def _work_alone(federation: Federation, log_id: int, *, stand: bool = True) -> timedelta | None:
    """One entry, with the network before its transaction; gives after what time it is to be tried again.

    It asks for the job that does so unless `stand` is False: the caller is that job, and rests.
    """
    row = await federation.db.read(lambda reader: reader.connection.execute(_ONE, {"log_id": log_id}).first())
    if row is None:
        return None
    read = _read(row)
    outcome: Outcome | None = None
    failed: Exception | None = None
    if isinstance(read, _Read):
        try:
            async with asyncio.timeout(_READING_IN_ORDER if stand else _LONGEST_READING):
                outcome = await HANDLERS[type(read.activity)](federation, read.message, read.activity)
        except TimeoutError:
            failed = Unreachable("Another server takes too long.")
        except Exception as error:
            failed = error

    def write(unit: Unit) -> timedelta | None:
        if unit.connection.execute(_ONE, {"log_id": log_id}).first() is None:
            return None
        batch = _Batch()
        if isinstance(read, _Read):
            batch.type = type(read.activity).__name__
        if outcome is None:
            if failed is not None:
                _note_failure(batch, row, failed)
            elif not isinstance(read, _Read):
                batch.mark(row, *read)
        else:
            try:
                with doing(log=log_id), span("inbox", log=log_id, type=batch.type), unit.attempt():
                    outcome(unit)
            except Exception as error:
                _note_failure(batch, row, error)
            else:
                batch.mark(row, DONE)
        batch.write(unit, stand=stand)
        return batch.again.get(log_id)

    return await federation.db.write(write)


def _read(row: _Row) -> _Reading:
    if row.raw is None:
        return REFUSED, "its body is not kept any more", 0
    try:
        document = parse_again(row.raw)
    except Refused as error:
        return DEAD, str(error), 0
    scheme = cast(Literal["cavage", "rfc9421"], row.scheme)
    kind = cast(Literal["rsa", "ed25519"], row.key_kind)
    sender = sender_from_log(row.sender_actor, row.sender_key, scheme, kind)
    activity = parse.activity(document)
    if isinstance(activity, Unreadable):
        return REFUSED, activity.reason, 0
    if type(activity) not in HANDLERS:
        return IGNORED, f"no handler for {type(activity).__name__}", 0
    actor = parse.reference(document.get("actor"))
    return _Read(
        Message(row.id, sender, document, row.received_at, forwarded=actor != sender.actor), activity
    )


def _read_or_put_by(row: _Row) -> _Reading:
    return (DEAD, row.reason, row.tries) if row.tries >= _PUT_BY_AFTER else _read(row)


def _note_failure(batch: _Batch, row: _Row, error: Exception) -> None:
    """Refused, of no interest, tried later, or a fault of ours; raises what concerns the whole batch."""
    if concerns_all(error):
        raise error
    if isinstance(error, Unreachable) and error.permanent:
        batch.mark(row, REFUSED, error.detail)
    elif isinstance(error, Refused | Gone | NotFound) and not error.again:
        batch.mark(row, IGNORED if isinstance(error, Ignored) else REFUSED, error.detail)
    else:
        _try_later(batch, row, error)


def _try_later(batch: _Batch, row: _Row, error: Exception) -> None:
    tries = cast(int, row.tries) + 1
    foreseen = isinstance(error, ClusterError)
    if not foreseen:
        _log.error("the entry %d of the inbox log failed", row.id, exc_info=error)
    if tries >= _MOST_ATTEMPTS:
        batch.mark(row, REFUSED if foreseen else DEAD, reason_of(error), tries)
        return
    batch.mark(row, LATER, reason_of(error), tries)
    batch.again[row.id] = _FIRST_WAIT * (1 << (2 * (tries - 1)))
