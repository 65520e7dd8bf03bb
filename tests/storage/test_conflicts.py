"""Where two write at once, and where the database is away."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.unit import Unit

Board = Any  # the class in conftest.py, which cannot be imported from here
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


async def test_read_then_write_loses_nothing(db: Database, board: Board) -> None:
    await db.write(board.start_counter, "hits")
    await asyncio.gather(*(db.write(board.count_up, "hits") for _ in range(60)))
    assert await db.write(board.count_up, "hits") == 61


@on_postgresql
async def test_a_conflict_runs_the_function_again(db: Database, board: Board) -> None:
    await db.write(board.start_counter, "n")
    meeting = threading.Barrier(2, timeout=10)
    runs: list[int] = []
    told: list[int] = []

    def meet(unit: Unit) -> int:
        runs.append(1)
        unit.on_commit(lambda: told.append(1))
        unit.connection.scalar(sa.text("SELECT n FROM counters"))
        if len(runs) <= 2:
            meeting.wait()
        return int(board.count_up(unit, "n"))

    assert sorted(await asyncio.gather(db.write(meet), db.write(meet))) == [1, 2]
    assert len(runs) >= 3
    assert len(told) == 2


@on_postgresql
async def test_a_conflict_without_end_is_unavailable(db: Database) -> None:
    runs: list[int] = []

    def never(unit: Unit) -> None:
        runs.append(1)
        unit.connection.execute(sa.text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

    with pytest.raises(Unavailable):
        await db.write(never)
    assert len(runs) == 11


async def test_workers_that_lock_take_different_rows(db: Database, board: Board, embedded: bool) -> None:
    meeting = threading.Barrier(1 if embedded else 3, timeout=10)
    for n in range(3):
        await db.write(board.add, f"job {n}")

    def claim(unit: Unit) -> str:
        table = sa.table("lines", sa.column("id"), sa.column("text"))
        free = sa.select(table).where(table.c.text.like("job%")).order_by(table.c.id).limit(1)
        row = unit.connection.execute(free.with_for_update(skip_locked=True)).one()
        meeting.wait()
        unit.connection.execute(sa.update(table).where(table.c.id == row.id).values(text=f"done {row.text}"))
        return str(row.text)

    claimed = await asyncio.gather(*(db.write_locking(claim) for _ in range(3)))
    assert sorted(claimed) == ["job 0", "job 1", "job 2"]


@on_postgresql
async def test_a_lost_connection_is_replaced(db: Database, board: Board) -> None:
    await db.write(board.add, "before")
    await db.read(board.texts)
    engine = open_engine(db.engine.url.render_as_string(hide_password=False))
    with engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    engine.dispose()
    assert await db.read(board.texts) == ["before"]
    await db.write(board.add, "after")
    assert await db.read(board.texts) == ["before", "after"]


@on_sqlite
async def test_a_database_locked_by_somebody_else_is_unavailable(
    db: Database, board: Board, prepared_url: str
) -> None:
    await db.write(board.add, "before")
    other = open_engine(prepared_url)
    with other.connect() as connection, connection.begin():
        begun = time.monotonic()
        with pytest.raises(Unavailable) as caught:
            await db.write(board.add, "never")
        assert 4 < time.monotonic() - begun < 20
        assert caught.value.again
        assert await db.read(board.texts) == ["before"]
    other.dispose()
    await db.write(board.add, "after")
    assert await db.read(board.texts) == ["before", "after"]


_WRITER = """
import sys, time
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
import sqlalchemy as sa
db = Database(sys.argv[1], SystemClock(), IdSource())
def up(unit):
    n = unit.connection.scalar(sa.text("SELECT n FROM counters"))
    unit.connection.execute(sa.text("UPDATE counters SET n = :n"), {"n": n + 1})
print("ready", flush=True)
for _ in range(100):
    db.write_now(up)
    time.sleep(0.003)
db.close()
"""


async def test_two_processes_write_one_database(db: Database, board: Board, prepared_url: str) -> None:
    await db.write(board.start_counter, "shared")
    command = [sys.executable, "-c", _WRITER, prepared_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as other:  # noqa: ASYNC220
        try:
            assert other.stdout is not None
            await asyncio.to_thread(other.stdout.readline)
            for _ in range(100):
                await db.write(board.count_up, "shared")
                await asyncio.sleep(0.003)
            assert await asyncio.to_thread(other.wait, 60) == 0
        finally:
            other.kill()
    assert await db.write(board.count_up, "shared") == 201
