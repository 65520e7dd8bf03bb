"""How many rows a second are committed for good: one writer at a time, against fifty that wait together.

Run it as `python tests/benchmarks/bench_storage.py [URL]`; without a URL it takes a fresh SQLite file. Read
the ratios: absolute figures belong to the machine.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.engine import is_sqlite, open_engine
from fedi_cluster.storage.held import raw
from fedi_cluster.storage.unit import Reader, Unit

SECONDS = 2.0
_meta = sa.MetaData()
_rows = sa.Table(
    "bench_rows",
    _meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("uri", sa.String(200), unique=True),
    sa.Column("body", sa.Text),
)
_insert = sa.insert(_rows)
_BODY = "x" * 1500


def by_core(unit: Unit) -> None:
    """One row by SQLAlchemy Core."""
    identifier = unit.new_id()
    unit.connection.execute(_insert, {"id": identifier, "uri": f"https://a/{identifier}", "body": _BODY})


def by_cursor(unit: Unit) -> None:
    """One row on the binding's own cursor, as measured hot paths may."""
    identifier = unit.new_id()
    raw(unit.connection).execute(
        "INSERT INTO bench_rows (id, uri, body) VALUES (?, ?, ?)",
        (identifier, f"https://a/{identifier}", _BODY),
    ).close()


def newest(reader: Reader) -> int:
    """Twenty rows by Core."""
    return len(reader.connection.execute(sa.select(_rows).order_by(_rows.c.id.desc()).limit(20)).all())


async def _writes(db: Database, write: Callable[[Unit], None], waiting: int) -> tuple[float, float]:
    """Rows a second, and rows a commit, with `waiting` callers at once."""
    before, done, end = db.commits, 0, time.perf_counter() + SECONDS

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await db.write(write)
            done += 1

    begun = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(waiting)))
    return done / (time.perf_counter() - begun), done / (db.commits - before)


async def _reads(db: Database) -> tuple[float, float]:
    """Microseconds of a read of twenty rows: awaited on a reader thread, and in the calling thread."""
    rounds = 1000
    begun = time.perf_counter()
    for _ in range(rounds):
        await db.read(newest)
    awaited = time.perf_counter()
    for _ in range(rounds):
        db.read_now(newest)
    ended = time.perf_counter()
    return (awaited - begun) / rounds * 1e6, (ended - awaited) / rounds * 1e6


async def _measure(url: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        _meta.create_all(connection)
    engine.dispose()
    db = Database(url, SystemClock(), IdSource())
    kinds = {"Core": by_core, "raw cursor": by_cursor} if is_sqlite(db.engine) else {"Core": by_core}
    try:
        for name, write in kinds.items():
            alone, _ = await _writes(db, write, 1)
            print(f"{name:10}   1 waiting  {alone:8,.0f} rows/s")
            for waiting in (10, 50, 200):
                rate, group = await _writes(db, write, waiting)
                print(
                    f"{name:10} {waiting:3} waiting  {rate:8,.0f} rows/s"
                    f"  x{rate / alone:.1f}  {group:5.1f} rows a commit"
                )
        awaited, direct = await _reads(db)
        print(f"read of 20 rows: awaited {awaited:.0f} us, in place {direct:.0f} us")
    finally:
        db.close()


def main() -> None:
    """Measure the given database, or a fresh SQLite file beside this one's temporary files."""
    if len(sys.argv) > 1:
        asyncio.run(_measure(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_measure(f"sqlite:///{folder}/bench.db"))


if __name__ == "__main__":
    main()
