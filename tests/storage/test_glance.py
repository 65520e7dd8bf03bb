"""A look says at once whether anything, or one row, has changed; on both engines, whoever wrote."""

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.glance import RowStamp
from fedi_cluster.storage.tables.instances import instance
from fedi_cluster.storage.tables.posts import tombstone
from fedi_cluster.storage.unit import Unit

pytestmark = pytest.mark.anyio

_numbers = sa.Table(
    "numbers", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("said", sa.Text)
)
STAMP = RowStamp(sa.select(_numbers.c.said).where(_numbers.c.id == sa.bindparam("id", type_=sa.Integer)))


@pytest.fixture
def two(migrated_url: str):  # type: ignore[no-untyped-def]
    """Two processes' doors to one database, with a table of their own."""
    made = [Database(migrated_url, SystemClock(), IdSource(), readers=1, writers=1) for _ in range(2)]
    made[0].write_now(lambda unit: _numbers.create(unit.connection))
    made[0].write_now(lambda unit: unit.connection.execute(_numbers.insert().values(id=1, said="one")))
    yield made
    for one in made:
        one.close()


def _say(unit: Unit, said: str) -> None:
    unit.connection.execute(_numbers.update().values(said=said))


async def test_the_version_moves_with_every_commit_and_only_then(two: list[Database]) -> None:
    here, there = two
    seen = await here.glance.version()
    assert seen is not None
    assert await here.glance.version() == seen
    await here.read(lambda reader: reader.connection.execute(sa.select(instance.c.host)).all())
    assert await here.glance.version() == seen
    for number, writer in enumerate((here, there, here)):
        await writer.write(_say, f"again {number}")
        fresh = await here.glance.version()
        assert fresh != seen
        seen = fresh
    with pytest.raises(ZeroDivisionError):
        await here.write(lambda unit: 1 // 0)
    assert await here.glance.version() == seen


async def test_a_row_is_as_its_transaction_saw_it_until_somebody_changes_it(two: list[Database]) -> None:
    here, there = two
    seen = await here.read(lambda reader: STAMP.read(reader, 1))
    assert seen == ("one",) == await here.glance.row(STAMP, 1)
    values = {"uri": "u:1", "host": "h", "deleted_at": SystemClock().now()}
    await there.write(lambda unit: unit.connection.execute(tombstone.insert().values(**values)))
    assert await here.glance.row(STAMP, 1) == seen
    await there.write(_say, "two")
    assert await here.glance.row(STAMP, 1) == ("two",)
    assert await here.glance.row(STAMP, 2) is None


async def test_where_nothing_can_be_read_nothing_is_known(two: list[Database]) -> None:
    here, _ = two
    assert await here.glance.row(STAMP, 1) is not None
    here.close()
    assert await here.glance.row(STAMP, 1) is None
    assert await here.glance.version() is None
