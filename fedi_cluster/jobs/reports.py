"""What people and checks ask about the queue: lists, counts, lanes, what is due next; it changes nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, bindparam, case, func, select

from fedi_cluster.jobs.queue import BEHIND, COLUMNS, DEAD, MAIN, READY, Job, job_of
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Reader

_job = job_table.c
_NEXT = Prepared(
    select(func.min(_job.run_at)).where(_job.state == READY, _job.queue == bindparam("of_queue"))
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are worked now, wait (due or not), or were given up."""

    running: int
    waiting: int
    dead: int


@dataclass(frozen=True, slots=True)
class LaneReport:
    """One lane: how many wait (the running one included) and are dead; and of its first waiting job when
    it is due, how often it was tried, why it failed last. Moments are aware; None where nothing waits."""

    lane: str
    waiting: int
    dead: int
    oldest: datetime | None
    next_run: datetime | None
    tries: int
    error: str | None


def next_run(reader: Reader, queue: str = MAIN) -> datetime | None:
    """When the next job of a queue is due or its next lease ends; None for an empty one. One look into an
    index."""
    found: datetime | None = _NEXT.scalar(reader, of_queue=queue)
    return found


def next_runs(reader: Reader, queues: Iterable[str]) -> dict[str, datetime]:
    """The same for several queues; those that are empty are missing."""
    found = {queue: next_run(reader, queue) for queue in queues}
    return {queue: moment for queue, moment in found.items() if moment is not None}


def list_jobs(
    reader: Reader, state: str | None = None, lane: str | None = None, limit: int = 50
) -> list[Job]:
    """Jobs in the order of their ids; `state` is `ready`, `behind`, `dead`, or `waiting` for both former."""
    query = select(*COLUMNS).order_by(_job.id).limit(limit)
    if state == "waiting":
        query = query.where(_job.state.in_([READY, BEHIND]))
    elif state is not None:
        query = query.where(_job.state == state)
    if lane is not None:
        query = query.where(_job.lane == lane)
    return [job_of(row) for row in reader.connection.execute(query)]


def counts(reader: Reader, kind: str | None = None) -> Counts:
    """How many jobs there are, of one kind or of all."""
    alive = _job.state != DEAD
    leased = and_(alive, _job.leased_by.is_not(None), _job.leased_until > reader.now)
    query = select(_number(leased), _number(alive), _number(_job.state == DEAD)).select_from(job_table)
    if kind is not None:
        query = query.where(_job.kind == kind)
    running, waiting, dead = reader.connection.execute(query).one()
    return Counts(running=running, waiting=waiting - running, dead=dead)


def lane_report(reader: Reader, lane: str | None = None, limit: int = 500) -> list[LaneReport]:
    """The lanes that have jobs, by name; or the one named `lane`."""
    alive = _job.state != DEAD
    lanes = (
        select(
            _job.lane,
            _number(alive).label("waiting"),
            _number(_job.state == DEAD).label("dead"),
            func.min(case((alive, _job.created_at))).label("oldest"),
            func.min(case((alive, _job.id))).label("first"),
        )
        .where(_job.lane.is_not(None) if lane is None else _job.lane == lane)
        .group_by(_job.lane)
        .order_by(_job.lane)
        .limit(limit)
        .subquery()
    )
    first = job_table.alias("first_job")
    query = (
        select(lanes, first.c.run_at, first.c.tries, first.c.error)
        .select_from(lanes.outerjoin(first, first.c.id == lanes.c.first))
        .order_by(lanes.c.lane)
    )
    return [
        LaneReport(
            lane=row.lane,
            waiting=row.waiting,
            dead=row.dead,
            oldest=row.oldest,
            next_run=row.run_at,
            tries=row.tries or 0,
            error=row.error,
        )
        for row in reader.connection.execute(query)
    ]


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((condition, 1)))
