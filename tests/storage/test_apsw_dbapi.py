"""The binding over apsw does what SQLAlchemy's SQLite dialect and Alembic expect of a DBAPI module."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from fedi_cluster.storage import apsw_dbapi

meta = sa.MetaData()
towns = sa.Table(
    "towns",
    meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), nullable=False, unique=True),
    sa.Column("founded", sa.DateTime),
    sa.Column("seal", sa.LargeBinary),
    sa.Column("size", sa.Float),
    sa.Column("facts", sa.JSON),
    sa.Column("open", sa.Boolean),
    sa.CheckConstraint("size > 0", name="size_positive"),
)
streets = sa.Table(
    "streets",
    meta,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("town", sa.ForeignKey("towns.id"), nullable=False, index=True),
)


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    made = sa.create_engine("sqlite://", module=apsw_dbapi)
    with made.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")
        meta.create_all(connection)
    yield made
    made.dispose()


@pytest.fixture
def db() -> Iterator[apsw_dbapi.Connection]:
    connection = apsw_dbapi.connect(":memory:")
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE)")
    yield connection
    connection.close()


def test_the_interpreters_sqlite_is_not_loaded_beside_ours() -> None:
    code = "import sys, fedi_cluster.storage.database; sys.exit('_sqlite3' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_every_kind_of_value_comes_back(engine: sa.Engine) -> None:
    row = {
        "id": 2**62,
        "name": "Święta Gęś 🦢",
        "founded": datetime(1243, 4, 3, 12, 30, 1, 250_000),
        "seal": b"\x00\xff",
        "size": 1.5,
        "facts": {"list": [1, None, "ž"]},
        "open": True,
    }
    with engine.begin() as connection:
        connection.execute(sa.insert(towns), row)
        assert connection.execute(sa.select(towns)).mappings().one() == row
        stored = connection.exec_driver_sql("SELECT founded FROM towns").scalar_one()
    assert stored == "1243-04-03 12:30:01.250000"


def test_returning_one_row_and_many(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        one = connection.execute(sa.insert(towns).values(name="A").returning(towns.c.id, towns.c.name))
        assert one.one() == (1, "A")
        many = connection.execute(
            sa.insert(towns).returning(towns.c.id, sort_by_parameter_order=True),
            [{"name": f"T{n}"} for n in range(1500)],
        )
        assert many.scalars().all() == list(range(2, 1502))
        nothing = connection.execute(
            sa.update(towns).where(towns.c.id == 9999).values(name="B").returning(towns.c.id)
        )
        assert nothing.all() == []


def test_an_unread_returning_does_not_stand_in_the_way_of_commit(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO towns (name) VALUES ('A'), ('B') RETURNING id")
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(towns)) == 2


def test_inserted_primary_key_and_row_counts(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        first = connection.execute(sa.insert(towns).values(name="A"))
        assert first.inserted_primary_key == (1,)
        assert connection.execute(sa.insert(towns), [{"name": "B"}, {"name": "C"}]).rowcount == 2
        assert connection.execute(sa.update(towns).values(size=2.0)).rowcount == 3
        assert connection.execute(sa.delete(towns).where(towns.c.name == "nobody")).rowcount == 0
        changed = connection.execute(
            sa.update(towns).where(towns.c.name == sa.bindparam("who")).values(size=3.0),
            [{"who": "A"}, {"who": "nobody"}, {"who": "C"}],
        )
        assert changed.rowcount == 2
        assert connection.execute(sa.select(towns.c.id)).rowcount == -1


@pytest.mark.parametrize(
    ("row", "text", "code"),
    [
        ({"id": 9, "name": "A"}, "UNIQUE constraint failed: towns.name", 2067),
        ({"id": 1, "name": "Z"}, "UNIQUE constraint failed: towns.id", 1555),
        ({"name": None}, "NOT NULL constraint failed: towns.name", 1299),
        ({"name": "Z", "size": -1}, "CHECK constraint failed: size_positive", 275),
    ],
)
def test_broken_constraints_are_integrity_errors(
    engine: sa.Engine, row: dict[str, object], text: str, code: int
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(towns).values(id=1, name="A"))
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError) as caught:
        connection.execute(sa.insert(towns).values(**row))
    assert str(caught.value.orig) == text
    assert isinstance(caught.value.orig, apsw_dbapi.IntegrityError)
    assert caught.value.orig.sqlite_errorcode == code


def test_foreign_keys_are_integrity_errors(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY constraint"):
        connection.execute(sa.insert(streets).values(town=5))


def test_columns_of_an_empty_result(db: apsw_dbapi.Connection) -> None:
    cursor = db.execute("SELECT a, b AS c FROM t")
    assert cursor.description is not None
    assert [column[0] for column in cursor.description] == ["a", "c"]
    assert all(len(column) == 7 for column in cursor.description)
    assert cursor.fetchall() == []
    assert cursor.fetchone() is None
    cursor.execute("UPDATE t SET b = 1 RETURNING b")
    assert cursor.description is not None
    assert cursor.description[0][0] == "b"
    cursor.execute("DELETE FROM t")
    assert cursor.description is None


def test_fetching_in_pieces(db: apsw_dbapi.Connection) -> None:
    cursor = db.cursor()
    cursor.executemany("INSERT INTO t (b) VALUES (?)", [(str(n),) for n in range(7)])
    assert cursor.rowcount == 7
    assert cursor.lastrowid == 7
    for sql in ("SELECT a FROM t ORDER BY a", "UPDATE t SET b = b || 'x' RETURNING a"):
        cursor.execute(sql)
        assert cursor.fetchone() == (1,)
        assert cursor.fetchmany() == [(2,)]
        assert cursor.fetchmany(2) == [(3,), (4,)]
        assert next(iter(cursor)) == (5,)
        assert cursor.fetchall() == [(6,), (7,)]
        assert cursor.fetchmany(3) == []


def test_executemany_with_nothing_to_do(db: apsw_dbapi.Connection) -> None:
    cursor = db.cursor()
    cursor.executemany("INSERT INTO t (b) VALUES (?)", [])
    assert cursor.rowcount == 0
    assert cursor.fetchall() == []


def test_named_parameters(db: apsw_dbapi.Connection) -> None:
    assert db.execute("SELECT :x, :y", {"x": 1, "y": "z"}).fetchone() == (1, "z")


@pytest.mark.parametrize(
    ("sql", "parameters", "kind"),
    [
        ("SELECT ?", (), apsw_dbapi.ProgrammingError),
        ("SELECT ?", (1, 2), apsw_dbapi.ProgrammingError),
        ("SELECT :a", {"b": 1}, apsw_dbapi.ProgrammingError),
        ("SELECT ?", (object(),), apsw_dbapi.ProgrammingError),
        ("SELECT ?", (datetime.now(UTC),), apsw_dbapi.ProgrammingError),
        ("SELECT ?", (2**63,), apsw_dbapi.DataError),
        ("SELECT ?", ("\ud800",), apsw_dbapi.DataError),
        ("SELECT nonsense FROM", (), apsw_dbapi.OperationalError),
        ("SELECT * FROM nowhere", (), apsw_dbapi.OperationalError),
        ("INSERT INTO t (a) VALUES ('text')", (), apsw_dbapi.IntegrityError),
        ("SELECT 1; SELECT 2", (), apsw_dbapi.ProgrammingError),
    ],
)
def test_what_is_wrong_has_its_own_error(
    db: apsw_dbapi.Connection, sql: str, parameters: tuple[object, ...], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        db.execute(sql, parameters).fetchall()
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_a_second_statement_never_runs(db: apsw_dbapi.Connection) -> None:
    with pytest.raises(apsw_dbapi.ProgrammingError, match="one statement"):
        db.execute("INSERT INTO t (b) VALUES ('x'); DELETE FROM t")
    with pytest.raises(apsw_dbapi.ProgrammingError, match="one statement"):
        db.cursor().executemany("INSERT INTO t (b) VALUES (?); DELETE FROM t", [("y",)])
    assert db.execute("SELECT b FROM t").fetchall() == [("x",), ("y",)]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(b"no database at all, but long enough" * 40)
    connection = apsw_dbapi.connect(str(file))
    with pytest.raises(apsw_dbapi.DatabaseError):
        connection.execute("SELECT * FROM sqlite_schema")
    connection.close()
    with pytest.raises(apsw_dbapi.OperationalError, match="unable to open"):
        apsw_dbapi.connect(str(tmp_path / "missing" / "x.db"))


def test_a_transaction_is_exactly_what_was_begun(db: apsw_dbapi.Connection) -> None:
    db.execute("INSERT INTO t (b) VALUES ('kept at once')")
    assert not db.in_transaction
    db.commit()
    db.rollback()
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t (b) VALUES ('gone')")
    assert db.in_transaction
    db.rollback()
    db.execute("BEGIN")
    db.execute("CREATE TABLE gone (x)")
    db.rollback()
    db.execute("BEGIN")
    db.execute("INSERT INTO t (b) VALUES ('kept')")
    db.commit()
    assert db.execute("SELECT b FROM t ORDER BY a").fetchall() == [("kept at once",), ("kept",)]
    with pytest.raises(apsw_dbapi.OperationalError, match="no such table"):
        db.execute("SELECT * FROM gone")


def test_after_closing() -> None:
    connection = apsw_dbapi.connect(":memory:")
    cursor = connection.cursor()
    cursor.close()
    cursor.close()
    with pytest.raises(apsw_dbapi.ProgrammingError, match="closed cursor"):
        cursor.execute("SELECT 1")
    left_open = connection.execute("SELECT 1")
    connection.close()
    connection.close()
    for act in (connection.cursor, connection.interrupt, lambda: left_open.execute("SELECT 1")):
        with pytest.raises(apsw_dbapi.ProgrammingError, match="Cannot operate on a closed database"):
            act()


def test_a_lost_connection_is_one_for_sqlalchemy(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/a.db", module=apsw_dbapi)
    with engine.connect() as connection:
        lowest = connection.connection.dbapi_connection
        assert isinstance(lowest, apsw_dbapi.Connection)
        lowest.close()
        with pytest.raises(sa.exc.ProgrammingError) as caught:
            connection.execute(sa.text("SELECT 1"))
        assert caught.value.connection_invalidated
    engine.dispose()


def test_interrupt_from_another_thread(db: apsw_dbapi.Connection) -> None:
    timer = threading.Timer(0.1, db.interrupt)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(apsw_dbapi.OperationalError, match="interrupt"):
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        ).fetchall()
    timer.join()
    assert time.monotonic() - begun < 10
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_may_change_hands(db: apsw_dbapi.Connection) -> None:
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(db.execute("SELECT 41 + 1").fetchone()))
    thread.start()
    thread.join()
    assert seen == [(42,)]


def test_a_locked_database_is_waited_for_and_then_named(tmp_path: Path) -> None:
    file = str(tmp_path / "a.db")
    first, second = apsw_dbapi.connect(file), apsw_dbapi.connect(file, timeout=0.2)
    first.execute("PRAGMA journal_mode = WAL")
    first.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(apsw_dbapi.OperationalError, match="locked") as caught:
        second.execute("BEGIN IMMEDIATE")
    assert time.monotonic() - begun >= 0.15
    assert caught.value.sqlite_errorcode & 0xFF == 5
    first.close()
    second.close()


def test_functions_from_python(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(towns), [{"name": "Rostock"}, {"name": "Rietavas"}])
        found = connection.scalars(sa.select(towns.c.name).where(towns.c.name.regexp_match("^Ri")))
        assert found.all() == ["Rietavas"]


def test_inspection(engine: sa.Engine) -> None:
    seen = sa.inspect(engine)
    assert seen.get_table_names() == ["streets", "towns"]
    assert [column["name"] for column in seen.get_columns("towns")] == [c.name for c in towns.c]
    assert seen.get_pk_constraint("towns")["constrained_columns"] == ["id"]
    assert seen.get_unique_constraints("towns")[0]["column_names"] == ["name"]
    assert seen.get_check_constraints("towns")[0]["name"] == "size_positive"
    assert seen.get_foreign_keys("streets")[0]["referred_table"] == "towns"
    assert seen.get_indexes("streets")[0]["name"] == "ix_streets_town"


def test_alembic_changes_a_table_in_batch_mode(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.insert(towns).values(name="A", size=1.0))
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("towns") as batch:
            batch.add_column(sa.Column("motto", sa.String(20), server_default="-"))
            batch.drop_column("seal")
            batch.alter_column("name", new_column_name="title", existing_type=sa.String(40))
        row = connection.execute(sa.text("SELECT title, motto FROM towns")).one()
        assert row == ("A", "-")
        names = [column["name"] for column in sa.inspect(connection).get_columns("towns")]
        assert "seal" not in names
        assert "title" in names


def test_streaming_a_big_result_takes_rows_as_they_come(engine: sa.Engine) -> None:
    endless = sa.text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
    with engine.connect() as connection:
        result = connection.execution_options(yield_per=10).execute(endless)
        assert [row[0] for row, _ in zip(result, range(25), strict=False)] == list(range(1, 26))
        result.close()
