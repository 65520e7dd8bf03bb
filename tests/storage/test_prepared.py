"""Prepared statements give what SQLAlchemy gives, on both engines, and fail as it does."""

from datetime import UTC, datetime
from pathlib import Path

import apsw
import pytest
from sqlalchemy import bindparam, column, insert, select, table, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.among import among
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.migrate import upgrade
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.base import BigId, Moment
from fedi_cluster.storage.tables.instances import instance
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.tables.rate_limits import rate_limit
from fedi_cluster.storage.unit import Reader, Unit

MOMENT = datetime(2026, 11, 26, 9, 0, 0, 123456, UTC)
ADD = Prepared(insert(job), ("id", "kind", "payload", "run_at", "created_at"))
BY_ID = Prepared(
    select(job.c.id, job.c.payload, job.c.run_at, job.c.error, job.c.state).where(
        job.c.id == bindparam("id", type_=BigId)
    )
)
ALL = Prepared(select(job.c.id).order_by(job.c.id))


@pytest.fixture
def db(migrated_url: str) -> Database:
    """A migrated database, closed by its own end."""
    return Database(migrated_url, SystemClock(), IdSource())


@pytest.fixture
def apsw_db(tmp_path: Path) -> Database:
    """A migrated database of SQLite, closed by its own end."""
    url = f"sqlite:///{tmp_path}/steps.sqlite"
    upgrade(url)
    return Database(url, SystemClock(), IdSource())


def row(number: int) -> dict[str, object]:
    return {
        "id": number,
        "kind": "k",
        "payload": {"ü": [1, None]},
        "run_at": MOMENT,
        "created_at": MOMENT,
    }


def test_values_come_back_as_they_went(db: Database) -> None:
    assert db.write_now(lambda unit: ADD.run(unit, [row(2**62), row(1)])) == 2
    found = db.read_now(lambda reader: BY_ID.first(reader, id=2**62))
    assert found == (2**62, {"ü": [1, None]}, MOMENT, None, "ready")
    assert db.read_now(lambda reader: BY_ID.first(reader, id=3)) is None
    assert db.read_now(lambda reader: BY_ID.scalar(reader, id=3)) is None
    assert db.read_now(ALL.all) == [(1,), (2**62,)]
    assert db.read_now(ALL.scalar) == 1
    db.close()


def test_the_same_as_sqlalchemy_says(db: Database) -> None:
    db.write_now(lambda unit: ADD.run(unit, [row(7)]))

    def read(reader: Reader) -> tuple[object, object]:
        usual = reader.connection.execute(select(job).where(job.c.id == 7)).one()
        whole = Prepared(select(job).where(job.c.id == bindparam("id", type_=BigId)))
        return tuple(usual), whole.first(reader, id=7)

    usual, prepared = db.read_now(read)
    assert usual == prepared
    db.close()


def test_writes_count_and_types_apply(db: Database) -> None:
    later = Prepared(
        update(job)
        .where(job.c.id == bindparam("which", type_=BigId))
        .values(run_at=bindparam("moment", type_=Moment), error=bindparam("why"))
    )
    db.write_now(lambda unit: ADD.run(unit, [row(1), row(2)]))
    changes = [{"which": n, "moment": MOMENT.replace(year=2030), "why": None} for n in (1, 2, 9)]
    assert db.write_now(lambda unit: later.run(unit, changes)) == 2
    assert db.write_now(lambda unit: later.run(unit, [])) == 0
    assert db.read_now(lambda reader: BY_ID.first(reader, id=1))[2].year == 2030  # type: ignore[index]
    naive = {"which": 1, "moment": datetime(2026, 1, 1), "why": None}
    with pytest.raises(ValueError, match="without a time zone"):
        db.write_now(lambda unit: later.run(unit, [naive]))
    db.close()


