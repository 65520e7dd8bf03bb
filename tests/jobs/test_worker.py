"""One worker with a clock that the test moves, or in real time where waking and leases are the matter."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import GiveUp, Outcome, Postpone, Worker, nothing
from fedi_cluster.kernel.errors import Gone, TooMany, Unavailable, Unreachable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit
from tests.jobs.clock import MovedClock
from tests.jobs.working import add, effects, note, noted, only_job, raising, until, until_empty

pytestmark = pytest.mark.anyio


async def test_a_job_has_its_effect_and_is_gone(db: Database, clock: MovedClock) -> None:
    made = [await add(db, lane) for lane in ("a", "a", None)]
    worker = Worker(db, {"do": noted}, clock)
    assert await worker.run_once() == 2
    assert await worker.drain() == 1
    assert await worker.drain() == 0
    assert await db.read(effects) == dict.fromkeys(made, 1)
    assert await db.read(reports.list_jobs) == []


async def test_lanes_run_side_by_side_and_each_in_order(db: Database, clock: MovedClock) -> None:
    at_once, most, order = set[str](), 0, list[int]()

    async def watched(job: Job) -> Outcome:
        nonlocal most
        assert job.lane is not None
        assert job.lane not in at_once
        at_once.add(job.lane)
        most = max(most, len(at_once))
        await asyncio.sleep(0.005)
        at_once.remove(job.lane)
        order.append(job.id)
        return nothing

    made = [await add(db, f"lane {n % 5}") for n in range(20)]
    assert await Worker(db, {"do": watched}, clock).drain() == 20
    assert most == 5
    for lane in range(5):
        of_lane = made[lane::5]
        assert [identifier for identifier in order if identifier in of_lane] == of_lane


async def test_no_more_than_capacity_at_once(db: Database, clock: MovedClock) -> None:
    now, most = 0, 0

    async def counted(_job: Job) -> Outcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        return nothing

    for _ in range(12):
        await add(db)
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(db, {"do": counted}, clock, capacity={"main": 4}).run(stop))
    await until_empty(db)
    stop.set()
    await running
    assert most == 4


@pytest.mark.parametrize(
    ("error", "wait", "reason"),
    [
        (lambda: Postpone(timedelta(minutes=7), "asked to wait"), 420, "asked to wait"),
        (lambda: GiveUp("inbox is gone"), None, "inbox is gone"),
        (lambda: Unreachable("no answer"), 5, "Unreachable: no answer"),
        (lambda: Unreachable("410", permanent=True), None, "Unreachable: 410"),
        (lambda: Unavailable("busy", detail="locked"), 5, "Unavailable: locked"),
        (lambda: TooMany("slow down", retry_after=90), 90, "TooMany: slow down"),
        (lambda: TooMany("slow down", retry_after=1), 5, "TooMany: slow down"),
        (lambda: Gone("deleted"), None, "Gone: deleted"),
        (lambda: LookupError("a fault of ours"), 5, "LookupError: a fault of ours"),
        (TimeoutError, 5, "took longer than 120 s"),
    ],
)
async def test_what_a_handler_raises_decides(
    db: Database, clock: MovedClock, error: Callable[[], Exception], wait: int | None, reason: str
) -> None:
    await add(db, "a")
    assert await Worker(db, raising(error), clock).drain() == 1
    job = await only_job(db)
    assert job.error == reason
    assert job.state == ("dead" if wait is None else "ready")
    assert job.run_at == clock.now() + timedelta(seconds=wait or 0)


async def test_a_fault_is_logged_with_its_trace(
    db: Database, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    await add(db)
    await Worker(db, raising(lambda: LookupError("here")), clock).drain()
    [record] = [record for record in caplog.records if record.exc_info]
    assert "Traceback" in caplog.text
    assert record.levelno == logging.ERROR


async def test_a_job_that_always_fails_is_buried_and_can_be_brought_back(
    db: Database, clock: MovedClock
) -> None:
    poison = await add(db, "a")
    after = await add(db, "a")
    ran = 0

    async def handler(job: Job) -> Outcome:
        nonlocal ran
        if job.id == poison:
            ran += 1
            raise LookupError
        return note(job)

    worker = Worker(db, {"do": handler}, clock)
    waits = []
    await worker.drain()
    while (job := await only_job_in_lane(db, "a")) is not None:
        waits.append((job.run_at - clock.now()).total_seconds())
        clock.move(seconds=waits[-1] - 0.001)
        assert await worker.drain() == 0
        clock.move(seconds=0.001)
        await worker.drain()
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert ran == 12
    assert list(await db.read(effects)) == [after]
    dead = await only_job(db)
    assert (dead.state, dead.error) == ("dead", "given up after 12 tries: LookupError: ")
    assert await db.write(queue.requeue) == 1
    assert await Worker(db, {"do": noted}, clock).drain() == 1
    assert (await db.read(effects))[poison] == 1


async def only_job_in_lane(db: Database, lane: str) -> Job | None:
    waiting = await db.read(reports.list_jobs, "waiting", lane)
    return waiting[0] if waiting else None


async def test_a_kind_that_nobody_knows_is_buried_with_the_reason(db: Database, clock: MovedClock) -> None:
    await add(db, kind="juggle")
    await Worker(db, {"do": noted}, clock).drain()
    job = await only_job(db)
    assert (job.state, job.error) == ("dead", "nobody here knows jobs of the kind 'juggle'")


async def test_an_outcome_that_fails_leaves_nothing(db: Database, clock: MovedClock) -> None:
    async def handler(job: Job) -> Outcome:
        def write(unit: Unit) -> None:
            note(job)(unit)
            queue.enqueue(unit, "do", {})
            if job.tries == 1:
                raise LookupError("half-way")

        return write

    made = await add(db)
    await Worker(db, {"do": handler}, clock).run_once()
    assert await db.read(effects) == {}
    assert (await only_job(db)).error == "LookupError: half-way"
    clock.move(seconds=5)
    await Worker(db, {"do": handler}, clock).run_once()
    assert await db.read(effects) == {made: 2}
    assert (await only_job(db)).id > made


async def test_one_effect_where_the_lease_ran_out_before_the_outcome(db: Database, clock: MovedClock) -> None:
    """The first worker hangs between network and outcome; a second does the job; the first comes too late."""
    hangs, goes_on = asyncio.Event(), asyncio.Event()

    async def slow(job: Job) -> Outcome:
        hangs.set()
        await goes_on.wait()
        return note(job)

    made = await add(db, "a")
    first = asyncio.create_task(Worker(db, {"do": slow}, clock).run_once())
    await hangs.wait()
    clock.move(seconds=61)
    assert await Worker(db, {"do": noted}, clock).drain() == 1
    goes_on.set()
    await first
    assert await db.read(effects) == {made: 2}
    assert await db.read(reports.list_jobs) == []


async def test_a_worker_cancelled_between_network_and_outcome(db: Database, clock: MovedClock) -> None:
    reached = asyncio.Event()

    async def cut_off(_job: Job) -> Outcome:
        reached.set()
        await asyncio.sleep(60)
        raise AssertionError

    made = await add(db, "a")
    cut = Worker(db, {"do": cut_off}, clock, grace=timedelta())
    running = asyncio.create_task(cut.run(asyncio.Event()))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await Worker(db, {"do": noted}, clock).drain() == 1
    assert await db.read(effects) == {made: 1}


async def test_stopping_lets_short_jobs_finish_and_gives_long_ones_back(
    db: Database, clock: MovedClock
) -> None:
    started = 0

    async def handler(job: Job) -> Outcome:
        nonlocal started
        started += 1
        await asyncio.sleep(0.1 if job.lane == "short" else 60)
        return note(job)

    short, long = await add(db, "short"), await add(db, "long")
    stop = asyncio.Event()
    running = asyncio.create_task(Worker(db, {"do": handler}, clock, grace=timedelta(seconds=0.3)).run(stop))
    await until(lambda: started == 2)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert await db.read(effects) == {short: 1}
    left = await only_job(db)
    assert (left.id, left.tries, left.lease, left.run_at) == (long, 0, None, clock.now())


async def test_jobs_that_make_each_other_without_end_are_found(db: Database, clock: MovedClock) -> None:
    async def handler(_job: Job) -> Outcome:
        def write(unit: Unit) -> None:
            queue.enqueue(unit, "do", {})

        return write

    await add(db)
    with pytest.raises(RuntimeError, match="still jobs due"):
        await Worker(db, {"do": handler}, clock).drain(most=10)


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)  # PostgreSQL keeps no damaged JSON
async def test_a_damaged_payload_is_put_by_and_stops_nobody(db: Database, clock: MovedClock) -> None:
    done: list[object] = []

    async def do(job: Job) -> Outcome:
        done.append(job.payload["n"])
        return nothing

    for n in range(3):
        await db.write(queue.enqueue, "do", {"n": n})
    await db.write(
        lambda unit: unit.connection.exec_driver_sql(
            "UPDATE job SET payload = 'half {' WHERE id = (SELECT min(id) FROM job)"
        )
    )
    assert await Worker(db, {"do": do}, clock).drain() == 3
    assert done == [1, 2]
    [left] = await db.read(reports.list_jobs)
    assert left.state == "dead"
    assert "cannot be read" in (left.error or "")
    assert left.damaged is not None
