"""`restore`: all of an instance at another place, nothing of a damaged copy, and nothing lost that was there."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import httpx
import pytest

from fedi_cluster.cli import restoring
from fedi_cluster.community.actors.queries import need_local, own_keys
from fedi_cluster.community.instances.queries import ids_after
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import moment_of
from fedi_cluster.settings import load
from fedi_cluster.storage import migrate
from fedi_cluster.storage.unit import Reader
from tests.cli.conftest import ENVIRONMENT, Instance, run
from tests.cli.serving import PATIENCE, free_port, started


@pytest.fixture
def copy(instance: Instance, tmp_path: Path) -> Path:
    """A copy of an instance with one post and one file."""
    instance.command("post", "Cześć")
    (instance.folder / "media").mkdir()
    (instance.folder / "media" / "picture").write_bytes(b"picture")
    return tmp_path / str(json.loads(instance.command("backup", "copies", "--json"))["copy"])


def _restored(copy: Path, folder: Path, *more: str) -> Instance:
    result = run("restore", str(copy), "--data-dir", str(folder), *more)
    assert result.exit_code == 0, result.output
    return Instance(folder)


def _keys(instance: Instance) -> object:
    def read(reader: Reader) -> object:
        return own_keys(reader, need_local(reader, "region").id)

    house = instance.house()
    try:
        return house.db.read_now(read)
    finally:
        house.db.close()


def test_an_instance_lives_on_in_another_folder_and_port(
    instance: Instance, copy: Path, tmp_path: Path
) -> None:
    port = free_port()
    moved = _restored(copy, tmp_path / "moved", "--bind", f"127.0.0.1:{port}")
    assert load(moved.file, {}).bind == f"127.0.0.1:{port}"
    assert load(moved.file, {}).data_dir == moved.folder
    assert (moved.folder / "media" / "picture").read_bytes() == b"picture"
    assert _keys(moved) == _keys(instance)
    with started(moved.file, "serve") as server:
        page = httpx.get(f"http://127.0.0.1:{port}/", headers={"Host": "szczecin.example"})
        assert "Cześć" in page.text
        moved.command("post", "Jesteśmy znowu")
        assert server.stop() == 0
    assert oct(moved.file.stat().st_mode)[-3:] == "600"
    assert oct((moved.folder / "fedi-cluster.sqlite").stat().st_mode)[-3:] == "600"


def test_it_says_what_to_do_next(copy: Path, tmp_path: Path) -> None:
    result = run("restore", str(copy), "--data-dir", str(tmp_path / "moved"))
    assert result.stdout.startswith("Restored szczecin.example as it was at 20")
    assert "cluster status" in result.stdout
    assert "cluster recover" in result.stdout


def test_variables_that_were_in_force_come_along(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "FEDI_CLUSTER_DATA_DIR": str(instance.folder),
        "FEDI_CLUSTER_LIMITS_INBOX_BODY": "2048",
        "FEDI_CLUSTER_LIMITS_READ": "2.5",
        "FEDI_CLUSTER_TRUSTED_PROXIES": "127.0.0.1/32,::1/128",
        "FEDI_CLUSTER_DESCRIPTION": "Sieć “nad Odrą”",
    }
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    copy = json.loads(instance.command("backup", "copies", "--json"))["copy"]
    for name in given:
        monkeypatch.delenv(name)
    settings = load(_restored(Path(copy), tmp_path / "moved").file, {})
    assert settings.data_dir == tmp_path / "moved"
    assert (settings.limits.inbox_body, settings.limits.read) == (2048, 2.5)
    assert [str(one) for one in settings.trusted_proxies] == ["127.0.0.1/32", "::1/128"]
    assert settings.description == "Sieć “nad Odrą”"


def test_what_is_there_is_kept_and_a_running_server_refuses(instance: Instance, copy: Path) -> None:
    instance.command("post", "Nowsze")
    assert "--replace" in instance.fault("restore", str(copy))
    with started(instance.file, "serve", "--bind", f"127.0.0.1:{free_port()}") as server:
        assert "in use; stop the server" in instance.fault("restore", str(copy), "--replace")
        assert server.stop() == 0
    said = json.loads(instance.command("restore", str(copy), "--replace", "--json"))
    database, media = said["aside"]
    assert "media.before-" in media
    assert _count(instance) == 1
    shutil.copy(database, instance.folder / "fedi-cluster.sqlite")
    assert _count(instance) == 2


def _hinder(copy: Path) -> Path:
    """Something beside what the manifest names, which cannot be copied once all is copied up to it."""
    broken = copy / "files" / "media" / "to-nowhere"
    broken.symlink_to("not-there")
    return broken


def _all_of(instance: Instance) -> dict[str, bytes]:
    """What there is in its folder, by name; of the database the name only, as each look may turn its log on."""
    files = [path for path in instance.folder.rglob("*") if path.is_file()]
    database = instance.folder / "fedi-cluster.sqlite"
    return {
        str(path): b"" if path == database else path.read_bytes()
        for path in files
        if not path.name.endswith(("-wal", "-shm", ".serving"))
    }


def test_a_folder_that_cannot_be_copied_leaves_all_as_it_was(instance: Instance, copy: Path) -> None:
    instance.command("post", "Nowsze")
    (instance.folder / "media" / "picture").write_bytes(b"newer")
    broken, before = _hinder(copy), _all_of(instance)
    said = instance.fault("restore", str(copy), "--replace")
    assert "nothing was changed" in said
    assert "to-nowhere" in said
    assert said.count("\n") == 1
    assert _all_of(instance) == before
    assert _count(instance) == 2
    broken.unlink()
    instance.command("restore", str(copy), "--replace")
    assert _count(instance) == 1
    assert (instance.folder / "media" / "picture").read_bytes() == b"picture"


def test_folders_go_back_where_the_database_is_not_exchanged(
    instance: Instance, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instance.folder / "media" / "picture").write_bytes(b"newer")
    (instance.folder / "media" / "more").write_bytes(b"more")
    before, exchange = _all_of(instance), restoring._exchange
    with closing(apsw.Connection(str(instance.folder / "fedi-cluster.sqlite"))) as other:

        def exchange_and_open(*given: Any) -> list[str]:
            aside = exchange(*given)
            assert (instance.folder / "media" / "picture").read_bytes() == b"picture"
            other.execute("PRAGMA journal_mode = WAL").fetchall()  # as whoever of ours comes in between
            other.execute("SELECT count(*) FROM post").fetchall()
            return aside

        monkeypatch.setattr(restoring, "_exchange", exchange_and_open)
        assert "in use" in instance.fault("restore", str(copy), "--replace")
    assert _all_of(instance) == before
    assert "Cześć" in _texts(instance)


def _count(instance: Instance) -> int:
    with closing(apsw.Connection(str(instance.folder / "fedi-cluster.sqlite"))) as connection:
        return len(connection.execute("SELECT id FROM post").fetchall())


def test_settings_that_are_there_are_not_overwritten(instance: Instance, copy: Path) -> None:
    before = instance.file.read_bytes()
    into = ("restore", str(copy), "--data-dir", str(instance.folder))
    assert "settings in" in run(*into).stderr
    assert instance.file.read_bytes() == before
    wrong = (*into, "--bind", "nowhere", "--replace")
    assert "nowhere" in run(*wrong).stderr
    assert instance.file.read_bytes() == before
    assert run(*into, "--replace").exit_code == 0
    assert [file.read_bytes() for file in instance.folder.glob("fedi-cluster.toml.before-*")] == [before]


@pytest.mark.parametrize("damage", ["flip", "shorten", "remove"])
def test_a_damaged_copy_is_refused(copy: Path, tmp_path: Path, damage: str) -> None:
    names = [str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()]
    assert len(names) == 5
    for name in names:
        file, whole = copy / name, (copy / name).read_bytes()
        if damage == "flip":
            data = bytearray(whole)
            data[len(data) // 2 if name != "SHA256SUMS" else 0] ^= 1
            file.write_bytes(data)
        elif damage == "shorten":
            file.write_bytes(whole[:-1] if name != "SHA256SUMS" else b"")
        else:
            file.unlink()
        result = run("restore", str(copy), "--data-dir", str(tmp_path / "moved"))
        assert result.exit_code == 1, name
        assert "damaged" in result.stderr or "is no copy" in result.stderr
        assert result.stderr.count("\n") == 1
        assert not (tmp_path / "moved").exists()
        file.write_bytes(whole)
    assert run("restore", str(copy), "--data-dir", str(tmp_path / "moved")).exit_code == 0


def _say(copy: Path, **values: object) -> None:
    """Another manifest with its right sum, as another version would write it."""
    import hashlib

    text = json.dumps(json.loads((copy / "manifest.json").read_bytes()) | values).encode()
    (copy / "manifest.json").write_bytes(text)
    lines = (copy / "SHA256SUMS").read_text().splitlines()[1:]
    (copy / "SHA256SUMS").write_text(
        "\n".join([f"{hashlib.sha256(text).hexdigest()}  manifest.json", *lines])
    )


def test_what_does_not_fit_here_is_refused_with_one_sentence(
    instance: Instance, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = ("restore", str(copy), "--replace")
    manifest = json.loads((copy / "manifest.json").read_bytes())
    faults = {
        "made by a newer version": {"format": 2, "files": "another kind"},
        "“0099” of a newer version": {"schema": "0099"},
        "choose a database of the same kind": {"engine": "postgresql"},
        "can only become the instance that it was": {"base_url": "https://rostock.example"},
        "set the clock first": {"made_at": "2999-01-01T00:00:00Z"},
        "not what the manifest of the copy says": {"counts": manifest["counts"] | {"post": 2}},
        "cannot be read": {"files": 1},
    }
    for sentence, values in faults.items():
        _say(copy, **(manifest | values))
        said = instance.fault(*again)
        assert sentence in said
        assert said.count("\n") == 1
    assert "Cześć" in _texts(instance)


def _texts(instance: Instance) -> str:
    house = instance.house()
    with house.db.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT content FROM post").scalars().all()
    house.db.close()
    return " ".join(str(text) for text in found)


def test_a_copy_with_other_contents_under_a_right_name_is_refused(instance: Instance, copy: Path) -> None:
    _say(copy, base_url="https://rostock.example")
    text = instance.file.read_text().replace("szczecin.example", "rostock.example")
    instance.file.write_text(text)
    assert "founded as “https://szczecin.example”" in instance.fault("restore", str(copy), "--replace")


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Becomes the next version of the program, which has one migration more."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.scripts_folder(), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "next.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f'revision = "next"\ndown_revision = "{migrate.newest()}"\n'
        "def upgrade():\n    op.create_table('later', sa.Column('id', sa.Integer, primary_key=True))\n"
    )
    return lambda: monkeypatch.setattr(migrate, "scripts_folder", lambda: folder)


def test_a_copy_of_an_older_version_is_migrated(
    instance: Instance, copy: Path, next_version: Callable[[], None], tmp_path: Path
) -> None:
    next_version()
    said = run("restore", str(copy), "--data-dir", str(tmp_path / "moved"), "--json")
    assert json.loads(said.stdout)["migrated"] is True
    assert migrate.current(f"sqlite:///{tmp_path}/moved/fedi-cluster.sqlite") == "next"


def test_a_migration_makes_a_copy_before_and_wants_room(
    instance: Instance, next_version: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = instance.folder / "fedi-cluster.sqlite"
    before = migrate.newest()
    next_version()
    assert "fedi-cluster migrate" in instance.fault("region", "show")
    instance.command("backup", "copies")  # also of an older schema: that is when it is wanted
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=1 << 10))
        assert "no room for a migration" in instance.fault("migrate")
    assert migrate.current(f"sqlite:///{database}") == before
    said = instance.command("migrate")
    (kept,) = instance.folder.glob(f"fedi-cluster.sqlite.before-{before}-*")
    assert str(kept) in said
    assert migrate.current(f"sqlite:///{database}") == "next"
    assert migrate.current(f"sqlite:///{kept}") == before


def test_ids_of_the_lost_time_are_not_given_again(copy: Path, tmp_path: Path) -> None:
    moved = _restored(copy, tmp_path / "moved")
    house = moved.house()
    border = house.db.read_now(ids_after)
    now = SystemClock().now()
    assert abs(moment_of(border) - now) < timedelta(minutes=1)
    assert house.db.write_now(lambda unit: unit.new_id()) > border
    house.db.close()


def test_kill_9_leaves_the_old_database_or_the_new_one(instance: Instance, tmp_path: Path) -> None:
    instance.command("post", "Kopia")
    house = instance.house()
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (a BLOB)")
        for _ in range(40):
            connection.exec_driver_sql("INSERT INTO ballast VALUES (randomblob(1048576))")
    house.db.close()
    copy = json.loads(instance.command("backup", "copies", "--json"))["copy"]
    instance.command("post", "Nowsze")
    dice, killed = random.Random(5), 0
    for _ in range(5):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fedi_cluster",
                "--config",
                str(instance.file),
                "restore",
                copy,
                "--replace",
            ],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while not (instance.folder / "fedi-cluster.sqlite.restoring").exists() and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.3))
        process.kill()
        killed += process.wait(PATIENCE) == -signal.SIGKILL
        assert _count(instance) in {1, 2}
    assert killed >= 2
    instance.command("restore", copy, "--replace")
    assert _count(instance) == 1
    assert not list(instance.folder.glob("*.restoring*"))


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_goes_out_and_comes_back(
    database_url: str, tmp_path: Path, found: Callable[..., Instance], monkeypatch: pytest.MonkeyPatch
) -> None:
    many = found(tmp_path / "many", "many", "https://many.example", "--database-url", database_url)
    many.command("post", "Hello", "--lang", "en")
    (many.folder / "media").mkdir()
    (many.folder / "media" / "picture").write_bytes(b"picture")
    copy = json.loads(many.command("backup", "copies", "--json"))["copy"]
    many.command("post", "Later", "--lang", "en")
    assert "--replace" in many.fault("restore", copy)
    house = many.house()
    house.db.read_now(ids_after)
    assert "in use" in many.fault("restore", copy, "--replace")
    house.db.close()
    broken = _hinder(Path(copy))
    assert "nothing was changed" in many.fault("restore", copy, "--replace")
    assert "Later" in _texts(many)
    broken.unlink()
    said = json.loads(many.command("restore", copy, "--replace", "--json"))
    assert said["aside"][0].startswith("schema before_restore_")
    assert "Hello" in _texts(many)
    assert "Later" not in _texts(many)
    many.command("post", "Again", "--lang", "en")
    moved = tmp_path / "moved"
    assert "has tables already" in run("restore", copy, "--data-dir", str(moved)).stderr
    assert not (moved / "fedi-cluster.toml").exists()
