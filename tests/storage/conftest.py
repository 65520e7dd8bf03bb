"""Two small tables of our own, so that storage is tested without the community's."""

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.unit import React, Reader, Unit

MakeDatabase = Callable[..., Database]

meta = sa.MetaData()
lines = sa.Table(
    "lines",
    meta,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("text", sa.String(200), unique=True),
    sa.Column("parent", sa.ForeignKey("lines.id", deferrable=True, initially="DEFERRED")),
)
counters = sa.Table(
    "counters", meta, sa.Column("name", sa.String(20), primary_key=True), sa.Column("n", sa.Integer)
)


class Board:
    """The acts and questions of these tests."""

    @staticmethod
    def add(unit: Unit, text: str, parent: int | None = None) -> int:
        """A new line; records its text as a fact."""
        identifier = unit.new_id()
        unit.connection.execute(sa.insert(lines).values(id=identifier, text=text, parent=parent))
        unit.record(text)
        return identifier

    @staticmethod
    def texts(reader: Reader) -> list[str]:
        """All lines in order."""
        return list(reader.connection.scalars(sa.select(lines.c.text).order_by(lines.c.id)))

    @staticmethod
    def count_up(unit: Unit, name: str) -> int:
        """Read, think, write: the order that loses updates where transactions do not hold."""
        n = unit.connection.scalar(sa.select(counters.c.n).where(counters.c.name == name)) or 0
        unit.connection.execute(sa.update(counters).where(counters.c.name == name).values(n=n + 1))
        return n + 1

    @staticmethod
    def start_counter(unit: Unit, name: str) -> None:
        """A counter at zero."""
        unit.connection.execute(sa.insert(counters).values(name=name, n=0))


@pytest.fixture
def board() -> type[Board]:
    return Board


@pytest.fixture
def prepared_url(database_url: str) -> str:
    """A database that has the tables of this file."""
    engine = open_engine(database_url)
    with engine.begin() as connection:
        meta.create_all(connection)
    engine.dispose()
    return database_url


@pytest.fixture
def open_database(prepared_url: str) -> Iterator[MakeDatabase]:
    """Opens the prepared database, as often as asked; all are closed at the end."""
    opened: list[Database] = []

    def make(react: React | None = None) -> Database:
        opened.append(Database(prepared_url, SystemClock(), IdSource(), react))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


@pytest.fixture
def db(open_database: MakeDatabase) -> Database:
    return open_database()


@pytest.fixture
def embedded(db: Database) -> bool:
    """Whether this run is on SQLite."""
    return db.engine.dialect.name == "sqlite"
