"""Workers in processes of their own: sharing the queue on PostgreSQL, killed without warning on both."""

import signal
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import func, select

from fedi_cluster.jobs import queue, reports
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.unit import Reader, Unit
from tests.jobs import worker_process

ROOT = Path(worker_process.__file__).parents[2]


def start(url: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "tests.jobs.worker_process", url], cwd=ROOT)


def enqueue(unit: Unit, count: int, lanes: int) -> list[int]:
    return [queue.enqueue(unit, "note", {}, lane=f"lane-{n % lanes}") for n in range(count)]


def effects(reader: Reader) -> dict[int, tuple[str, int, int]]:
    rows = reader.connection.execute(select(identity.c.name, identity.c.value))
    parts = {int(row.name): row.value.split() for row in rows}
    return {identifier: (lane, int(begun), int(ended)) for identifier, (lane, begun, ended) in parts.items()}


def effect_count(reader: Reader) -> int:
    return reader.connection.execute(select(func.count()).select_from(identity)).scalar_one()


def assert_lanes_in_order(done: dict[int, tuple[str, int, int]]) -> None:
    lanes: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for _, (lane, begun, ended) in sorted(done.items()):
        lanes[lane].append((begun, ended))
    for times in lanes.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(times))


@pytest.mark.parametrize(
    "migrated_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_two_processes_share_the_queue(db: Database, migrated_url: str) -> None:
    """No job twice, none forgotten, every lane in order and one at a time; half of it arrives meanwhile."""
    real = Database(migrated_url, SystemClock(), IdSource())
    made = real.write_now(enqueue, 250, 20)
    workers = [start(migrated_url) for _ in range(2)]
    for _ in range(25):
        made += real.write_now(enqueue, 10, 20)
        time.sleep(0.02)
    assert [worker.wait(60) for worker in workers] == [0, 0]
    # A worker ends when it finds nothing: what came later than that is done here.
    if real.read_now(reports.list_jobs):
        assert start(migrated_url).wait(60) == 0
    done = real.read_now(effects)
    assert sorted(done) == made
    assert real.read_now(reports.list_jobs) == []
    assert_lanes_in_order(done)
    real.close()


def test_killed_workers_lose_nothing_and_repeat_no_effect(db: Database, migrated_url: str) -> None:
    real = Database(migrated_url, SystemClock(), IdSource())
    made = real.write_now(enqueue, 300, 5)
    for part in (20, 60, 120):
        worker = start(migrated_url)
        until = time.monotonic() + 30
        while real.read_now(effect_count) < part:
            assert worker.poll() is None
            assert time.monotonic() < until
            time.sleep(0.002)
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert real.read_now(reports.counts).waiting > 0
    assert start(migrated_url).wait(60) == 0
    done = real.read_now(effects)
    assert sorted(done) == made
    assert real.read_now(reports.list_jobs) == []
    assert_lanes_in_order(done)
    real.close()