@pytest.mark.parametrize("number", [3, 4, 5, 16, 37])
def test_many_rows_are_written_each_once(db: Database, number: int) -> None:
    rows = [row(n) for n in range(number)]
    assert db.write_now(lambda unit: ADD.run(unit, rows)) == number
    assert [found for (found,) in db.read_now(ALL.all)] == list(range(number))
    last = db.read_now(lambda reader: BY_ID.first(reader, id=number - 1))
    assert last == (number - 1, {"ü": [1, None]}, MOMENT, None, "ready")
    with pytest.raises(IntegrityError):
        db.write_now(lambda unit: ADD.run(unit, [row(n) for n in range(number, 2 * number)] + [row(0)]))
    assert len(db.read_now(ALL.all)) == number
    db.close()


def test_rows_of_an_insert_share_steps_where_they_may(apsw_db: Database) -> None:
    put = Upsert(
        rate_limit,
        ("bucket",),
        lambda new: {"count": rate_limit.c.count + bindparam("step"), "ends_at": new.ends_at},
        where=rate_limit.c.count != 99,
    )
    steps: list[str] = []

    def write(unit: Unit, different: bool) -> int:
        assert unit.driver is not None
        unit.driver.driver_connection.trace_v2(apsw.SQLITE_TRACE_STMT, lambda told: steps.append(told["sql"]))
        rows = [
            {"bucket": f"b{n}", "count": n, "ends_at": MOMENT, "step": n if different else 5}
            for n in range(22)
        ]
        try:
            return put.run(unit, rows)
        finally:
            unit.driver.driver_connection.trace_v2(0, None)

    counts = Prepared(select(rate_limit.c.count).order_by(rate_limit.c.count))
    assert apsw_db.write_now(write, different=False) == 22
    assert len(steps) == 4  # sixteen, four, and two alone
    assert apsw_db.write_now(write, different=False) == 22
    assert [found for (found,) in apsw_db.read_now(counts.all)] == [n + 5 for n in range(22)]
    steps.clear()
    assert apsw_db.write_now(write, different=True) == 22
    assert len(steps) == 22
    assert [found for (found,) in apsw_db.read_now(counts.all)] == [2 * n + 5 for n in range(22)]
    apsw_db.close()


def test_a_parameter_that_is_missing_or_unknown_is_named(db: Database) -> None:
    whole = row(1)
    part = {name: value for name, value in whole.items() if name != "payload"}
    both = Prepared(select(job.c.id).where(job.c.id == bindparam("id", type_=BigId), job.c.state == "ready"))
    for rows, name in (
        ([part], "payload"),
        ([whole, part], "payload"),  # also where the rows before it were right
        ([whole | {"sort": "k"}], "sort"),
        ([whole | {"error": "e"}], "error"),  # a column, but none of those that this INSERT gives
    ):
        with pytest.raises(KeyError, match=rf"^'{name}'$"):
            db.write_now(lambda unit, given=rows: ADD.run(unit, given))  # type: ignore[misc]
    assert db.read_now(ALL.all) == []
    db.write_now(lambda unit: ADD.run(unit, [whole, dict(reversed(whole.items())) | {"id": 2}]))
    assert db.read_now(ALL.all) == [(1,), (2,)]  # the order of names is nobody's business
    for _again in range(2):
        with pytest.raises(KeyError, match=r"^'id'$"):
            db.read_now(both.all)
        with pytest.raises(KeyError, match=r"^'ids'$"):
            db.read_now(lambda reader: both.all(reader, id=1, ids=2))
        assert db.read_now(lambda reader: both.first(reader, id=1)) == (1,)
    db.close()


def test_an_insert_without_columns_gives_all(db: Database) -> None:
    put = Prepared(insert(rate_limit))
    given = {"bucket": "b", "count": 1, "ends_at": MOMENT}
    assert db.write_now(lambda unit: put.run(unit, [given])) == 1
    with pytest.raises(KeyError, match=r"^'count, ends_at'$"):
        db.write_now(lambda unit: put.run(unit, [{"bucket": "c"}]))
    db.close()


