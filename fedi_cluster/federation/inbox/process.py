"""Works what an instance said, in its order: whole batches in one transaction, each activity by itself.

An activity that needs the network ends its batch: what it needs is read outside, then it is worked alone.
Where a third server does not answer, it leaves the order and is tried again later, so that what follows from
its sender does not wait. One that fails by a fault of ours is put by with its reason.
"""

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Literal, cast

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from fedi_cluster.federation.inbox.handlers.table import HANDLERS
from fedi_cluster.federation.inbox.message import Ignored, Message
from fedi_cluster.federation.inbox.told import Ended, tell
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.inside import NeedsNetwork, at_once, inside
from fedi_cluster.federation.remote.log import NEW
from fedi_cluster.federation.signatures.verify import sender_from_log
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import Activity, Unreadable
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import INBOX, Outcome, Rest, nothing
from fedi_cluster.kernel.errors import ClusterError, Gone, NotFound, Refused, Unavailable, Unreachable
from fedi_cluster.kernel.json import parse_again
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.unit import Unit
from fedi_cluster.telemetry.doing import doing
from fedi_cluster.telemetry.traces import span

BATCH = 25
"""Activities in one transaction: enough to share its cost, few enough that nobody waits long for his turn."""

DONE, IGNORED, REFUSED, LATER, DEAD = "done", "ignored", "refused", "waiting", "dead"

_TURN = 5.0
_MOST_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=30)
_LONGEST_REASON = 500
# After so many failures of a whole batch each is worked alone, then the first is put by.
_ALONE_AFTER = 2
_PUT_BY_AFTER = 5

_Row = Row[*tuple[Any, ...]]

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
    _table.received_at,
)
_NEXT = (
    select(*_COLUMNS)
    .where(_table.state == NEW, _table.sender_host == bindparam("host"))
    .order_by(_table.id)
    .limit(bindparam("most"))
)
_ONE = select(*_COLUMNS).where(_table.id == bindparam("log_id"), _table.state.in_((NEW, LATER)))
_MARK = (
    update(inbox_log)
    .where(_table.id == bindparam("log_id"))
    .values(state=bindparam("to"), reason=bindparam("why"), tries=bindparam("tried"))
)


@dataclass(slots=True)
class _Batch:
    """What one transaction did: `worked` entries, and the one at which it stopped."""

    worked: int = 0
    left: int | None = None
    marks: list[dict[str, object]] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    type: str = "unread"

    def mark(self, row: _Row, state: str, reason: str | None = None, tries: int = 0) -> None:
        why = reason[:_LONGEST_REASON] if reason else None
        self.marks.append({"log_id": row.id, "to": state, "why": why, "tried": tries})
        self.ended.append(Ended(row.id, row.activity_uri[:_LONGEST_REASON], self.type, state, why))
        self.type = "unread"

    def write(self, unit: Unit) -> None:
        if self.marks:
            unit.connection.execute(_MARK, self.marks)
            unit.on_commit(partial(tell, self.ended, unit.now))


async def process(federation: Federation, job: Job) -> Outcome:
    """Works what waits from the instance `host`, for some seconds; then the others have their turn.

    Effects and the notes in the log are one transaction, so that each activity counts once, also where the
    process is killed or another one has taken the job over meanwhile.
    """
    host = cast(str, job.payload["host"])
    most = BATCH if job.tries <= _ALONE_AFTER else 1
    put_by = job.error or "failed several times" if job.tries > _PUT_BY_AFTER else None
    until = time.monotonic() + _TURN
    while time.monotonic() < until:
        await federation.log.lull()
        done = await federation.db.write(_work_batch, federation, host, most, put_by)
        if done.left is not None:
            await _work_alone(federation, done.left)
        elif done.worked < most:
            return nothing
        put_by = None
    raise Rest


async def retry(federation: Federation, job: Job) -> Outcome:
    """Works one entry of the log, `log_id`, that had left the order of its sender."""
    await _work_alone(federation, cast(int, job.payload["log_id"]))
    return nothing


def _work_batch(unit: Unit, federation: Federation, host: str, most: int, put_by: str | None) -> _Batch:
    rows = unit.connection.execute(_NEXT, {"host": host, "most": most}).all()
    batch = _Batch()
    within = inside(federation, unit)
    for row in rows:
        if put_by is not None:
            batch.mark(row, DEAD, put_by, row.tries)
            put_by = None
        elif not _work(unit, within, row, batch):
            batch.left = row.id
            break
        batch.worked += 1
    batch.write(unit)
    return batch


