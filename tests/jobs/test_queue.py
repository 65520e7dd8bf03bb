"""The queue's rows on both engines: lanes, leases, waiting, dead jobs; no worker is needed for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.queue import Job
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit
from tests.jobs.clock import MovedClock

LEASE = timedelta(seconds=60)
ONLY_POSTGRES = pytest.mark.parametrize(  # SQLite has one writer at a time: nothing happens meanwhile
    "migrated_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def enqueue(db: Database, *lanes: str | None, in_seconds: float = 0) -> list[int]:
    def add(unit: Unit) -> list[int]:
        at = unit.now + timedelta(seconds=in_seconds)
        return [queue.enqueue(unit, "send", {"n": n}, lane=lane, run_at=at) for n, lane in enumerate(lanes)]

    return db.write_now(add)


def claim(db: Database, limit: int = 100, worker: str = "one") -> list[Job]:
    return db.write_locking_now(queue.claim, worker, limit, LEASE)


def ids(jobs: list[Job]) -> list[int]:
    return [job.id for job in jobs]


def finish(db: Database, job: Job) -> bool:
    return db.write_now(queue.finish, job)


def postpone(db: Database, job: Job, seconds: float) -> bool:
    return db.write_now(lambda unit: queue.postpone(unit, job, unit.now + timedelta(seconds=seconds), "away"))


def states(db: Database) -> dict[int, str]:
    return {job.id: job.state for job in db.read_now(reports.list_jobs, limit=10_000)}


def test_a_job_comes_back_as_it_was_given(db: Database, clock: MovedClock) -> None:
    [made] = enqueue(db, "a.example")
    [job] = claim(db)
    assert (job.id, job.kind, job.lane, job.payload, job.tries) == (made, "send", "a.example", {"n": 0}, 1)
    assert job.created_at == clock.now()
    assert job.leased_until == job.run_at == clock.now() + LEASE
    assert job.lease is not None
    assert job.lease.startswith("one/")
    assert claim(db) == []
    assert finish(db, job)
    assert states(db) == {}


def test_jobs_without_a_lane_run_together_up_to_the_limit(db: Database) -> None:
    made = enqueue(db, *[None] * 10)
    assert ids(claim(db, 4)) == made[:4]
    assert ids(claim(db, 4)) == made[4:8]
    assert ids(claim(db, 4)) == made[8:]


def test_a_lane_is_worked_in_order_and_one_at_a_time(db: Database) -> None:
    made = enqueue(db, "a", "b", "a", "b", "a")
    first = claim(db)
    assert ids(first) == made[:2]
    assert claim(db, worker="two") == []
    assert finish(db, first[0])
    second = claim(db, worker="two")
    assert ids(second) == [made[2]]
    assert finish(db, second[0])
    assert finish(db, first[1])
    assert ids(claim(db)) == [made[3], made[4]]


def test_a_full_lane_leaves_room_for_others(db: Database) -> None:
    made = enqueue(db, *["full"] * 50, "b", None)
    assert ids(claim(db, 3)) == [made[0], made[50], made[51]]


def test_a_job_that_becomes_visible_late_still_waits_for_the_lane(db: Database) -> None:
    [made] = enqueue(db, "a")
    [running] = claim(db)

    def late(unit: Unit) -> None:
        row = {"id": made - 1, "kind": "send", "lane": "a", "payload": {}, "state": "ready"}
        unit.connection.execute(insert(job_table), {**row, "run_at": unit.now, "created_at": unit.now})

    db.write_now(late)
    assert claim(db) == []
    assert postpone(db, running, 0)
    assert ids(claim(db)) == [made - 1]


def test_what_waits_in_a_lane_costs_the_poll_nothing(db: Database, clock: MovedClock) -> None:
    made = enqueue(db, *[f"lane {n % 40}" for n in range(2000)])
    heads = claim(db)
    assert ids(heads) == made[:40]
    for job in heads:
        postpone(db, job, 3600)
    kinds = list(states(db).values())
    assert (kinds.count("ready"), kinds.count("behind")) == (40, 1960)
    assert db.read_now(reports.next_run) == clock.now() + timedelta(hours=1)
    clock.move(hours=1)
    assert ids(claim(db)) == made[:40]


def test_whoever_leaves_a_lane_brings_the_next_forward(db: Database) -> None:
    made = enqueue(db, "a", "a", "a", "a", "a")
    [one] = claim(db)
    assert list(states(db).values()) == ["ready"] + ["behind"] * 4
    finish(db, one)
    [two] = claim(db)
    db.write_now(queue.bury, two, "no")
    [three] = claim(db)
    assert three.id == made[2]
    postpone(db, three, 5)
    assert claim(db) == []
    assert states(db)[made[1]] == "dead"


def test_a_waiting_head_holds_its_lane_and_nobody_else(db: Database, clock: MovedClock) -> None:
    [later] = enqueue(db, "a", in_seconds=60)
    [after, free] = enqueue(db, "a", None)
    assert ids(claim(db)) == [free]
    clock.move(seconds=59)
    assert claim(db) == []
    clock.move(seconds=1)
    [head] = [job for job in claim(db) if job.lane]
    assert head.id == later
    finish(db, head)
    assert ids(claim(db)) == [after]


def test_the_jobs_of_a_killed_worker_come_back(db: Database, clock: MovedClock) -> None:
    made = enqueue(db, "a", "a", None)
    assert ids(claim(db)) == [made[0], made[2]]
    clock.move(seconds=59)
    assert claim(db) == []
    clock.move(seconds=1)
    again = claim(db, worker="two")
    assert ids(again) == [made[0], made[2]]
    assert [job.tries for job in again] == [2, 2]


def test_who_lost_the_lease_can_do_nothing(db: Database, clock: MovedClock) -> None:
    enqueue(db, "a")
    [lost] = claim(db)
    clock.move(seconds=61)
    [held] = claim(db)  # the same worker's name: the lease is what counts
    before = db.read_now(reports.list_jobs)
    assert not finish(db, lost)
    assert not postpone(db, lost, 5)
    assert not db.write_now(queue.bury, lost, "no")
    assert not db.write_now(queue.release, lost)
    assert db.write_now(queue.extend, [lost], LEASE) == frozenset()
    assert db.read_now(reports.list_jobs) == before
    assert finish(db, held)
    assert not finish(db, held)


def test_a_lease_can_be_renewed(db: Database, clock: MovedClock) -> None:
    enqueue(db, "a", "b", "b")
    jobs = claim(db)
    clock.move(seconds=50)
    assert db.write_now(queue.extend, jobs, LEASE) == {job.id for job in jobs}
    assert db.write_now(queue.extend, [], LEASE) == frozenset()
    clock.move(seconds=50)
    assert claim(db) == []
    assert all(finish(db, job) for job in jobs)


def test_a_released_job_was_not_tried(db: Database) -> None:
    enqueue(db, "a")
    [job] = claim(db)
    assert db.write_now(queue.release, job)
    [again] = claim(db)
    assert (again.id, again.tries) == (job.id, 1)


def test_an_unclaimed_job_cannot_be_finished(db: Database) -> None:
    enqueue(db, None)
    [seen] = db.read_now(reports.list_jobs)
    with pytest.raises(ValueError, match="not claimed"):
        finish(db, seen)


def test_a_rolled_back_unit_leaves_no_job(db: Database) -> None:
    def fails(unit: Unit) -> None:
        queue.enqueue(unit, "send", {}, lane="a")
        raise LookupError

    with pytest.raises(LookupError):
        db.write_now(fails)
    assert states(db) == {}


def test_a_naive_moment_is_refused(db: Database, clock: MovedClock) -> None:
    with pytest.raises(Exception, match="without a time zone"):
        db.write_now(queue.enqueue, "send", {}, run_at=clock.now().replace(tzinfo=None))


def test_dead_jobs_are_brought_back_one_by_lane_or_all(db: Database) -> None:
    made = enqueue(db, "a", "b", "b", None)
    while jobs := claim(db):
        for job in jobs:
            db.write_now(queue.bury, job, "gone " * 1000)
    dead = db.read_now(reports.list_jobs, "dead")
    assert ids(dead) == made
    assert len(dead[0].error or "") == 2000
    assert db.write_now(queue.requeue, job_id=made[3]) == 1
    assert db.write_now(queue.requeue, job_id=made[3]) == 0
    assert db.write_now(queue.requeue, lane="b") == 2
    assert db.write_now(queue.requeue) == 1
    back = claim(db)
    assert ids(back) == [made[0], made[1], made[3]]
    assert [job.tries for job in back] == [1, 1, 1]


def test_reports_say_what_waits_and_why(db: Database, clock: MovedClock) -> None:
    made = enqueue(db, "a", "a", "b", None, None)
    jobs = {job.id: job for job in claim(db, 4)}
    postpone(db, jobs[made[0]], 30)
    db.write_now(queue.bury, jobs[made[2]], "gone")
    assert db.read_now(reports.counts) == reports.Counts(running=2, waiting=2, dead=1)
    assert db.read_now(reports.counts, "other") == reports.Counts(running=0, waiting=0, dead=0)
    start = clock.now()
    assert db.read_now(reports.lane_report) == [
        reports.LaneReport("a", 2, 0, start, start + timedelta(seconds=30), 1, "away"),
        reports.LaneReport("b", 0, 1, None, None, 0, None),
    ]
    assert [report.lane for report in db.read_now(reports.lane_report, "b")] == ["b"]
    assert ids(db.read_now(reports.list_jobs, "waiting", "a")) == made[:2]
    assert ids(db.read_now(reports.list_jobs, limit=2)) == made[:2]
    clock.move(seconds=60)
    assert db.read_now(reports.counts).running == 0


@ONLY_POSTGRES
def test_a_claim_leaves_what_another_transaction_holds(db: Database) -> None:
    """A row under somebody's lock is skipped, and its lane with it."""
    made = enqueue(db, "a", "a", None)
    with db.engine.connect() as other, other.begin():
        other.execute(select(job_table.c.id).where(job_table.c.id == made[0]).with_for_update()).all()
        assert ids(claim(db)) == [made[2]]
        assert list(states(db).values()) == ["ready"] * 3
    assert ids(claim(db)) == [made[0]]


