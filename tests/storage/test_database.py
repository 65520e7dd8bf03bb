"""Units of work: whole or not at all, together on SQLite, each alone on PostgreSQL, whoever waits."""

import asyncio
import threading
import time
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.errors import Conflict, Unavailable
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Reader, Unit

Board = Any  # the class in conftest.py, which cannot be imported from here
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.anyio
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


async def test_a_write_is_there_for_the_next_read(db: Database, board: Board) -> None:
    identifier = await db.write(board.add, "first")
    assert isinstance(identifier, int)
    assert await db.read(board.texts) == ["first"]
    assert db.read_now(board.texts) == ["first"]


def test_without_an_event_loop(db: Database, board: Board) -> None:
    db.write_now(board.add, text="first")
    db.write_locking_now(board.add, "second")
    assert db.read_now(board.texts) == ["first", "second"]


async def test_a_unit_has_one_moment_in_utc_and_ids_of_it(db: Database) -> None:
    def look(unit: Unit) -> tuple[object, int, int]:
        moment = unit.now
        time.sleep(0.01)
        assert unit.now is moment
        return moment.tzinfo, unit.new_id(), unit.new_id()

    zone, first, second = await db.write(look)
    assert zone is UTC
    assert first < second


async def test_waiting_writes_commit_together(db: Database, board: Board, embedded: bool) -> None:
    gate = threading.Event()

    def hold(_unit: Unit) -> None:
        gate.wait(10)

    before = db.commits
    first = asyncio.create_task(db.write(hold))
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(db.write(board.add, f"line {n}")) for n in range(100)]
    await asyncio.sleep(0.05)
    gate.set()
    await asyncio.gather(first, *others)
    assert len(await db.read(board.texts)) == 100
    assert db.commits - before == (2 if embedded else 101)


async def test_one_that_fails_harms_no_other(db: Database, board: Board) -> None:
    def fail(unit: Unit) -> None:
        board.add(unit, "half")
        raise Conflict("no")

    def collide(unit: Unit) -> None:
        board.add(unit, "other half")
        board.add(unit, "line 0")

    def dangle(unit: Unit) -> None:
        board.add(unit, "third half")
        unit.connection.begin_nested()

    await db.write(board.add, "line 0")
    works: list[Any] = [db.write(board.add, f"line {n}") for n in range(1, 20)]
    works[5:5] = [db.write(fail), db.write(collide), db.write(dangle)]
    answers = await asyncio.gather(*works, return_exceptions=True)
    assert [type(answer) for answer in answers[5:8]] == [Conflict, sa.exc.IntegrityError, RuntimeError]
    assert all(isinstance(answer, int) for answer in answers[:5] + answers[8:])
    assert sorted(await db.read(board.texts)) == sorted(f"line {n}" for n in range(20))


async def test_a_savepoint_inside_a_unit(db: Database, board: Board) -> None:
    def try_twice(unit: Unit) -> None:
        board.add(unit, "a")
        with pytest.raises(sa.exc.IntegrityError), unit.connection.begin_nested():
            board.add(unit, "a")
        board.add(unit, "b")

    await db.write(try_twice)
    assert await db.read(board.texts) == ["a", "b"]


async def test_a_commit_that_fails_keeps_nothing(db: Database, board: Board) -> None:
    told: list[str] = []

    def orphan(unit: Unit) -> None:
        unit.on_commit(lambda: told.append("committed"))
        board.add(unit, "orphan", parent=7)  # the foreign key is deferred: only COMMIT finds it

    with pytest.raises(sa.exc.IntegrityError):
        await db.write(orphan)
    assert await db.read(board.texts) == []
    assert told == []
    await db.write(board.add, "afterwards all is well")
    assert await db.read(board.texts) == ["afterwards all is well"]


@on_sqlite
async def test_a_group_whose_commit_fails_is_told_so(db: Database, board: Board) -> None:
    answers = await asyncio.gather(
        *(db.write(board.add, f"line {n}", 7 if n == 3 else None) for n in range(6)), return_exceptions=True
    )
    kept = await db.read(board.texts)
    assert len(kept) == sum(isinstance(answer, int) for answer in answers)


@on_sqlite
async def test_a_transaction_lost_on_the_way_is_told_to_those_before(db: Database, board: Board) -> None:
    def lose(unit: Unit) -> None:
        unit.connection.exec_driver_sql("ROLLBACK")  # as SQLite does by itself when the disk is full

    gate = threading.Event()
    first = asyncio.create_task(db.write(lambda unit: gate.wait(10)))
    await asyncio.sleep(0.05)
    works: list[Any] = [db.write(board.add, "before"), db.write(lose), db.write(board.add, "after")]
    answers = asyncio.gather(*works, return_exceptions=True)
    await asyncio.sleep(0.05)
    gate.set()
    before, lost, after = await answers
    await first
    assert isinstance(before, Unavailable)
    assert isinstance(lost, Unavailable)
    assert isinstance(after, int)
    assert await db.read(board.texts) == ["after"]


