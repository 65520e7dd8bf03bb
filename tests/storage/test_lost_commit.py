"""PostgreSQL that goes away in the middle: before COMMIT a write is repeated, during COMMIT nobody knows."""

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from fedi_cluster.kernel.errors import Unavailable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader, Unit

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.postgres,
    pytest.mark.parametrize("database_url", ["postgresql"], indirect=True),
]
_END = sa.text("SELECT pg_terminate_backend(pg_backend_pid())")

# The server ends its own connection when it checks, at COMMIT, what was left for then.
_END_AT_COMMIT = """
CREATE TABLE trap (id int);
CREATE FUNCTION spring() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON trap DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION spring();
"""


async def test_before_commit_it_is_repeated(db: Database) -> None:
    runs: list[int] = []

    def write(unit: Unit) -> int:
        runs.append(1)
        if len(runs) < 3:
            unit.connection.execute(_END)
        return int(unit.connection.scalar(sa.text("SELECT 7")) or 0)

    assert await db.write(write) == 7
    assert len(runs) == 3


async def test_also_where_the_function_went_on(db: Database) -> None:
    runs: list[int] = []

    def write(unit: Unit) -> int:
        runs.append(1)
        if len(runs) == 1:
            with pytest.raises(DBAPIError), unit.attempt():
                unit.connection.execute(_END)
        return int(unit.connection.scalar(sa.text("SELECT 7")) or 0)

    assert await db.write(write) == 7
    assert len(runs) == 2


async def test_during_commit_it_is_not_repeated_and_said_to_be_unknown(db: Database) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql(_END_AT_COMMIT)
    runs: list[int] = []
    told: list[int] = []

    def write(unit: Unit) -> None:
        runs.append(1)
        unit.on_commit(lambda: told.append(1))
        unit.connection.execute(sa.text("INSERT INTO trap VALUES (1)"))

    with pytest.raises(Unavailable) as caught:
        await db.write(write)
    assert (caught.value.status, caught.value.again) == (503, True)
    assert "not known whether" in caught.value.public
    assert (len(runs), told) == (1, [])
    assert await db.read(lambda reader: reader.connection.scalar(sa.text("SELECT count(*) FROM trap"))) == 0


async def test_one_lost_connection_tells_of_all_that_wait(db: Database) -> None:
    """After the server was started anew, no read fails only because its connection is of before."""

    def slow(reader: Reader) -> None:
        reader.connection.execute(sa.text("SELECT pg_sleep(0.1)"))

    await asyncio.gather(*(db.read(slow) for _ in range(3)))  # three connections wait now
    with db.engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    for _ in range(3):
        assert await db.read(lambda reader: reader.connection.scalar(sa.text("SELECT 7"))) == 7
