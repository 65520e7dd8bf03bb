"""What a killed process and a wrong clock leave behind is put right, and nothing else is touched."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from fedi_cluster.jobs import mending, queue, reports, standing, worker
from fedi_cluster.storage.database import Database
from tests.jobs.clock import MovedClock

LEASE = timedelta(seconds=30)


def _ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_only_the_certainly_dead_are_dead() -> None:
    host = mending.worker_name().rpartition(":")[0]
    assert mending.is_dead(f"{host}:{_ended_process()}")
    assert mending.is_dead(mending.worker_name()), "it had our number before us"
    assert not mending.is_dead(f"{host}:{os.getppid()}")
    assert not mending.is_dead(f"elsewhere:{_ended_process()}")
    for odd in ("", "one", f"{host}:", f"{host}:x", f"{host}:1:2"):
        assert not mending.is_dead(odd)


def test_the_jobs_of_the_dead_are_due_at_once(db: Database) -> None:
    for n in range(4):
        db.write_now(queue.enqueue, "do", {"n": n})
    db.write_locking_now(queue.claim, "dead", 2, LEASE)
    db.write_locking_now(queue.claim, "alive", 1, LEASE)
    assert db.write_locking_now(mending.free_leases, lambda worker: worker == "dead") == 2
    assert db.write_locking_now(mending.free_leases, lambda worker: worker == "dead") == 0
    again = db.write_locking_now(queue.claim, "one", 9, LEASE)
    assert [job.payload["n"] for job in again] == [0, 1, 3]


def test_what_a_clock_ahead_decided_is_due(db: Database, clock: MovedClock) -> None:
    clock.move(days=365)
    db.write_now(queue.enqueue, "postponed", {})
    db.write_now(queue.enqueue, "leased", {})
    [postponed, _leased] = db.write_locking_now(queue.claim, "one", 9, LEASE)
    db.write_locking_now(queue.postpone, postponed, clock.now() + timedelta(minutes=1), "away")
    db.write_now(queue.enqueue, "fresh", {})
    db.write_locking_now(standing.stand, "standing", {"key": {}})
    clock.move(days=-365)
    assert db.write_locking_now(queue.claim, "one", 9, LEASE) == []
    assert db.write_locking_now(mending.free_the_future, LEASE) == 4
    assert {job.kind for job in db.write_locking_now(queue.claim, "one", 9, LEASE)} == {
        "postponed", "leased", "fresh", "standing",
    }  # fmt: skip
    assert db.write_locking_now(mending.free_the_future, LEASE) == 0


def test_clocks_may_differ_by_as_much_as_the_page_says(db: Database, clock: MovedClock) -> None:
    page = (Path(__file__).parents[2] / "docs" / "processes.md").read_text("utf-8")
    left = worker.LEASE * 2 / 3
    assert f"a lease of {worker.LEASE.total_seconds():.0f} seconds" in page
    assert f"renewed when {left.total_seconds():.0f} seconds of them are left" in page
    assert f"more than {mending.TOLERANCE.total_seconds():.0f} seconds ahead is due at once" in page
    db.write_now(queue.enqueue, "do", {})
    db.write_locking_now(queue.claim, "one", 1, worker.LEASE)
    clock.move(seconds=10)  # its next renewal is due
    clock.move(seconds=left.total_seconds() - 1)
    assert db.write_locking_now(queue.claim, "ahead", 1, worker.LEASE) == []
    clock.move(seconds=-left.total_seconds() - 9 - mending.TOLERANCE.total_seconds())
    assert db.write_locking_now(mending.free_the_future, worker.LEASE) == 0
    clock.move(seconds=-1)
    assert db.write_locking_now(mending.free_the_future, worker.LEASE) == 1


def test_what_waits_by_a_right_clock_goes_on_waiting(db: Database, clock: MovedClock) -> None:
    db.write_now(lambda unit: queue.enqueue(unit, "later", {}, run_at=unit.now + timedelta(days=9)))
    db.write_now(queue.enqueue, "postponed", {})
    [job] = db.write_locking_now(queue.claim, "one", 9, LEASE)
    db.write_locking_now(queue.postpone, job, clock.now() + timedelta(hours=12), "away")
    assert db.write_locking_now(mending.free_the_future, LEASE) == 0
    assert len(db.read_now(reports.list_jobs)) == 2