def _work(unit: Unit, within: Federation, row: _Row, batch: _Batch) -> bool:
    """Works one entry inside the transaction; False where it needs the network."""
    read = _read(row)
    if not isinstance(read, _Read):
        batch.mark(row, *read)
        return True
    batch.type = type(read.activity).__name__
    try:
        with doing(log=row.id), span("inbox", log=row.id, type=batch.type), unit.attempt():
            outcome = at_once(HANDLERS[type(read.activity)](within, read.message, read.activity))
            outcome(unit)
    except NeedsNetwork:
        return False
    except Exception as error:
        _note_failure(unit, batch, row, error)
    else:
        batch.mark(row, DONE)
    return True


async def _work_alone(federation: Federation, log_id: int) -> None:
    """One entry, with the network before its transaction."""
    row = await federation.db.read(lambda reader: reader.connection.execute(_ONE, {"log_id": log_id}).first())
    if row is None:
        return
    read = _read(row)
    outcome: Outcome | None = None
    failed: Exception | None = None
    if isinstance(read, _Read):
        try:
            outcome = await HANDLERS[type(read.activity)](federation, read.message, read.activity)
        except TimeoutError:
            raise  # the job's own deadline
        except Exception as error:
            failed = error

    def write(unit: Unit) -> None:
        if unit.connection.execute(_ONE, {"log_id": log_id}).first() is None:
            return
        batch = _Batch()
        if isinstance(read, _Read):
            batch.type = type(read.activity).__name__
        if outcome is None:
            if failed is not None:
                _note_failure(unit, batch, row, failed)
            elif not isinstance(read, _Read):
                batch.mark(row, *read)
        else:
            try:
                with doing(log=log_id), span("inbox", log=log_id, type=batch.type), unit.attempt():
                    outcome(unit)
            except Exception as error:
                _note_failure(unit, batch, row, error)
            else:
                batch.mark(row, DONE)
        batch.write(unit)

    await federation.db.write(write)


@dataclass(frozen=True, slots=True)
class _Read:
    message: Message
    activity: Activity


def _read(row: _Row) -> _Read | tuple[str, str]:
    """The entry as a message with its activity, or the state and reason with which it ends."""
    try:
        document = parse_again(row.raw)
    except Refused as error:
        return DEAD, str(error)
    scheme = cast(Literal["cavage", "rfc9421"], row.scheme)
    kind = cast(Literal["rsa", "ed25519"], row.key_kind)
    sender = sender_from_log(row.sender_actor, row.sender_key, scheme, kind)
    activity = parse.activity(document)
    if isinstance(activity, Unreadable):
        return REFUSED, activity.reason
    if type(activity) not in HANDLERS:
        return IGNORED, f"no handler for {type(activity).__name__}"
    actor = parse.reference(document.get("actor"))
    return _Read(
        Message(row.id, sender, document, row.received_at, forwarded=actor != sender.actor), activity
    )


def _note_failure(unit: Unit, batch: _Batch, row: _Row, error: Exception) -> None:
    """Refused, of no interest, tried later, or a fault of ours; raises what concerns the whole batch."""
    if isinstance(error, Unavailable) or (
        isinstance(error, DBAPIError) and not isinstance(error, IntegrityError | DataError)
    ):
        raise error
    if isinstance(error, Unreachable) and error.permanent:
        batch.mark(row, REFUSED, error.detail)
    elif isinstance(error, Refused | Gone | NotFound) and not error.again:
        batch.mark(row, IGNORED if isinstance(error, Ignored) else REFUSED, error.detail)
    else:
        _try_later(unit, batch, row, error)


def _try_later(unit: Unit, batch: _Batch, row: _Row, error: Exception) -> None:
    tries = cast(int, row.tries) + 1
    foreseen = isinstance(error, ClusterError)
    reason = error.detail if isinstance(error, ClusterError) else f"{type(error).__name__}: {error}"
    if not foreseen:
        _log.error("the entry %d of the inbox log failed", row.id, exc_info=error)
    if tries >= _MOST_ATTEMPTS:
        batch.mark(row, REFUSED if foreseen else DEAD, reason, tries)
        return
    batch.mark(row, LATER, reason, tries)
    wait = _FIRST_WAIT * (1 << (2 * (tries - 1)))
    queue.enqueue(unit, "federation.retry", {"log_id": row.id}, run_at=unit.now + wait, queue=INBOX)
