"""`backup`: what a copy has and who may read it, what stops it, and that no half copy looks whole."""

import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import ENVIRONMENT, Instance
from tests.cli.serving import PATIENCE, free_port, started


def _copies(place: Path) -> list[Path]:
    return sorted(place.iterdir())


def test_a_copy_is_whole_and_nobody_else_reads_it(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance.command("post", "Cześć")
    (instance.folder / "media" / "a").mkdir(parents=True)
    (instance.folder / "media" / "a" / "picture").write_bytes(b"picture")
    secret = f"sqlite:///{instance.folder}/fedi-cluster.sqlite"
    monkeypatch.setenv("FEDI_CLUSTER_DATABASE_URL", secret)
    line = instance.command("backup", "copies")
    (copy,) = _copies(tmp_path / "copies")
    assert line.startswith(f"Copied szczecin.example to copies/{copy.name}: 3 actors, 1 posts, ")
    assert copy.name.startswith("szczecin.example-20")
    assert copy.name.endswith("Z")
    manifest = json.loads((copy / "manifest.json").read_bytes())
    files = [file["name"] for file in manifest["files"]]
    assert files == ["database.sqlite", "environment.json", "fedi-cluster.toml", "files/media/a/picture"]
    assert (manifest["engine"], manifest["host"], manifest["counts"]["post"]) == (
        "sqlite",
        "szczecin.example",
        1,
    )
    assert (copy / "fedi-cluster.toml").read_bytes() == instance.file.read_bytes()
    assert json.loads((copy / "environment.json").read_bytes()) == {"FEDI_CLUSTER_DATABASE_URL": secret}
    for path in [copy, *copy.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    # A host can check it without this program.
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=copy, check=True)


def test_a_copy_is_made_while_the_server_runs(instance: Instance, tmp_path: Path) -> None:
    with started(instance.file, "serve", "--bind", f"127.0.0.1:{free_port()}") as server:
        instance.command("post", "Cześć")
        said = json.loads(instance.command("backup", "copies", "--json"))
        assert server.stop() == 0
    assert said["counts"]["post"] == 1
    assert Path(said["copy"]) == Path("copies") / _copies(tmp_path / "copies")[0].name


def test_older_copies_of_this_instance_go_and_no_others(instance: Instance, tmp_path: Path) -> None:
    place = tmp_path / "copies"
    first, second = (json.loads(instance.command("backup", "copies", "--json"))["copy"] for _ in range(2))
    foreign = place / "szczecin.example-2020-of-somebody"
    foreign.mkdir()
    damaged = place / "szczecin.example-20200101T000000Z"
    shutil.copytree(second, damaged)
    (damaged / "database.sqlite").write_bytes(b"")
    said = json.loads(instance.command("backup", "copies", "--keep", "2", "--json"))
    assert said["removed"] == [Path(first).name]
    left = {path.name for path in _copies(place)}
    assert left == {Path(second).name, Path(said["copy"]).name, foreign.name, damaged.name}
    assert "removed 1 older" in instance.command("backup", "copies", "--keep", "2")


def test_a_place_without_room_or_that_is_none(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be made: Not a directory" in instance.fault("backup", "file/copies")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1 << 20))
    said = instance.fault("backup", "copies")
    assert "no room in copies" in said
    assert "1 MiB are free" in said
    assert said.count("\n") == 1
    assert _copies(tmp_path / "copies") == []


def test_without_an_instance_there_is_nothing_to_copy(instance: Instance, tmp_path: Path) -> None:
    (instance.folder / "fedi-cluster.sqlite").unlink()
    assert "fedi-cluster init" in instance.fault("backup", "copies")
    assert not (tmp_path / "copies").exists()


def test_another_instance_is_not_copied_under_this_name(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEDI_CLUSTER_REGION", "stettin")
    assert "can never change" in instance.fault("backup", "copies")


def test_what_is_damaged_already_gives_no_copy(instance: Instance, tmp_path: Path) -> None:
    _grow(instance, 1)
    database = instance.folder / "fedi-cluster.sqlite"
    with database.open("r+b") as file:
        # The last pages are the ballast's: nothing else needs them, so only an examination finds the damage.
        file.seek(-3 * 4096, os.SEEK_END)
        file.write(b"\0" * 4096 * 2)
    assert "damaged" in instance.fault("backup", "copies")
    assert _copies(tmp_path / "copies") == []


def _grow(instance: Instance, mebibytes: int = 60) -> None:
    """A database whose copying takes its time."""
    house = instance.house()
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (a BLOB)")
        for _ in range(mebibytes):
            connection.exec_driver_sql("INSERT INTO ballast VALUES (randomblob(1048576))")
    house.db.close()


def test_kill_9_leaves_nothing_that_looks_whole(instance: Instance, tmp_path: Path) -> None:
    _grow(instance)
    place = tmp_path / "copies"
    place.mkdir()
    dice = random.Random(7)
    killed = 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "fedi_cluster", "--config", str(instance.file), "backup", str(place)],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while not list(place.glob("*.partial")) and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        killed += process.wait(PATIENCE) == -signal.SIGKILL
        for copy in _copies(place):
            if not copy.name.endswith(".partial"):
                subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=copy, check=True)
    assert killed >= 3
    partial = next(iter(place.glob("*.partial")), None)
    if partial is not None:
        assert "never finished" in instance.fault("restore", str(partial), "--replace")
    assert "Copied" in instance.command("backup", str(place))
    assert not list(place.glob("*.partial")), "what the dead left is cleared"


def test_a_backup_that_runs_is_not_cleared_away(instance: Instance, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from fedi_cluster.cli.copies import new_copy

    place = tmp_path / "copies"
    place.mkdir()
    with new_copy(place, "szczecin.example", datetime.now(UTC)) as running:
        instance.command("backup", str(place))
        assert running.is_dir()
    assert not running.exists()
    assert len(_copies(place)) == 1
    assert os.listdir(place)[0].startswith("szczecin.example-")
