"""A full or read-only disk: Unavailable with its reason; what was acknowledged stays; then it goes on."""

import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.unit import Reader, Unit
from tests.plugins.databases import PostgresServer
from tests.plugins.disks import SmallDisk
from tests.storage.conftest import Board, MakeDatabase, lines, meta

pytestmark = pytest.mark.anyio

_SAVED_NOT = "cannot save anything right now; please try again later"
_MOST = 20_000

on_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _opened(url: str) -> Database:
    engine = open_engine(url)
    with engine.begin() as connection:
        meta.create_all(connection)
    engine.dispose()
    return Database(url, SystemClock(), IdSource())


def _long(unit: Unit, number: int) -> None:
    """A line with a tail, so that a disk is full soon."""
    unit.connection.execute(sa.insert(lines).values(id=number, text=f"{number:0190}"))


def _ids(reader: Reader) -> list[int]:
    return list(reader.connection.scalars(sa.select(lines.c.id).order_by(lines.c.id)))


async def _until_full(db: Database, first: int) -> tuple[list[int], Unavailable]:
    """Writes until ten were refused (a short one may still fit after a long one); which were taken."""
    kept: list[int] = []
    refused = 0
    for number in range(first, first + _MOST):
        try:
            await db.write(_long, number)
        except Unavailable as error:
            refused += 1
            if refused == 10:
                return kept, error
        else:
            kept.append(number)
    raise AssertionError("the disk was never full")


async def test_sqlite_on_a_full_disk(small_disk: SmallDisk) -> None:
    db = _opened(f"sqlite:///{small_disk.folder}/a.db")
    try:
        await db.write(_long, 0)
        for round_ in (1, 2):  # space comes back and goes again, and nobody opens anything anew
            small_disk.fill()
            kept, error = await _until_full(db, round_ * _MOST)
            assert _SAVED_NOT in error.public or not small_disk.real
            assert ("is full:" if small_disk.real else "is full, or cannot be") in error.detail
            before = await db.read(_ids)
            assert before[len(before) - len(kept) :] == kept
            small_disk.free()
            await db.write(_long, round_)
            assert await db.read(_ids) == sorted([*before, round_])
    finally:
        small_disk.free()
        db.close()


@pytest.fixture
def small_postgres(small_disk: SmallDisk, postgres_server: PostgresServer) -> Iterator[str]:
    """A database of which all tables are on the small disk; where there is none, one like any other."""
    if not small_disk.real:
        name = postgres_server.create()
        yield postgres_server.url(name)
        postgres_server.drop(name)
        return
    owner = pwd.getpwuid(os.stat(postgres_server.folder).st_uid)
    place = small_disk.folder / "space"
    place.mkdir()
    os.chown(place, owner.pw_uid, owner.pw_gid)
    for parent in place.parents:  # the server's user must find the way
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    with postgres_server.admin() as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{place}'")
        admin.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small STRATEGY = FILE_COPY")
    yield postgres_server.url("small")
    small_disk.free()
    postgres_server.drop("small")
    with postgres_server.admin() as admin:
        admin.execute("DROP TABLESPACE small")


@pytest.mark.postgres
async def test_postgresql_on_a_full_disk(small_disk: SmallDisk, small_postgres: str) -> None:
    db = _opened(small_postgres)

    def refuse(unit: Unit) -> None:
        unit.connection.exec_driver_sql("DO $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$")

    try:
        await db.write(_long, 0)
        if small_disk.real:
            small_disk.fill()
            kept, error = await _until_full(db, _MOST)
        else:
            with pytest.raises(Unavailable) as caught:
                await db.write(refuse)
            kept, error = [], caught.value
        assert _SAVED_NOT in error.public
        assert "the disk of PostgreSQL is full" in error.detail
        assert await db.read(_ids) == [0, *kept]
        small_disk.free()
        await db.write(_long, 1)
        assert await db.read(_ids) == [0, 1, *kept]
    finally:
        small_disk.free()
        db.close()


async def test_sqlite_on_a_disk_that_only_reads(small_disk: SmallDisk) -> None:
    if not small_disk.real:
        return  # nothing else keeps root from writing
    url = f"sqlite:///{small_disk.folder}/a.db"
    first = _opened(url)
    await first.write(_long, 0)
    first.close()
    small_disk.only_reads()
    db = Database(url, SystemClock(), IdSource())
    try:
        with pytest.raises(Unavailable) as caught:
            await db.write(_long, 1)
        assert "cannot be opened" in caught.value.detail or "read-only" in caught.value.detail
        small_disk.writes_again()
        await db.write(_long, 1)
        assert await db.read(_ids) == [0, 1]
    finally:
        db.close()


@on_postgres
async def test_postgresql_that_only_reads(db: Database, board: Board) -> None:
    def write(unit: Unit) -> None:
        unit.connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        board.add(unit, "one")

    with pytest.raises(Unavailable, match="PostgreSQL only reads now") as caught:
        await db.write(write)
    assert _SAVED_NOT in caught.value.public
    assert await db.read(board.texts) == []


async def test_a_reader_that_writes_is_a_fault_of_ours(db: Database, board: Board) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await db.read(lambda reader: board.count_up(reader, "x"))  # type: ignore[arg-type]
    with pytest.raises(sa.exc.DBAPIError):
        await db.read(lambda reader: reader.connection.execute(sa.delete(lines)))


@on_sqlite
async def test_a_folder_that_goes_away_is_unavailable(tmp_path: Path, open_database: MakeDatabase) -> None:
    open_database().close()
    (tmp_path / "empty.db").unlink()
    (tmp_path / "empty.db").mkdir()
    db = open_database()
    reading: Callable[[Reader], list[int]] = _ids
    with pytest.raises(Unavailable, match="cannot be opened"):
        await db.read(reading)
