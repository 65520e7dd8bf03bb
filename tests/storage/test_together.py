"""Rows that are put off are written with others of their kind, are seen by whoever reads, and fail as a whole."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import ClauseElement

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.held import plainly
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.tables.instances import instance
from fedi_cluster.storage.tables.rate_limits import rate_limit
from fedi_cluster.storage.unit import LateFault, Reader, Unit

MOMENT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
PUT = Upsert(instance, ("host",))
ADD = Prepared(insert(instance), ("host", "first_seen_at"))
COUNT = Prepared(
    update(rate_limit)
    .where(rate_limit.c.bucket == bindparam("of"))
    .values(count=rate_limit.c.count + bindparam("step"))
)


@pytest.fixture
def db(migrated_url: str) -> Database:
    """A migrated database, closed by its own end."""
    return Database(migrated_url, SystemClock(), IdSource())


def row(host: str) -> dict[str, object]:
    return {"host": host, "first_seen_at": MOMENT}


def hosts(reader: Reader) -> list[str]:
    return list(reader.connection.execute(select(instance.c.host).order_by(instance.c.host)).scalars())


def test_whoever_reads_sees_what_was_put_off(db: Database) -> None:
    def work(unit: Unit) -> list[list[str]]:
        with unit.together():
            ADD.later(unit, row("a.example"))
            PUT.later(unit, row("a.example"))
            seen = [hosts(unit)]
            ADD.later(unit, row("b.example"))
        return [*seen, hosts(unit)]

    assert db.write_now(work) == [["a.example"], ["a.example", "b.example"]]
    db.close()


def test_outside_of_it_a_row_is_written_at_once(db: Database) -> None:
    def work(unit: Unit) -> list[object]:
        said: list[object] = [PUT.is_new(unit, row("a.example")), PUT.is_new(unit, row("a.example"))]
        ADD.later(unit, row("b.example"))
        return [*said, *hosts(unit)]

    assert db.write_now(work) == [True, False, "a.example", "b.example"]
    db.close()


def test_a_twin_of_what_was_taken_for_new_is_told_late(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.together():
            assert PUT.is_new(unit, row("a.example"))
            assert PUT.is_new(unit, row("b.example"))
            assert PUT.is_new(unit, row("a.example")), "nobody has looked yet"

    with pytest.raises(LateFault):
        db.write_now(work)
    assert db.read_now(hosts) == []
    db.close()


def test_what_the_database_refuses_is_told_with_its_reason(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.together():
            ADD.later(unit, row("a.example"))
            ADD.later(unit, row("a.example"))
            hosts(unit)

    with pytest.raises(LateFault) as told:
        db.write_now(work)
    assert isinstance(told.value.__cause__, IntegrityError)
    db.close()


@pytest.mark.parametrize("host", ["half \ud800.example", object()])
def test_what_cannot_even_be_handed_over_is_told_so_too(db: Database, host: object) -> None:
    def work(unit: Unit) -> None:
        with unit.together():
            ADD.later(unit, {"host": host, "first_seen_at": MOMENT})
            hosts(unit)

    with pytest.raises(LateFault):
        db.write_now(work)
    db.close()


def test_what_fails_takes_along_what_it_had_put_off(db: Database) -> None:
    def work(unit: Unit) -> list[str]:
        with suppress(ZeroDivisionError), unit.attempt(), unit.together():
            ADD.later(unit, row("a.example"))
            raise ZeroDivisionError
        with unit.together():
            ADD.later(unit, row("b.example"))
            with suppress(ZeroDivisionError), unit.attempt():
                ADD.later(unit, row("c.example"))
                raise ZeroDivisionError
            with unit.attempt():
                ADD.later(unit, row("d.example"))
        return hosts(unit)

    assert db.write_now(work) == ["b.example", "d.example"]
    db.close()


def test_a_part_that_fails_by_what_it_had_put_off_leaves_nothing(db: Database) -> None:
    def work(unit: Unit) -> tuple[list[str], list[object], int]:
        ADD.run(unit, [row("a.example")])
        with unit.together():
            ADD.later(unit, row("b.example"))
            with suppress(LateFault), unit.attempt():
                unit.record("said")
                unit.on_commit(lambda: None)
                ADD.later(unit, row("c.example"))
                PUT.is_new(unit, row("a.example"))
        return hosts(unit), unit.facts, len(unit.followers)

    assert db.write_now(work) == (["a.example", "b.example"], [], 0)
    db.close()


def test_parts_are_not_nested(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.attempt(), unit.attempt():
            pass

    with pytest.raises(RuntimeError):
        db.write_now(work)
    db.close()


def test_what_followed_within_a_part_that_failed_follows_once_more(migrated_url: str) -> None:
    seen: list[object] = []
    db = Database(migrated_url, SystemClock(), IdSource(), lambda _unit, fact: seen.append(fact))

    def work(unit: Unit) -> None:
        unit.record("before")
        with suppress(ZeroDivisionError), unit.attempt():
            unit.record("inside")
            unit.follow_facts()
            raise ZeroDivisionError
        assert unit.facts == ["before"]

    db.write_now(work)
    assert seen == ["before", "inside", "before"]
    db.close()


def test_whoever_takes_a_fault_for_his_own_is_told_at_the_end(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.together():
            ADD.later(unit, row("a.example"))
            PUT.is_new(unit, row("a.example"))
            COUNT.later(unit, {"of": "b", "step": 1})
            with suppress(LateFault):
                hosts(unit)

    with pytest.raises(LateFault):
        db.write_now(work)
    db.close()


def test_it_is_not_nested(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.together(), unit.together():
            pass

    with pytest.raises(RuntimeError):
        db.write_now(work)
    db.close()


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
def test_a_transaction_that_was_lost_says_why(db: Database) -> None:
    def work(unit: Unit) -> None:
        with unit.attempt():
            plainly(unit.connection, "ROLLBACK")  # as SQLite itself does where the disk is full
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        db.write_now(work)
    db.close()


def test_no_trigger_adds_to_what_counts_as_new(db: Database) -> None:
    names = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }
    found = db.read_now(lambda reader: reader.connection.scalars(text(names[reader.dialect.name])).all())
    assert list(found) == [], "the rows that a trigger changes count in what `Prepared.run` gives on SQLite"
    db.close()


def test_changes_go_after_new_rows_and_rows_after_those_that_they_name(db: Database) -> None:
    post, hashtag = Prepared(insert(tables.post)), Prepared(insert(tables.hashtag))
    assert post.order < hashtag.order < COUNT.order
    put = Upsert(rate_limit, ("bucket",))

    def work(unit: Unit) -> int:
        with unit.together():
            for step in (1, 10):
                COUNT.later(unit, {"of": "b", "step": step})
            put.later(unit, {"bucket": "b", "count": 100, "ends_at": MOMENT})
        return int(unit.connection.execute(select(rate_limit.c.count)).scalar_one())

    assert db.write_now(work) == 111
    db.close()


@pytest.mark.parametrize("statement", [select(instance.c.host), delete(instance)])
def test_only_new_rows_and_changes_can_be_put_off(statement: ClauseElement) -> None:
    with pytest.raises(TypeError):
        assert Prepared(statement).order


def test_what_changes_its_twin_cannot_be_put_off(db: Database) -> None:
    put = Upsert(instance, ("host",), lambda new: {"first_seen_at": new.first_seen_at})
    with pytest.raises(TypeError):
        db.write_now(lambda unit: put.later(unit, row("a.example")))
    db.close()
