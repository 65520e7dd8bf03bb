"""The queue as rows: enqueue, claim under a lease, finish or put off; it runs no job and has no clock.

A job is `ready`, `behind` or `dead`. A lane is worked in the order of ids, one job at a time. Those that
wait for an earlier one of their lane are `behind`, so that the poll for due jobs stays one look into an
index, however much waits for a server that is away. What holds the lanes together: **the lowest waiting job
of a lane is always `ready`**. Every job enters as `ready`; `claim` sends those behind that stand after
another one, and everything that takes a job out of its lane brings the next one forward.

A standing job (`jobs/standing.py`) has a key instead of a lane: one row for all the work of that key.

A job is worked under a lease: a moment in `leased_until`, a token in `leased_by`. Who lost the lease can
neither finish nor put off the job. While it runs, `run_at` is the lease's end: the jobs of a killed worker
come back by themselves.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    Update,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from fedi_cluster.jobs.bell import ring_after
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.among import among
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.base import BigId, Moment
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

READY = "ready"
BEHIND = "behind"
DEAD = "dead"

MAIN = "main"
"""The queue of all work that names no other."""

_LOOKED_THROUGH = 500
_LONGEST_ERROR = 2000
_LONGEST_NAME = 40
_CLAIM_LOCK = 0x6A6F6273  # "jobs": claims of all processes go one after the other (PostgreSQL)

_job = job_table.c
COLUMNS = (
    _job.id,
    _job.kind,
    _job.queue,
    _job.key,
    _job.wanted,
    _job.lane,
    cast(_job.payload, Text).label("payload"),
    _job.state,
    _job.run_at,
    _job.leased_until,
    _job.leased_by,
    _job.tries,
    _job.error,
    _job.created_at,
)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its row was: moments are aware and in UTC.

    `tries` counts the runs that began, the present one included. `run_at` is when it is due next; of a
    running one when its lease ends, of a dead one when it died. `lease` is the token of who works on it.
    `wanted` counts how often a standing job was asked for until it was claimed. `damaged` says why its
    payload, then empty, cannot be read.
    """

    id: int
    kind: str
    queue: str
    key: str | None
    wanted: int
    lane: str | None
    payload: Mapping[str, object]
    state: str
    run_at: datetime
    leased_until: datetime | None
    lease: str | None
    tries: int
    error: str | None
    created_at: datetime
    damaged: str | None = None


def enqueue(
    unit: Unit,
    kind: str,
    payload: Mapping[str, object],
    *,
    lane: str | None = None,
    run_at: datetime | None = None,
    queue: str = MAIN,
) -> int:
    """Add a job in the transaction of what causes it; workers are woken by the commit. Gives its id.

    `payload` holds JSON values. Jobs of one `lane` run in the order of their ids, one at a time, also where
    the first waits for its `run_at`. `run_at` is an aware datetime (ValueError otherwise); default now.
    """
    identifier = unit.new_id()
    unit.connection.execute(
        insert(job_table),
        {
            "id": identifier,
            "kind": kind,
            "queue": queue,
            "lane": lane,
            "payload": dict(payload),
            "state": READY,
            "run_at": run_at or unit.now,
            "created_at": unit.now,
        },
    )
    ring_after(unit)
    return identifier


def claim(unit: Unit, worker: str, limit: int, lease: timedelta, *, queue: str = MAIN) -> list[Job]:
    """Take up to `limit` due jobs of a queue for the time of `lease`; in the order of their ids.

    Of a lane only the first waiting job is taken, and only while no other of the lane is under a lease.
    On PostgreSQL the transaction must be READ COMMITTED (`db.write_locking`): claims go one after the other
    behind a lock, and each must see what the one before it took. Rows that another transaction holds are left
    for the next claim.
    """
    if unit.dialect.name == "postgresql":
        unit.connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CLAIM_LOCK})
    token = f"{worker[:_LONGEST_NAME]}/{secrets.token_hex(6)}"
    jobs: list[Job] = []
    again = True
    while again and len(jobs) < limit:
        free, later, again = _look_through(unit, queue, 2 * limit)
        if free:
            until = unit.now + lease
            rows = _TAKE.all(unit, chosen=free[: limit - len(jobs)], now=unit.now, until=until, token=token)
            jobs += [job_of(row) for row in rows]
        # Those who stand behind must not hide the due jobs of others from this claim, or from the next.
        again = bool(later) and _send_behind(unit, later) and again
    return sorted(jobs, key=lambda job: job.id)


