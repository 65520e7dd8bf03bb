"""A restore that is killed at each of its last steps: the former instance, the copy's, or one sentence that says
what to run, which then finishes it."""

import errno
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fedi_cluster.cli import restoring
from fedi_cluster.community.instances.queries import ids_after
from tests.cli.conftest import ENVIRONMENT, Instance, run
from tests.cli.serving import PATIENCE

# Kills its own process right after the nth step that changes what is there, as a power cut would.
_KILLED_AFTER = """
import os, pathlib, signal, sys
from fedi_cluster.storage.postgres_copies import PostgresPlace
from fedi_cluster.cli import main
left = int(sys.argv.pop(1))
def killing(step):
    def done(*given, **named):
        global left
        found = step(*given, **named)
        left -= given[1] != "pg_dump"
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return done
pathlib.Path.rename, pathlib.Path.replace = killing(pathlib.Path.rename), killing(pathlib.Path.replace)
PostgresPlace._run = killing(PostgresPlace._run)
main()
"""
_MOST_STEPS = 12


def _killed(after: int, *arguments: str) -> bool:
    """Whether the command was killed after so many steps; else it came to its end."""
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_AFTER, str(after), *arguments],
        env=ENVIRONMENT, check=False, capture_output=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def _shows(instance: Instance) -> tuple[bool, bytes]:
    """Whether the post since the copy is there, and what the picture is."""
    house = instance.house()
    try:
        with house.db.engine.connect() as connection:
            posts = connection.exec_driver_sql("SELECT count(*) FROM post").scalar_one()
        house.db.read_now(ids_after)
    finally:
        house.db.close()
    return posts == 2, (instance.folder / "media" / "picture").read_bytes()


def _with_copy(instance: Instance) -> str:
    """An instance with two posts and a newer picture; its copy has one post and the older."""
    picture = instance.folder / "media" / "picture"
    picture.parent.mkdir()
    picture.write_bytes(b"older")
    instance.command("post", "First", "--lang", "en")
    copy = str(Path(json.loads(instance.command("backup", "copies", "--json"))["copy"]).absolute())
    instance.command("post", "Second", "--lang", "en")
    picture.write_bytes(b"newer")
    return copy


def _finished_as_told(instance: Instance) -> None:
    """No server starts and no copy is made; the command that they name finishes it."""
    served = subprocess.run(
        [sys.executable, "-m", "fedi_cluster", "--config", str(instance.file), "serve"],
        env=ENVIRONMENT, check=False, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert served.returncode == 1
    for said in (served.stderr, instance.fault("post", "Third"), instance.fault("backup", "copies")):
        assert "was killed before its end; run it again: fedi-cluster restore " in said
    again = shlex.split(said.partition("run it again: ")[2])
    result = run(*again[1:])
    assert result.exit_code == 0, result.output
    assert _shows(instance) == (False, b"older")
    instance.command("post", "Third", "--lang", "en")


def test_the_exchange_is_whole_or_named(instance: Instance, tmp_path: Path) -> None:
    copy = _with_copy(instance)
    kept, refusals = tmp_path / "kept", 0
    shutil.copytree(instance.folder, kept)
    for step in range(1, _MOST_STEPS):
        shutil.rmtree(instance.folder)
        shutil.copytree(kept, instance.folder)
        ended = not _killed(step, "--config", str(instance.file), "restore", copy, "--replace")
        if (instance.folder / "restore.unfinished").exists():
            refusals += 1
            _finished_as_told(instance)
        elif ended:
            break
        else:
            assert _shows(instance) in {(True, b"newer"), (False, b"older")}
    assert refusals >= 3  # the former folder away, the new one there, the database there
    assert _shows(instance) == (False, b"older")


def test_a_new_folder_is_whole_or_named(instance: Instance, tmp_path: Path) -> None:
    copy, refusals = _with_copy(instance), 0
    for step in range(1, _MOST_STEPS):
        moved = Instance(tmp_path / f"moved{step}")
        ended = not _killed(step, "restore", copy, "--data-dir", str(moved.folder))
        if ended:
            break
        # Without settings nothing starts; the mark tells a later look what to run.
        again = shlex.split((moved.folder / "restore.unfinished").read_text())
        refusals += 1
        assert run(*again[1:]).exit_code == 0
        assert _shows(moved) == (False, b"older")
    assert refusals >= 3
    assert _shows(moved) == (False, b"older")


def test_a_second_restore_that_fails_leaves_the_mark_of_the_first(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = _with_copy(instance)
    assert _killed(2, "--config", str(instance.file), "restore", copy, "--replace")
    mark = instance.folder / "restore.unfinished"
    said = mark.read_text()
    with monkeypatch.context() as full:
        full.setattr(restoring, "sync", _no_room)
        assert "nothing was changed" in run(*shlex.split(said)[1:], "--send").stderr
    assert mark.read_text() == said
    _finished_as_told(instance)


def _no_room(_path: Path) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_whole_or_named(
    database_url: str, tmp_path: Path, found: Callable[..., Instance]
) -> None:
    many = found(tmp_path / "many", "many", "https://many.example", "--database-url", database_url)
    copy, refusals = _with_copy(many), 0
    for step in range(1, _MOST_STEPS):
        if not _killed(step, "--config", str(many.file), "restore", copy, "--replace"):
            break
        if (many.folder / "restore.unfinished").exists():
            refusals += 1
            _finished_as_told(many)
    assert refusals >= 3
    assert _shows(many) == (False, b"older")
