"""A timeline full of posts: copies of the rows that one real Announce of a sister left, whatever tables they are in.

Copied are the rows that carry an id of that post; counts that only grow by changes of other rows are not.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from fedi_cluster.kernel.ids import first_id_at
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.tables.actors import actor
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.tables.posts import post
from tests.benchmarks.crowd import FIRST_ID, Row, insert
from tests.benchmarks.inbox import Standing
from tests.benchmarks.measure import CannotRun
from tests.benchmarks.place import Place, Server
from tests.benchmarks.scene import Scene, post_all
from tests.benchmarks.signed import announces

# What waits or was only noted on the way: a worked post has none of it.
_PASSING = frozenset({"job", "inbox_log", "delivery", "lane", "instance"})
_LONG_ID = re.compile(r"(?<![0-9])[0-9]{16,19}(?![0-9])")
_SPAN = timedelta(days=730)
_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that one post left, by table, in the order in which they may be inserted."""

    post_id: int
    published: datetime
    rows: Sequence[tuple[sa.Table, Row]]
    own_ids: frozenset[int]


def take_sample(scene: Scene) -> Sample:
    """Lets a server work one Announce of the sister, and looks which rows are new."""
    with scene.peers([]), scene.fresh() as place:
        before = _rows(place)
        with Server(place) as server:
            counting = Standing(place)
            there = counting.now()
            post_all(place.port, announces(scene.shared_inbox, scene.sample, scene.keys, 1, 1))
            counting.wait(there + 1, 30)
            counting.close()
            server.settle()
        after = _rows(place)
    fresh = {
        name: [row for key, row in rows.items() if key not in before[name]] for name, rows in after.items()
    }
    if len(fresh["post"]) != 1:
        raise CannotRun(f"one Announce left {len(fresh['post'])} posts")
    post_id = int(fresh["post"][0]["id"])
    own_ids = {int(row["id"]) for rows in fresh.values() for row in rows if isinstance(row.get("id"), int)}
    found = [
        (table, row)
        for table in metadata.sorted_tables
        if table.name not in _PASSING
        for row in fresh[table.name]
        if _belongs(row, own_ids, fresh["post"][0]["uri"])
    ]
    return Sample(post_id, fresh["post"][0]["published_at"], found, frozenset(own_ids))


def _rows(place: Place) -> dict[str, dict[tuple[object, ...], Row]]:
    engine = open_engine(place.database_url)
    try:
        with engine.connect() as connection:
            return {
                table.name: {
                    tuple(row[column.name] for column in table.primary_key): dict(row)
                    for row in connection.execute(sa.select(table)).mappings()
                }
                for table in metadata.sorted_tables
            }
    finally:
        engine.dispose()


def _belongs(row: Row, own_ids: set[int], uri: str) -> bool:
    return any(value == uri or (isinstance(value, int) and value in own_ids) for value in row.values())


def add_posts(place: Place, sample: Sample, number: int, accounts: int) -> None:
    """So many posts of so many accounts of the sister, published evenly over the last two years."""
    engine = open_engine(place.database_url)
    try:
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _hurried)
        with engine.connect() as connection:
            with connection.begin():
                authors = _add_accounts(connection, sample, accounts)
            makers = [_Maker(engine.dialect, sample, table, row) for table, row in sample.rows]
            end = datetime.now(UTC) - timedelta(minutes=10)
            for start in range(0, number, _AT_ONCE):
                spots = [
                    _Spot(end - _SPAN * ((number - index) / number), authors[index % len(authors)])
                    for index in range(start, min(start + _AT_ONCE, number))
                ]
                with connection.begin():
                    for maker in makers:
                        connection.exec_driver_sql(maker.statement, [maker.row(spot) for spot in spots])
        if engine.dialect.name == "postgresql":  # its own housekeeping would do it within a minute
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
    finally:
        engine.dispose()