@on_sqlite
async def test_a_full_disk_is_unavailable(db: Database, board: Board) -> None:
    def swell(unit: Unit) -> None:
        unit.connection.exec_driver_sql("PRAGMA max_page_count = 30")
        for n in range(5000):
            board.add(unit, f"{n:0200}")

    with pytest.raises(Unavailable, match="full"):
        await db.write(swell)
    assert await db.read(board.texts) == []
    await db.write(board.add, "one")
    assert await db.read(board.texts) == ["one"]


async def test_a_unit_may_not_commit(db: Database, board: Board) -> None:
    def commit(unit: Unit) -> None:
        board.add(unit, "torn")
        unit.connection.commit()

    def roll_back(unit: Unit) -> None:
        board.add(unit, "torn")
        unit.connection.rollback()

    for act in (commit, roll_back):
        with pytest.raises(RuntimeError, match="neither commit nor roll back"):
            await db.write(act)
    assert await db.read(board.texts) == []
    await db.write(board.add, "well")
    assert await db.read(board.texts) == ["well"]


async def test_a_unit_may_not_wait_for_another(db: Database, board: Board) -> None:
    with pytest.raises(RuntimeError, match="asked for another"):
        await db.write(lambda unit: db.write_now(board.add, "x"))
    with pytest.raises(RuntimeError, match="asked for a reader"):
        await db.write(lambda unit: db.read_now(board.texts))


async def test_readers_see_only_what_is_committed_and_one_moment(db: Database, board: Board) -> None:
    written, seen = threading.Event(), threading.Event()

    def slow(unit: Unit) -> None:
        board.add(unit, "slow")
        written.set()
        assert seen.wait(10)

    def twice(reader: Reader) -> tuple[list[str], list[str]]:
        before = board.texts(reader)
        seen.set()
        slow_write_done.wait(10)
        return before, board.texts(reader)

    slow_write_done = threading.Event()
    writing = asyncio.create_task(db.write(slow))
    await asyncio.to_thread(written.wait, 10)
    reading = asyncio.create_task(db.read(twice))
    await writing
    slow_write_done.set()
    assert await reading == ([], [])
    assert await db.read(board.texts) == ["slow"]


async def test_a_reader_cannot_write(db: Database, board: Board) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"read-?\s?only"):
        await db.read(lambda reader: reader.connection.execute(sa.text("DELETE FROM lines")).rowcount)
    assert await db.read(board.texts) == []


async def test_cancelling_the_caller_leaves_the_work_whole(db: Database, board: Board) -> None:
    gate, told = threading.Event(), asyncio.Event()

    def slow(unit: Unit) -> None:
        unit.on_commit(told.set)
        board.add(unit, "one")
        gate.wait(10)
        board.add(unit, "two")

    task = asyncio.create_task(db.write(slow))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    await asyncio.wait_for(told.wait(), 10)
    assert await db.read(board.texts) == ["one", "two"]


async def test_followers_run_after_the_commit_on_the_loop(db: Database, board: Board) -> None:
    loop_thread = threading.get_ident()
    seen: list[tuple[bool, list[str]]] = []

    def act(unit: Unit) -> None:
        board.add(unit, "told")
        unit.on_commit(lambda: seen.append((threading.get_ident() == loop_thread, db.read_now(board.texts))))
        assert seen == []

    def broken(unit: Unit) -> None:
        unit.on_commit(lambda: 1 / 0)  # type: ignore[arg-type]

    await db.write(act)
    assert seen == [(True, ["told"])]
    await db.write(broken)  # the commit stands
    db.write_now(lambda unit: unit.on_commit(seen.clear))
    assert seen == []


async def test_facts_and_what_follows_are_one_transaction(open_database: Any, board: Board) -> None:
    def react(unit: Unit, fact: object) -> None:
        assert isinstance(fact, str)
        if fact == "bad":
            raise Conflict("cannot follow")
        if len(fact) < 4:
            board.add(unit, fact + "!")

    db: Database = open_database(react)
    await db.write(board.add, "a")
    assert await db.read(board.texts) == ["a", "a!", "a!!", "a!!!"]
    with pytest.raises(Conflict):
        await db.write(board.add, "bad")
    assert len(await db.read(board.texts)) == 4


async def test_facts_without_end_are_stopped(open_database: Any, board: Board) -> None:
    db: Database = open_database(lambda unit, fact: unit.record(fact))
    with pytest.raises(RuntimeError, match="answer each other without end"):
        await db.write(board.add, "a")
    assert await db.read(board.texts) == []


async def test_after_closing_nothing_is_taken(db: Database, board: Board) -> None:
    waiting = [asyncio.create_task(db.write(board.add, f"line {n}")) for n in range(50)]
    await asyncio.sleep(0)
    db.close()
    await asyncio.gather(*waiting)  # what was taken is finished
    for ask in (db.write(board.add, "x"), db.read(board.texts)):
        with pytest.raises(Unavailable):
            await ask
    with pytest.raises(Unavailable):
        db.read_now(board.texts)
    db.close()