def finish(unit: Unit, job: Job) -> bool:
    """Delete a job that is done. False, and no change, where the lease is no longer the job's own.

    A standing job that was asked for again while it ran is due again instead.
    """
    gone = _FINISH.run(unit, [{"job_id": job.id, "token": _lease_of(job), "seen": job.wanted}])
    if gone and job.lane is not None:
        _bring_forward(unit, job.lane)
    if not gone and job.key is not None:
        return rest(unit, job, unit.now)
    return bool(gone)


def rest(unit: Unit, job: Job, run_at: datetime) -> bool:
    """A standing job goes on at `run_at` (aware), as if for the first time; sooner where it is asked for.

    False: lease lost. One that was asked for while it ran goes on now.
    """
    mine = {"job_id": job.id, "token": _lease_of(job), "seen": job.wanted}
    return bool(_REST.run(unit, [{**mine, "now": unit.now, "at": run_at}]))


def postpone(unit: Unit, job: Job, run_at: datetime, error: str, *, foreseen: bool = False) -> bool:
    """Let a job wait until `run_at` (aware) because of `error`; its lane waits with it. False: lease lost.

    What was `foreseen` (a server that is away) does not count towards the tries of a fault.
    """
    counted = {"tries": 1} if foreseen else {}
    return _end_lease(unit, job, run_at=run_at, error=error[:_LONGEST_ERROR], **counted)


def bury(unit: Unit, job: Job, reason: str) -> bool:
    """Give a job up: it stays visible as `dead`, and its lane goes on without it. False: lease lost."""
    done = _end_lease(unit, job, run_at=unit.now, state=DEAD, error=reason[:_LONGEST_ERROR])
    if done and job.lane is not None:
        _bring_forward(unit, job.lane)
    return done


def release(unit: Unit, job: Job) -> bool:
    """Give a job back that was not worked to its end, as if it had not been tried. False: lease lost."""
    return _end_lease(unit, job, run_at=unit.now, tries=job.tries - 1)


def extend(unit: Unit, jobs: Sequence[Job], lease: timedelta) -> frozenset[int]:
    """Renew the leases of `jobs` to `lease` from now; gives the ids of those that still had one."""
    if not jobs:
        return frozenset()
    until = unit.now + lease
    kept = unit.connection.execute(
        update(job_table)
        .where(_job.id.in_([job.id for job in jobs]), _job.leased_by.in_({job.lease for job in jobs}))
        .values(leased_until=until, run_at=until)
        .returning(_job.id)
    )
    return frozenset(row.id for row in kept)


def requeue(unit: Unit, *, job_id: int | None = None, lane: str | None = None) -> int:
    """Bring dead jobs back, with their tries counted anew: one, those of a lane, or all. Gives how many."""
    which = [_job.state == DEAD]
    if job_id is not None:
        which.append(_job.id == job_id)
    if lane is not None:
        which.append(_job.lane == lane)
    fresh = {"state": READY, "run_at": unit.now, "tries": 0, "leased_until": None, "leased_by": None}
    count = unit.connection.execute(update(job_table).where(*which).values(fresh)).rowcount
    if count:
        ring_after(unit)
    return count


def job_of(row: Sequence[Any]) -> Job:
    """The shape of a row of `COLUMNS`."""
    (
        job_id, kind, queue, key, wanted, lane, raw, state, run_at, leased_until, lease, tries, error,
        created_at,
    ) = row  # fmt: skip
    payload, damaged = _payload_of(raw)
    return Job(
        job_id, kind, queue, key, wanted, lane, payload, state, run_at, leased_until, lease, tries, error,
        created_at, damaged,
    )  # fmt: skip