def test_faults_are_those_of_sqlalchemy(db: Database) -> None:
    db.write_now(lambda unit: ADD.run(unit, [row(1)]))
    with pytest.raises(IntegrityError):
        db.write_now(lambda unit: ADD.run(unit, [row(1)]))
    nowhere = Prepared(select(bindparam("x")).select_from(job.alias("a")).where(job.c.id > 0))
    assert db.read_now(lambda reader: nowhere.all(reader, x="y")) == [("y",)]

    def attempt(unit: Unit) -> int:
        with pytest.raises(IntegrityError), unit.attempt():
            ADD.run(unit, [row(2), row(1)])
        return ADD.run(unit, [row(3)])

    assert db.write_now(attempt) == 1
    assert db.read_now(ALL.all) == [(1,), (3,)]
    db.close()


def test_a_statement_of_a_table_that_is_not_there(db: Database) -> None:
    lost = Prepared(select(column("id")).select_from(table("not_there", column("id"))))
    with pytest.raises((OperationalError, ProgrammingError)):
        db.read_now(lost.all)
    db.close()


def test_an_upsert_changes_its_twin_and_nothing_else(db: Database) -> None:
    put = Upsert(instance, ("host",), lambda new: {"software": new.software})
    leave = Upsert(instance, ("host",))
    first = {"host": "a.example", "software": "one", "first_seen_at": MOMENT}
    later = {**first, "software": "two", "first_seen_at": MOMENT.replace(year=2030)}
    for statement, rows in ((put, [first]), (put, [later, {**later, "host": "b.example"}]), (leave, [first])):
        db.write_now(lambda unit, s=statement, r=rows: s.run(unit, r))  # type: ignore[misc]
    known = Prepared(select(instance.c.host, instance.c.software, instance.c.first_seen_at))
    assert sorted(db.read_now(known.all)) == [
        ("a.example", "two", MOMENT),
        ("b.example", "two", MOMENT.replace(year=2030)),
    ]
    db.close()


def test_an_upsert_says_what_stands_there_and_whom_it_left_alone(db: Database) -> None:
    put = Upsert(
        rate_limit,
        ("bucket",),
        lambda new: {"count": rate_limit.c.count + bindparam("step"), "ends_at": new.ends_at},
        where=rate_limit.c.count < bindparam("most"),
        returning=("count", "ends_at"),
    )
    given = {"bucket": "b", "count": 1, "ends_at": MOMENT, "step": 2, "most": 4}
    said = [db.write_now(lambda unit: put.first(unit, given)) for _ in range(4)]
    assert said == [(1, MOMENT), (3, MOMENT), (5, MOMENT), None]
    with pytest.raises(KeyError, match=r"^'most'$"):
        db.write_now(lambda unit: put.first(unit, {k: v for k, v in given.items() if k != "most"}))
    db.close()


@pytest.mark.parametrize("number", [0, 1, 2, 500])
def test_one_of_several_is_one_parameter(db: Database, number: int) -> None:
    rows = [
        {"host": f"h{n}.example", "software": "ü'\"{", "first_seen_at": MOMENT} for n in range(number + 1)
    ]
    put = Upsert(instance, ("host",))
    db.write_now(lambda unit: put.run(unit, rows))
    some = Prepared(select(instance.c.host).where(among(instance.c.host, "hosts")).order_by(instance.c.host))
    wanted = [f"h{n}.example" for n in range(number)] + ["nobody's.example", 'a"b']
    found = db.read_now(lambda reader: some.all(reader, hosts=wanted))
    assert [host for (host,) in found] == sorted(f"h{n}.example" for n in range(number))
    odd = Prepared(select(instance.c.host).where(among(instance.c.software, "said")))
    assert len(db.read_now(lambda reader: odd.all(reader, said=["ü'\"{"]))) == number + 1
    db.close()