def _hurried(raw: Any, _entry: object) -> None:
    """Nothing of this is worth keeping if the machine stops now."""
    raw.execute("PRAGMA synchronous = OFF").close()


def _add_accounts(connection: sa.Connection, sample: Sample, number: int) -> list[int]:
    """Accounts like the sample's author, with names and ids of their own."""
    author_id = next(row["author_id"] for table, row in sample.rows if table is post)
    known = dict(connection.execute(sa.select(actor).where(actor.c.id == author_id)).mappings().one())
    name = str(known["username"])
    made = []
    for index in range(number):
        fresh = {
            column: value.replace(f"/{name}", f"/{name}{index}") if isinstance(value, str) else value
            for column, value in known.items()
        }
        made.append(fresh | {"id": FIRST_ID + index, "username": f"{name}{index}", "keys": []})
    insert(connection, actor, made)
    return [FIRST_ID + index for index in range(number)]


class _Spot:
    """Where a copy goes: when it was published, by whom, and the id that follows from the moment."""

    def __init__(self, published: datetime, author: int) -> None:
        self.published = published.replace(microsecond=0)
        self.author = author
        self.post_id = first_id_at(published) + 7


class _Maker:
    """Makes the rows of one table from a row of the sample, in the form that the driver takes."""

    def __init__(self, dialect: sa.Dialect, sample: Sample, table: sa.Table, row: Row) -> None:
        compiled = sa.insert(table).compile(dialect=dialect, column_keys=list(row))
        self.statement = str(compiled)
        self._sample = sample
        self._others = {own: place + 1 for place, own in enumerate(sorted(sample.own_ids))}
        self._columns = [(name, self._value(dialect, table, name, value)) for name, value in row.items()]
        self._names = list(compiled.positiontup) if compiled.positional and compiled.positiontup else None

    def row(self, spot: _Spot) -> Any:
        """The row at a spot."""
        made = {name: give(spot) for name, give in self._columns}
        return tuple(made[name] for name in self._names) if self._names else made

    def _value(
        self, dialect: sa.Dialect, table: sa.Table, name: str, value: object
    ) -> Callable[[_Spot], object]:
        kind = table.c[name].type
        bind = kind.dialect_impl(dialect).bind_processor(dialect)
        if isinstance(kind, Moment) and isinstance(value, datetime):
            return (lambda spot: bind(spot.published)) if bind else (lambda spot: spot.published)
        ready = bind(value) if bind and value is not None else value
        if table is post and name == "author_id":
            return lambda spot: spot.author
        if isinstance(ready, int) and ready in self._sample.own_ids:
            step = 0 if ready == self._sample.post_id else self._others[ready]
            return lambda spot: spot.post_id + step
        if isinstance(ready, str) and _LONG_ID.search(ready):
            pattern, steps = _pattern(ready)
            return lambda spot: pattern % tuple([spot.post_id + step for step in steps])
        if isinstance(ready, bytes) and _LONG_ID.search(ready.decode("utf-8", "replace")):
            text, places = _pattern(ready.decode("utf-8"))
            raw = text.encode("utf-8")
            return lambda spot: raw % tuple([spot.post_id + step for step in places])
        return lambda spot: ready


def _pattern(text: str) -> tuple[str, list[int]]:
    """The text with a place for each id of the sister, and how far each lies from the copy's own id: the last
    digits stay, so that they differ."""
    steps = [100 + int(found[0][-4:]) for found in _LONG_ID.finditer(text)]
    return _LONG_ID.sub("%d", text.replace("%", "%%")), steps


def filled(scene: Scene, number: int, accounts: int) -> Place:
    """A database with so many posts, made once for a run and never served itself: `scene.fresh` copies it."""
    known = scene.filled.get(number)
    if known is not None:
        return known
    if scene.shape is None:
        scene.shape = take_sample(scene)
    assert isinstance(scene.shape, Sample)
    place = scene.lasting(f"filled{number}")
    add_posts(place, scene.shape, number, accounts)
    scene.filled[number] = place
    return place
