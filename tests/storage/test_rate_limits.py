"""Counts in windows of time: the same for all processes, begun anew when they end, forgotten after that."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.rate_limits import Rate, RateLimits, take, trim
from fedi_cluster.storage.tables.rate_limits import rate_limit
from fedi_cluster.storage.unit import Reader, Unit

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).resolve().parents[2]

_TAKER = """
import sys
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.rate_limits import Rate, take
db = Database(sys.argv[1], SystemClock(), IdSource())
print("ready", flush=True)
sys.stdin.readline()
print(sum(db.write_locking_now(take, "login:ala", Rate(60, 600)) == 0 for _ in range(40)))
db.close()
"""


class _Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


def _rows(reader: Reader) -> int:
    return int(reader.connection.scalar(sa.select(sa.func.count()).select_from(rate_limit)) or 0)


def test_processes_count_together(migrated_url: str) -> None:
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", _TAKER, migrated_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(3)
    ]
    for one in takers:
        assert one.stdout is not None
        assert one.stdout.readline() == "ready\n"
    taken = [one.communicate("go\n", timeout=30)[0] for one in takers]
    assert sum(map(int, taken)) == 60
    assert all(one.returncode == 0 for one in takers)


async def test_a_window_ends_for_all_uses_at_once(migrated_url: str) -> None:
    clock = _Clock()
    db = Database(migrated_url, clock, IdSource())
    here, there = RateLimits(db, clock), RateLimits(db, clock)
    rate = Rate(2, 60)
    try:
        assert [await here.take("a", rate), await there.take("a", rate)] == [0, 0]
        clock.moment += timedelta(seconds=15)
        assert await here.take("a", rate) == 45
        assert await there.take("b", rate) == 0
        before = db.commits
        clock.moment += timedelta(seconds=20)
        assert await here.take("a", rate) == 25
        assert db.commits == before, "what was refused once costs no transaction until the window ends"
        assert await there.take("a", rate) == 25
        clock.moment += timedelta(seconds=25)
        assert [await here.take("a", rate) for _ in range(3)] == [0, 0, 60]
    finally:
        db.close()


async def test_a_clock_that_is_set_back_shuts_nobody_out(migrated_url: str) -> None:
    clock = _Clock()
    db = Database(migrated_url, clock, IdSource())
    limits = RateLimits(db, clock)
    try:
        assert [await limits.take("a", Rate(1, 60)) for _ in range(2)] == [0, 60]
        clock.moment -= timedelta(hours=2)
        assert [await limits.take("a", Rate(1, 60)) for _ in range(2)] == [0, 60]
    finally:
        db.close()


def test_ended_windows_go_and_long_names_fit(migrated_url: str) -> None:
    db = Database(migrated_url, SystemClock(), IdSource())
    try:
        long = "login:" + "ä" * 500

        def both(unit: Unit) -> tuple[int, int, int]:
            first = take(unit, long, Rate(1, 600))
            return first, take(unit, long, Rate(1, 600)), take(unit, long + "x", Rate(1, 600))

        assert [bool(wait) for wait in db.write_locking_now(both)] == [False, True, False]
        db.write_locking_now(trim)
        assert db.read_now(_rows) == 2
        db.write_locking_now(lambda unit: unit.connection.execute(
            sa.update(rate_limit).values(ends_at=unit.now - timedelta(seconds=1))
        ).rowcount)  # fmt: skip
        db.write_locking_now(trim)
        assert db.read_now(_rows) == 0
    finally:
        db.close()