def _payload_of(text: str) -> tuple[Json, str | None]:
    """One that was damaged must not stop the queue: its job is given up with the reason."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return {}, str(error)
    return (value, None) if isinstance(value, dict) else ({}, "not an object")


def _lease_of(job: Job) -> str:
    if job.lease is None:
        raise ValueError(f"job {job.id} was not claimed")
    return job.lease


def _end_lease(unit: Unit, job: Job, **values: object) -> bool:
    ours = update(job_table).where(_job.id == job.id, _job.leased_by == _lease_of(job))
    ended = ours.values(leased_by=None, leased_until=None, decided_at=unit.now, **values)
    return bool(unit.connection.execute(ended).rowcount)


def _bring_forward(unit: Unit, lane: str) -> None:
    unit.connection.execute(_FORWARD, {"of_lane": lane})


def _look_through(unit: Unit, queue: str, most: int) -> tuple[list[int], dict[int, int], bool]:
    """The due jobs that may be taken; those that stand after another one of their lane, with that one; and
    whether there may be more than were looked at."""
    most = max(most, _LOOKED_THROUGH)
    due = _DUE.all(unit, now=unit.now, of_queue=queue, most=most)
    heads = _heads_of(unit, {lane for _, lane in due if lane is not None})
    free: list[int] = []
    later: dict[int, int] = {}
    for job_id, lane in due:
        if lane is None:
            free.append(job_id)
        elif lane in heads:  # not where the lane was dropped since the last statement
            first, busy = heads[lane]
            if first < job_id:
                later[job_id] = first
            elif not busy:
                free.append(job_id)
    return free, later, len(due) == most


def _heads_of(unit: Unit, lanes: set[str]) -> dict[str, tuple[int, bool]]:
    """Of each lane the first waiting job, and whether one of the lane is under a lease."""
    if not lanes:
        return {}
    query = (
        select(_job.lane, func.min(_job.id).label("first"), func.max(_job.leased_until).label("leased"))
        .where(_job.state == READY, _job.lane.in_(lanes))
        .group_by(_job.lane)
    )
    return {
        row.lane: (row.first, row.leased is not None and row.leased > unit.now)
        for row in unit.connection.execute(query)
    }


def _send_behind(unit: Unit, later: Mapping[int, int]) -> bool:
    """Send jobs behind that stand after another one of their lane; `later` maps each to that one. False
    where all of those are held by other transactions.

    The first of the lane is written, too, though without a change: it may be finishing at this moment, and
    then one of the two has to give way. Held by the finisher, it is skipped here; written here first, the
    finisher waits or begins anew, and sees whom it has to bring forward. Else a lane could stand still.
    """
    connection = unit.connection
    firsts = select(_job.id).where(_job.id.in_(set(later.values())), _job.state == READY)
    held = set(connection.execute(firsts.with_for_update(skip_locked=True)).scalars())
    if not held:
        return False
    connection.execute(update(job_table).where(_job.id.in_(held)).values(state=READY))
    after = [identifier for identifier, first in later.items() if first in held]
    connection.execute(update(job_table).where(_job.id.in_(after), _job.state == READY).values(state=BEHIND))
    return True


def _due_statement() -> Select[tuple[int, str | None]]:
    now = bindparam("now", type_=Moment)
    return (
        select(_job.id, _job.lane)
        .where(_job.state == READY, _job.queue == bindparam("of_queue"), _job.run_at <= now, _unleased(now))
        .order_by(_job.run_at, _job.id)
        .limit(bindparam("most"))
    )


def _take_statement() -> ReturningUpdate[tuple[object, ...]]:
    now = bindparam("now", type_=Moment)
    until = bindparam("until", type_=Moment)
    mine = job_table.alias("mine")
    still_due = (
        select(mine.c.id)
        # So written, SQLite looks at those that are chosen and not through all that is ready.
        .where(among(mine.c.id, "chosen"), func.coalesce(mine.c.state, "") == READY, mine.c.run_at <= now)
        .with_for_update(skip_locked=True)
    )
    return (
        update(job_table)
        .where(_job.id.in_(still_due))
        .values(leased_until=until, run_at=until, leased_by=bindparam("token"), tries=_job.tries + 1)
        .returning(*COLUMNS)
    )


def _unleased(now: BindParameter[datetime]) -> ColumnElement[bool]:
    return or_(_job.leased_until.is_(None), _job.leased_until <= now)


def _forward_statement() -> Update:
    behind = job_table.alias("behind")
    lower = job_table.alias("lower")
    lane: BindParameter[str] = bindparam("of_lane")
    first = select(func.min(behind.c.id)).where(behind.c.lane == lane, behind.c.state == BEHIND)
    earlier = exists().where(lower.c.lane == lane, lower.c.state == READY, lower.c.id < _job.id)
    return (
        update(job_table)
        .where(_job.id == first.scalar_subquery(), _job.state == BEHIND, not_(earlier))
        .values(state=READY)
    )


_DUE = Prepared(_due_statement())
_TAKE = Prepared(_take_statement())
_MINE = (_job.id == bindparam("job_id", type_=BigId), _job.leased_by == bindparam("token"))
_FINISH = Prepared(delete(job_table).where(*_MINE, _job.wanted == bindparam("seen")))
_REST = Prepared(
    update(job_table)
    .where(*_MINE)
    .values(
        leased_by=None,
        leased_until=None,
        decided_at=bindparam("now", type_=Moment),
        run_at=case(
            (_job.wanted != bindparam("seen"), bindparam("now", type_=Moment)),
            else_=bindparam("at", type_=Moment),
        ),
        tries=0,
        error=None,
    )
)
_FORWARD = _forward_statement()
