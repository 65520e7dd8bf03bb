"""When the worker wakes, how long it holds a job, and what it outlives."""

import asyncio
import time
from datetime import timedelta

import pytest

from fedi_cluster.jobs import queue, reports
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, Worker, nothing
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader
from tests.jobs.clock import MovedClock
from tests.jobs.working import add, effects, note, only_job, until, until_empty

pytestmark = pytest.mark.anyio


async def test_a_new_job_wakes_the_worker_at_once(db: Database, clock: MovedClock) -> None:
    done = asyncio.Event()

    async def handler(_job: Job) -> Outcome:
        done.set()
        return nothing

    stop = asyncio.Event()
    worker = Worker(db, {"do": handler}, clock, poll=30)
    running = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(0.1)
    await add(db)
    await asyncio.wait_for(done.wait(), 2)
    done.clear()
    await asyncio.to_thread(db.write_now, lambda unit: queue.enqueue(unit, "do", {}))
    await asyncio.wait_for(done.wait(), 2)
    await add(db, "a")
    await asyncio.wait_for(done.wait(), 2)
    stop.set()
    await asyncio.wait_for(running, 2)
    worker.wake()


async def test_another_process_is_heard_by_wake_or_by_the_poll(
    db: Database, migrated_url: str, clock: MovedClock
) -> None:
    done = asyncio.Event()

    async def handler(_job: Job) -> Outcome:
        done.set()
        return nothing

    other = Database(migrated_url, clock, IdSource())
    stop = asyncio.Event()
    woken = Worker(db, {"do": handler}, clock, poll=30)
    running = asyncio.create_task(woken.run(stop))
    await asyncio.sleep(0.5)  # it has looked, and looks again only after half a minute
    await add(other)
    await asyncio.sleep(0.1)
    assert not done.is_set()
    woken.wake()
    await asyncio.wait_for(done.wait(), 2)
    stop.set()
    await running
    done.clear()
    stop.clear()
    running = asyncio.create_task(Worker(db, {"do": handler}, clock, poll=0.05).run(stop))
    await add(other)
    await asyncio.wait_for(done.wait(), 2)
    stop.set()
    await running
    other.close()


async def test_a_job_for_later_runs_when_its_moment_comes(migrated_url: str, db: Database) -> None:
    real = Database(migrated_url, SystemClock(), IdSource())
    done = asyncio.Event()

    async def handler(_job: Job) -> Outcome:
        done.set()
        return nothing

    stop = asyncio.Event()
    running = asyncio.create_task(Worker(real, {"do": handler}, SystemClock(), poll=30).run(stop))
    begun = time.monotonic()
    await real.write(lambda unit: queue.enqueue(unit, "do", {}, run_at=unit.now + timedelta(seconds=0.3)))
    await asyncio.wait_for(done.wait(), 5)
    assert time.monotonic() - begun >= 0.29
    stop.set()
    await running
    real.close()


async def test_a_long_job_keeps_its_lease(migrated_url: str, db: Database) -> None:
    real = Database(migrated_url, SystemClock(), IdSource())
    ran = 0

    async def long(job: Job) -> Outcome:
        nonlocal ran
        ran += 1
        await asyncio.sleep(1.5)
        return note(job)

    made = await add(real, "a")
    stop = asyncio.Event()
    workers = [
        Worker(real, {"do": long}, SystemClock(), name=name, lease=timedelta(seconds=0.6), poll=0.02)
        for name in ("one", "two")
    ]
    running = [asyncio.create_task(worker.run(stop)) for worker in workers]
    await until_empty(real)
    stop.set()
    await asyncio.gather(*running)
    assert ran == 1
    assert await real.read(effects) == {made: 1}
    real.close()


async def test_a_job_that_hangs_is_cut_off_and_tried_again(db: Database, clock: MovedClock) -> None:
    async def hangs(_job: Job) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    await add(db, "a")
    await Worker(db, {"do": hangs}, clock, deadline=timedelta(seconds=0.05)).run_once()
    job = await only_job(db)
    assert (job.state, job.error) == ("ready", "took longer than 0.05 s")


async def test_the_loop_outlives_a_database_that_is_away(
    db: Database, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = asyncio.Event()
    broken = 2

    async def handler(_job: Job) -> Outcome:
        done.set()
        return nothing

    def away(_reader: Reader, _queues: object) -> None:
        nonlocal broken
        broken -= 1
        if broken == 0:
            monkeypatch.undo()
        raise Unavailable("away") if broken else LookupError("worse")

    monkeypatch.setattr(reports, "next_runs", away)
    stop = asyncio.Event()
    worker = Worker(db, {"do": handler}, clock, poll=0.01)
    running = asyncio.create_task(worker.run(stop))
    await until(lambda: broken == 1)
    await add(db)
    await asyncio.wait_for(done.wait(), 5)
    stop.set()
    await running
