"""Copies of a database: one moment of it while others write, examined, and put back or nothing changed."""

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.copies import place_of
from fedi_cluster.storage.copy_shapes import Contents, DamagedCopy, InUse, NotEmpty, Place
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.postgres_copies import MissingProgram
from tests.plugins.databases import PostgresServer

Board = Any  # the class in conftest.py, which cannot be imported from here
TIMES = 20


class Writing:
    """A thread that writes line after line, each pointing to the one before; `done` were committed."""

    def __init__(self, url: str, board: Board) -> None:
        self.done = 0
        self._board = board
        self._stop = False
        self._db = Database(url, SystemClock(), IdSource())
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "Writing":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(20)
        self._db.close()

    def wait_for_another(self) -> None:
        """Until one line more than now is committed, or 20 seconds have passed."""
        now, end = self.done, time.monotonic() + 20
        while self.done == now:
            assert time.monotonic() < end, "nobody writes any more"
            time.sleep(0.001)

    def _write(self) -> None:
        parent: int | None = None
        while not self._stop:
            text = f"{self.done} {'x' * 120}"
            parent = self._db.write_now(self._board.add, text, parent)
            self.done += 1


def _numbers(place: Place, file: Path) -> list[int]:
    """The numbers of the lines in a copy, in order."""
    if place.engine == "sqlite":
        engine = open_engine(f"sqlite:///{file}")
        with engine.connect() as connection:
            texts = list(connection.scalars(sa.text("SELECT text FROM lines")))
        engine.dispose()
    else:
        said = subprocess.run(
            ["pg_restore", "--data-only", "--table=lines", "--file=-", str(file)],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        texts = re.findall(r"^\d+\t(\d+ x+)\t", said, re.M)
    return sorted(int(text.split()[0]) for text in texts)


def test_a_copy_is_one_moment_while_others_write(prepared_url: str, tmp_path: Path, board: Board) -> None:
    place = place_of(prepared_url)
    with Writing(prepared_url, board) as writing:
        for turn in range(TIMES):
            file = tmp_path / f"copy-{turn}"
            writing.wait_for_another()
            before = writing.done
            contents = place.take(file)
            place.examine(file)
            count = contents.counts["lines"]
            assert before <= count <= writing.done + 1
            assert _numbers(place, file) == list(range(count)), "no hole: nothing without what came before it"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_writer_is_not_held_up(tmp_path: Path, prepared_url: str, board: Board) -> None:
    """Of 40 MiB, however long it takes, many writes are done while one copy is made."""
    engine = open_engine(prepared_url)
    rows = [{"id": number, "text": f"{number:0190}"} for number in range(-80_000, 0)]
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO lines (id, text) VALUES (:id, :text)"), rows)
    engine.dispose()
    place = place_of(prepared_url)
    with Writing(prepared_url, board) as writing:
        writing.wait_for_another()
        before = writing.done
        contents = place.take(tmp_path / "copy")
        meanwhile = writing.done - before
    assert contents.counts["lines"] >= 80_000 + before
    assert meanwhile >= 10


@pytest.fixture
def another(prepared_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a database of the same engine that is not there (SQLite) or empty (PostgreSQL)."""
    if prepared_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/elsewhere/another.db"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create()
    yield server.url(name)
    server.drop(name)


def _lines(url: str) -> list[str]:
    engine = open_engine(url)
    with engine.connect() as connection:
        found = list(connection.scalars(sa.text("SELECT text FROM lines ORDER BY id")))
    engine.dispose()
    return found


def _copy_of(url: str, file: Path, board: Board, *texts: str) -> Contents:
    db = Database(url, SystemClock(), IdSource())
    for text in texts:
        db.write_now(board.add, text)
    db.close()
    return place_of(url).take(file)


def test_what_is_put_back_is_what_was_copied(
    prepared_url: str, another: str, tmp_path: Path, board: Board
) -> None:
    contents = _copy_of(prepared_url, tmp_path / "copy", board, "one", "two")
    prepared: list[Contents] = []
    place = place_of(another)
    kept = place.put_back(
        tmp_path / "copy", lambda url: prepared.append(place_of(url).contents()), stamp="T1", replace=False
    )
    assert kept is None
    assert prepared == [contents] == [place.contents()]
    assert _lines(another) == ["one", "two"]


def test_what_is_there_is_moved_aside_and_never_deleted(
    prepared_url: str, tmp_path: Path, board: Board
) -> None:
    _copy_of(prepared_url, tmp_path / "copy", board, "old")
    db = Database(prepared_url, SystemClock(), IdSource())
    db.write_now(board.add, "new")
    place = place_of(prepared_url)
    copy, nothing = tmp_path / "copy", lambda _url: None
    with pytest.raises(NotEmpty, match="--replace"):
        place.put_back(copy, nothing, stamp="T1", replace=False)
    with pytest.raises(InUse, match="stop the server"):
        place.put_back(copy, nothing, stamp="T1", replace=True)
    db.close()
    kept = place.put_back(copy, nothing, stamp="T1", replace=True)
    assert _lines(prepared_url) == ["old"]
    assert kept is not None
    if place.engine == "sqlite":
        assert _lines(f"sqlite:///{kept}") == ["old", "new"]
    else:
        engine = open_engine(prepared_url)
        with engine.connect() as connection:
            aside = kept.removeprefix("schema ")
            found = list(connection.scalars(sa.text(f"SELECT text FROM {aside}.lines ORDER BY id")))
        engine.dispose()
        assert found == ["old", "new"]
        # What stands aside is in no later copy.
        assert place.take(tmp_path / "later").counts == {"lines": 1, "counters": 0}
        assert _numbers_of_schemas(tmp_path / "later") == 0


def _numbers_of_schemas(file: Path) -> int:
    said = subprocess.run(["pg_restore", "--list", str(file)], check=True, capture_output=True, text=True)
    return said.stdout.count("before_restore_")


@pytest.mark.parametrize("there", [False, True], ids=["into nothing", "over another"])
def test_what_cannot_be_prepared_changes_nothing(
    prepared_url: str, another: str, tmp_path: Path, board: Board, there: bool
) -> None:
    _copy_of(prepared_url, tmp_path / "copy", board, "one")
    place = place_of(another)
    if there:
        place.put_back(tmp_path / "copy", lambda _url: None, stamp="T1", replace=False)
        db = Database(another, SystemClock(), IdSource())
        db.write_now(board.add, "newer")
        db.close()

    def refuse(url: str) -> None:
        assert _lines(url) == ["one"]
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        place.put_back(tmp_path / "copy", refuse, stamp="T2", replace=True)
    if there:
        assert _lines(another) == ["one", "newer"]
    elif place.engine == "sqlite":
        folder = tmp_path / "elsewhere"
        assert {file.name for file in folder.iterdir()} <= {"another.db.serving"}
    else:
        assert place.contents().counts == {}
    place.put_back(tmp_path / "copy", lambda _url: None, stamp="T3", replace=there)
    assert _lines(another) == ["one"]


def test_a_damaged_copy_is_found(prepared_url: str, tmp_path: Path, board: Board) -> None:
    _copy_of(prepared_url, tmp_path / "copy", board, *(f"{number} {'y' * 150}" for number in range(200)))
    place = place_of(prepared_url)
    whole = (tmp_path / "copy").read_bytes()
    place.examine(tmp_path / "copy")
    for damage in (whole[: len(whole) // 2], b"", b"nothing of it" * 1000):
        (tmp_path / "copy").write_bytes(damage)
        with pytest.raises(DamagedCopy):
            place.examine(tmp_path / "copy")


@pytest.mark.postgres
def test_without_the_programs_it_says_which(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fedi_cluster.storage import postgres_copies

    name = postgres_server.create()
    monkeypatch.setenv("PATH", str(tmp_path))
    place = place_of(postgres_server.url(name))
    monkeypatch.setattr(postgres_copies, "_FOLDERS", tmp_path)
    with pytest.raises(MissingProgram, match=r"pg_dump is not on this machine.*install postgresql-client-"):
        place.take(tmp_path / "copy")
    old = tmp_path / "8" / "bin" / "pg_dump"
    old.parent.mkdir(parents=True)
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 8.4.1'\n")
    old.chmod(0o700)
    with pytest.raises(MissingProgram, match="older than the server"):
        place.take(tmp_path / "copy2")
    monkeypatch.undo()
    postgres_server.drop(name)


@pytest.mark.postgres
def test_a_password_stands_on_no_command_line(
    postgres_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], str | None]] = []
    run = subprocess.run

    def watched(command: list[str], **more: Any) -> Any:
        seen.append((command, (more.get("env") or {}).get("PGPASSWORD")))
        return run(command, **more)

    monkeypatch.setattr(subprocess, "run", watched)
    name = postgres_server.create()
    url = postgres_server.url(name).replace("postgres@", "postgres:s%40cret@")
    place_of(url).take(tmp_path / "copy")
    postgres_server.drop(name)
    assert not any("cret" in word for command, _ in seen for word in command)
    assert seen[-1][1] == "s@cret"