@ONLY_POSTGRES
def test_a_finisher_sees_whom_a_claim_sent_behind_meanwhile(db: Database) -> None:
    """The finisher's transaction began first, and must not overlook the job that is behind it now."""
    made = enqueue(db, "a")
    [head] = claim(db)
    made += enqueue(db, "a")
    tried = 0

    def slow_finish(unit: Unit) -> bool:
        nonlocal tried
        tried += 1
        unit.connection.execute(select(job_table.c.id)).all()  # the snapshot is taken here
        if tried == 1:
            with ThreadPoolExecutor(1) as other:
                assert other.submit(claim, db, worker="two").result() == []
        return queue.finish(unit, head)

    assert db.write_now(slow_finish)
    assert tried == 2
    assert states(db) == {made[1]: "ready"}


def test_the_lease_of_another_blocks_a_lane_also_out_of_order(db: Database, clock: MovedClock) -> None:
    made = enqueue(db, "a", "a")

    def lease_second(unit: Unit) -> None:
        until = unit.now + LEASE
        row = update(job_table).where(job_table.c.id == made[1])
        unit.connection.execute(row.values(leased_until=until, run_at=until, leased_by="other"))

    db.write_now(lease_second)
    assert claim(db) == []
    clock.move(seconds=61)
    assert ids(claim(db)) == [made[0]]
