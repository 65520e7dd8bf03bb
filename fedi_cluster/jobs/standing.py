"""Standing jobs: one row stands for all the work of its key, which lies in rows of its own.

So a hundred deliveries to one instance are one job. Asking for it once more is a number in its row; who ends
it while it was asked for again leaves it due (`queue.finish`). It knows no kind of work.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, case, or_, update

from fedi_cluster.jobs.bell import ring_after
from fedi_cluster.jobs.queue import DEAD, MAIN, READY
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

_job = job_table.c


def stand(
    unit: Unit,
    kind: str,
    payloads: Mapping[str, Mapping[str, object]],
    *,
    queue: str = MAIN,
    run_at: datetime | None = None,
) -> None:
    """Ask for standing jobs, each under its key: one that is there already is not made twice.

    `payloads` are JSON values by key. A job that rests becomes due at `run_at` (aware; default now) where
    that is sooner; one that waits after a failure keeps waiting, and one that runs is due again after its
    end. One statement for ten thousand keys as for one; on PostgreSQL better inside `db.write_locking`, since
    many ask for the same key.
    """
    # In one order everywhere, so that two who ask for the same keys never wait for each other.
    rows = [
        {
            "id": unit.new_id(),
            "kind": kind,
            "queue": queue,
            "key": key,
            "wanted": 1,
            "payload": dict(payload),
            "state": READY,
            "run_at": run_at or unit.now,
            "created_at": unit.now,
        }
        for key, payload in sorted(payloads.items())
    ]
    if rows:
        _STAND.run(unit, rows)
        ring_after(unit)


def again(unit: Unit, keys: Iterable[str]) -> bool:
    """Asks once more for standing jobs that run, are due or wait after a failure; False where one of these
    keys has no such job, and is to be asked for by `stand`.

    The same at a quarter of the cost, for who asks so often that the job is nearly always there.
    """
    rows = [{"which": key, "now": unit.now} for key in sorted(keys)]
    if not rows:
        return True
    # Nobody is woken: such a job becomes due when it ends, or is looked for already.
    return _AGAIN.run(unit, rows) == len(rows)


def wake(unit: Unit, keys: Iterable[str], at: datetime | None = None) -> int:
    """Standing jobs that wait, after a failure too, or were given up, are due `at` (aware; default now) where
    that is sooner; one that runs is left alone. Gives how many."""
    moment = at or unit.now
    waiting = update(job_table).where(
        _job.key.in_(sorted(keys)),
        _job.leased_by.is_(None),
        or_(_job.state == DEAD, _job.run_at > moment),
    )
    woken = unit.connection.execute(waiting.values(run_at=moment, state=READY)).rowcount
    if woken:
        ring_after(unit)
    return woken


def _asked_again(new: Any) -> Mapping[str, object]:
    """What becomes of a standing job that is asked for once more; a dead one lives again."""
    rests = and_(_job.leased_by.is_(None), _job.tries == 0, _job.run_at > new.run_at)
    dead = _job.state == DEAD
    return {
        "wanted": _job.wanted + 1,
        "run_at": case((or_(rests, dead), new.run_at), else_=_job.run_at),
        "tries": case((dead, 0), else_=_job.tries),
        "state": READY,
    }


_AGAIN = Prepared(
    update(job_table)
    .where(
        _job.key == bindparam("which"),
        _job.state == READY,
        or_(_job.leased_by.is_not(None), _job.tries > 0, _job.run_at <= bindparam("now", type_=Moment)),
    )
    # Nothing that stands in an index.
    .values(wanted=_job.wanted + 1)
)
_STAND = Upsert(job_table, ("key",), _asked_again)
