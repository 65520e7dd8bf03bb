"""Standing jobs on both engines: one row for all the work of a key, and no wish that gets lost."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from fedi_cluster.jobs import queue, reports, standing
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome, Postpone, Rest, Worker, nothing
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit
from tests.jobs.clock import MovedClock

LEASE = timedelta(seconds=60)


def ask(db: Database, *keys: str, in_seconds: float = 0) -> None:
    def write(unit: Unit) -> None:
        at = unit.now + timedelta(seconds=in_seconds)
        standing.stand(unit, "send", {key: {"host": key} for key in keys}, queue="delivery", run_at=at)

    db.write_locking_now(write)


def claim(db: Database, limit: int = 100) -> list[Job]:
    return db.write_locking_now(queue.claim, "one", limit, LEASE, queue="delivery")


def keys(jobs: list[Job]) -> list[str]:
    return sorted(job.key or "" for job in jobs)


def test_a_key_has_one_job_however_often_it_is_asked_for(db: Database) -> None:
    ask(db, "a", "b")
    ask(db, "b", "c")
    taken = claim(db)
    assert keys(taken) == ["a", "b", "c"]
    assert [(job.payload, job.lane, job.queue) for job in taken if job.key == "b"] == [
        ({"host": "b"}, None, "delivery")
    ]
    assert claim(db) == []


def test_each_queue_is_claimed_by_itself(db: Database) -> None:
    ask(db, "a")
    db.write_now(lambda unit: queue.enqueue(unit, "other", {}))
    assert db.write_locking_now(queue.claim, "one", 9, LEASE)[0].kind == "other"
    assert keys(claim(db)) == ["a"]
    assert set(db.read_now(reports.next_runs, ("main", "delivery", "inbox"))) == {"main", "delivery"}


def test_who_is_asked_for_again_while_it_runs_is_due_after_its_end(db: Database) -> None:
    ask(db, "a", "b")
    one, other = claim(db)
    ask(db, "a")
    assert claim(db) == []
    assert db.write_locking_now(queue.finish, one)
    assert db.write_locking_now(queue.finish, other)
    [again] = claim(db)
    assert (again.key, again.tries) == ("a", 1)
    assert db.write_locking_now(queue.finish, again)
    assert db.read_now(reports.list_jobs) == []


def test_who_rests_is_brought_forward_and_who_failed_is_not(db: Database, clock: MovedClock) -> None:
    ask(db, "rests", "failed")
    for job in claim(db):
        if job.key == "rests":
            assert db.write_locking_now(queue.rest, job, clock.now() + timedelta(hours=1))
        else:
            db.write_locking_now(queue.postpone, job, clock.now() + timedelta(hours=1), "away")
    assert claim(db) == []
    ask(db, "rests", "failed", in_seconds=5)
    clock.move(seconds=5)
    assert keys(claim(db)) == ["rests"]
    db.write_now(standing.wake, ["failed", "nobody"])
    assert keys(claim(db)) == ["failed"]


def test_a_wish_during_the_last_moment_counts_before_the_rest(db: Database, clock: MovedClock) -> None:
    ask(db, "a")
    [job] = claim(db)
    ask(db, "a")
    db.write_locking_now(queue.rest, job, clock.now() + timedelta(hours=1))
    assert keys(claim(db)) == ["a"]


def test_a_dead_one_lives_again_when_it_is_asked_for(db: Database, clock: MovedClock) -> None:
    ask(db, "a")
    db.write_locking_now(queue.bury, claim(db)[0], "a fault")
    clock.move(days=1)
    assert claim(db) == []
    ask(db, "a")
    [job] = claim(db)
    assert job.tries == 1


def test_asking_again_counts_where_the_job_is_there_and_not_at_rest(db: Database, clock: MovedClock) -> None:
    def again(*keys: str) -> bool:
        return db.write_locking_now(standing.again, keys)

    assert not again("missing")
    ask(db, "due", "runs", "rests", "failed", "dead")
    jobs = {job.key: job for job in claim(db)}
    assert db.write_locking_now(queue.finish, jobs["due"])
    ask(db, "due")
    db.write_locking_now(queue.rest, jobs["rests"], clock.now() + timedelta(hours=1))
    db.write_locking_now(queue.postpone, jobs["failed"], clock.now() + timedelta(hours=1), "away")
    db.write_locking_now(queue.bury, jobs["dead"], "a fault")
    assert again("due", "runs", "failed")
    assert not again("due", "rests")
    assert not again("dead")
    assert keys(claim(db)) == ["due"]
    assert db.write_locking_now(queue.finish, jobs["runs"])
    assert keys(claim(db)) == ["runs"]  # it was asked for while it ran
    db.write_now(standing.wake, ["rests", "failed", "dead"])
    assert keys(claim(db)) == ["dead", "failed", "rests"]


def test_the_lost_lease_neither_ends_nor_rests(db: Database, clock: MovedClock) -> None:
    ask(db, "a")
    [old] = claim(db)
    clock.move(seconds=61)
    [new] = claim(db)
    assert not db.write_locking_now(queue.finish, old)
    assert not db.write_locking_now(queue.rest, old, clock.now())
    assert db.write_locking_now(queue.finish, new)


def test_many_ask_for_the_same_keys_at_once(db: Database) -> None:
    with ThreadPoolExecutor(4) as several:
        for round_ in range(10):
            wishes = [[f"{round_}-{n}" for n in range(20)]] * 4
            assert list(several.map(lambda wish: ask(db, *wish), wishes)) == [None] * 4
    assert len(claim(db, 1000)) == 200


@pytest.mark.anyio
async def test_no_wish_is_lost_between_workers(db: Database, clock: MovedClock) -> None:
    """Work lies in a list; every wish comes after its piece of work, and nothing may be left over."""
    work: dict[str, int] = {"a": 0, "b": 0}
    done = dict.fromkeys(work, 0)
    finished = asyncio.Event()

    async def send(job: Job) -> Outcome:
        host = str(job.payload["host"])
        seen, work[host] = work[host], 0
        await asyncio.sleep(0.001)
        done[host] += seen
        if sum(done.values()) == 60:
            finished.set()
        if seen > 3:
            raise Rest
        return nothing

    stop = asyncio.Event()
    workers = [
        asyncio.create_task(Worker(db, {"send": send}, clock, name=name, poll=0.02).run(stop))
        for name in ("one", "two")
    ]
    for n in range(60):
        host = "ab"[n % 2]
        work[host] += 1
        await asyncio.to_thread(ask, db, host)
    async with asyncio.timeout(10):
        await finished.wait()
    stop.set()
    await asyncio.gather(*workers)
    assert done == {"a": 30, "b": 30}
    await Worker(db, {"send": send}, clock).drain()  # a wish whose work was done with the one before
    assert db.read_now(reports.list_jobs) == []


@pytest.mark.anyio
async def test_an_effect_is_written_with_the_pause(db: Database, clock: MovedClock) -> None:
    def note(kind: str) -> Callable[[Unit], None]:
        return lambda unit: (queue.enqueue(unit, kind, {}), None)[1]

    async def send(_job: Job) -> Outcome:
        raise Postpone(timedelta(minutes=1), "away", note("written"))

    ask(db, "a")
    assert await Worker(db, {"send": send}, clock, capacity={"delivery": 1}).run_once() == 1
    found = {job.kind: job.error for job in db.read_now(reports.list_jobs)}
    assert found == {"send": "away", "written": None}


@pytest.mark.anyio
async def test_faults_never_end_a_standing_job(db: Database, clock: MovedClock) -> None:
    """What it works lies elsewhere: it would lie there until somebody asks again."""

    async def send(_job: Job) -> Outcome:
        raise ZeroDivisionError

    ask(db, "a")
    worker = Worker(db, {"send": send}, clock)
    for _run in range(20):
        assert await worker.run_once() == 1
        clock.move(hours=1)
    [job] = claim(db)
    assert job.key == "a"


@pytest.mark.anyio
async def test_what_was_foreseen_is_no_fault(db: Database, clock: MovedClock) -> None:
    """A lane that waited for its server many times is not given up for one fault after that."""
    faults = 0

    async def wait(_job: Job) -> Outcome:
        if not faults:
            raise Postpone(timedelta(minutes=1), "away")
        raise ZeroDivisionError

    db.write_now(queue.enqueue, "wait", {})
    worker = Worker(db, {"wait": wait}, clock)
    for _run in range(20):
        assert await worker.run_once() == 1
        clock.move(minutes=1)
    faults = 1
    assert await worker.run_once() == 1
    [job] = db.read_now(reports.list_jobs)
    assert (job.state, job.tries) == ("ready", 2)


def test_a_dead_one_is_woken(db: Database) -> None:
    ask(db, "a")
    db.write_locking_now(queue.bury, claim(db)[0], "somebody gave it up")
    db.write_now(standing.wake, ["a"])
    assert keys(claim(db)) == ["a"]
