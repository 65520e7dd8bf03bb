"""Migrations: one way to a schema, on both engines, whole or not at all, from a checkout and from a wheel."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

import fedi_cluster
from fedi_cluster.storage import migrate
from fedi_cluster.storage.engine import UnfitDatabase, open_engine

ROOT = Path(__file__).resolve().parents[2]
FIRST = """
import sqlalchemy as sa
from alembic import op
revision: str = "one"
down_revision: str | None = None
def upgrade() -> None:
    op.create_table("parents", sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.String(5)))
    op.create_table(
        "children",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Integer, sa.ForeignKey("parents.id", ondelete="CASCADE", name="fk_c_p")),
    )
    op.execute("INSERT INTO parents (id, a) VALUES (1, 'x')")
    op.execute("INSERT INTO children (id, parent) VALUES (1, 1)")
"""
SECOND = """
import sqlalchemy as sa
from alembic import op
revision: str = "two"
down_revision: str | None = "one"
def upgrade() -> None:
    with op.batch_alter_table("parents") as batch:
        batch.alter_column("a", new_column_name="b", existing_type=sa.String(5))
        batch.add_column(sa.Column("c", sa.String(5)))
"""
BROKEN = """
from alembic import op
import sqlalchemy as sa
revision: str = "three"
down_revision: str | None = "two"
def upgrade() -> None:
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO nowhere VALUES (1)")
"""
KILLED = BROKEN.replace('op.execute("INSERT INTO nowhere VALUES (1)")', "os.kill(os.getpid(), 9)").replace(
    "import sqlalchemy", "import os\nimport sqlalchemy"
)
UPGRADE = """
import sys
from pathlib import Path
from fedi_cluster.storage import migrate
migrate.upgrade(sys.argv[1], scripts=Path(sys.argv[2]))
"""


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A folder of migrations of our own, with the project's env.py."""
    folder = tmp_path / "100% migrations"
    shutil.copytree(
        migrate.scripts_folder(), folder, ignore=shutil.ignore_patterns("versions", "__pycache__")
    )
    (folder / "versions").mkdir()
    (folder / "versions" / "one.py").write_text(FIRST)
    return folder


def _rows(url: str, statement: str) -> list[tuple[object, ...]]:
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.exec_driver_sql(statement)]
    engine.dispose()
    return rows


def test_up_step_by_step(database_url: str, scripts: Path) -> None:
    assert migrate.current(database_url) is None
    assert not migrate.is_current(database_url, scripts=scripts)
    migrate.upgrade(database_url, scripts=scripts)
    assert migrate.current(database_url) == "one"
    assert migrate.is_current(database_url, scripts=scripts)
    (scripts / "versions" / "two.py").write_text(SECOND)
    assert not migrate.is_current(database_url, scripts=scripts)
    migrate.upgrade(database_url, scripts=scripts)
    migrate.upgrade(database_url, scripts=scripts)
    assert migrate.is_current(database_url, scripts=scripts)
    assert _rows(database_url, "SELECT b, c FROM parents") == [("x", None)]
    # Batch mode has made `parents` anew; what points to it is still there.
    assert _rows(database_url, "SELECT parent FROM children") == [(1,)]


def test_a_broken_migration_leaves_the_database_as_it_was(database_url: str, scripts: Path) -> None:
    migrate.upgrade(database_url, scripts=scripts)
    (scripts / "versions" / "two.py").write_text(SECOND)
    (scripts / "versions" / "three.py").write_text(BROKEN)
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(database_url, scripts=scripts)
    assert migrate.current(database_url) == "one"
    assert _rows(database_url, "SELECT a FROM parents") == [("x",)]
    engine = open_engine(database_url)
    assert "half" not in sa.inspect(engine).get_table_names()
    engine.dispose()


def test_a_killed_migration_leaves_the_database_as_it_was(database_url: str, scripts: Path) -> None:
    migrate.upgrade(database_url, scripts=scripts)
    (scripts / "versions" / "two.py").write_text(SECOND)
    (scripts / "versions" / "three.py").write_text(KILLED)
    done = subprocess.run(
        [sys.executable, "-c", UPGRADE, database_url, str(scripts)], check=False, timeout=60, cwd=ROOT
    )
    assert done.returncode == -9
    assert migrate.current(database_url) == "one"
    assert _rows(database_url, "SELECT a FROM parents") == [("x",)]
    engine = open_engine(database_url)
    assert set(sa.inspect(engine).get_table_names()) == {"parents", "children", "alembic_version"}
    engine.dispose()
    (scripts / "versions" / "three.py").unlink()
    migrate.upgrade(database_url, scripts=scripts)
    assert _rows(database_url, "SELECT b, c FROM parents") == [("x", None)]


def test_a_newer_schema_is_refused(database_url: str, scripts: Path) -> None:
    (scripts / "versions" / "two.py").write_text(SECOND)
    migrate.upgrade(database_url, scripts=scripts)
    (scripts / "versions" / "two.py").unlink()
    with pytest.raises(migrate.NewerSchema, match="“two” of a newer version"):
        migrate.is_current(database_url, scripts=scripts)


def test_two_at_once_wait_for_each_other(database_url: str, scripts: Path) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate.upgrade(database_url, scripts=scripts)
        except BaseException as error:
            failures.append(error)

    # Alembic keeps its context in the module, so that two threads need it loaded once before.
    migrate.newest(scripts)
    from alembic import command  # noqa: F401

    lock = open_engine(database_url)
    with lock.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7302011548116230911)")
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(20)
    lock.dispose()
    assert failures == []
    assert migrate.current(database_url) == "one"


def test_a_new_migration_is_written_from_the_declared_tables(scripts: Path, tmp_path: Path) -> None:
    (scripts / "versions" / "one.py").unlink()
    meta = sa.MetaData()
    sa.Table(
        "things",
        meta,
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("facts", sa.JSON),
        sa.Column("at", sa.DateTime(timezone=True), index=True),
    )
    file = migrate.revision("things to keep", scripts=scripts, metadata=meta)
    assert file.parent == scripts / "versions"
    assert file.name.endswith("_things_to_keep.py")
    assert migrate.newest(scripts) == file.name.split("_")[0]
    url = f"sqlite:///{tmp_path}/a.db"
    migrate.upgrade(url, scripts=scripts)
    again = migrate.revision("nothing", url=url, scripts=scripts, metadata=meta)
    assert "create_table" not in again.read_text()


def test_two_ends_are_refused(scripts: Path) -> None:
    (scripts / "versions" / "two.py").write_text(SECOND)
    (scripts / "versions" / "other.py").write_text(SECOND.replace('"two"', '"other"'))
    with pytest.raises(UnfitDatabase, match="several ends: other, two"):
        migrate.newest(scripts)


def test_scripts_of_an_installed_wheel_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "fedi_cluster"
    installed = package / "_files" / "migrations"
    installed.mkdir(parents=True)
    monkeypatch.setattr(fedi_cluster, "__file__", str(package / "__init__.py"))
    with pytest.raises(UnfitDatabase, match="migrations is missing"):
        migrate.scripts_folder()
    (installed / "env.py").touch()
    assert migrate.scripts_folder() == installed
