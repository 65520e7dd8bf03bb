"""Brings a database to the schema of this version, by Alembic; tables are made in no other way.

Alembic is imported only where something is changed: the question whether all is current is cheap enough for
the start of a server.
"""

import ast
import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import Engine, MetaData

import fedi_cluster
from fedi_cluster.storage.engine import READ_ONLY, UnfitDatabase, open_engine

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))


def scripts_folder() -> Path:
    """Where the migrations are: inside an installed wheel, or at the top of a source checkout.

    Raises UnfitDatabase where neither is there.
    """
    package = Path(fedi_cluster.__file__).resolve().parent
    for folder in (package / "_files" / "migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise UnfitDatabase("The folder of migrations is missing; install fedi-cluster anew.")


def upgrade(url: str, *, scripts: Path | None = None) -> None:
    """Run what is missing, in one transaction; two processes at once wait for each other."""
    from alembic import command

    engine = open_engine(url)
    try:
        command.upgrade(_config(engine, scripts), "head")
    finally:
        engine.dispose()


def revision(
    message: str, *, url: str | None = None, scripts: Path | None = None, metadata: MetaData | None = None
) -> Path:
    """Write a new migration: what the declared tables have more or less than the database at `url`.

    `url` must be current; without it a fresh SQLite file is migrated for the comparison. `metadata` is the
    declared tables, by default those of the project. Gives the new file, which a person reads before use.
    """
    from alembic import command
    from alembic.script import Script

    if url is None:
        with tempfile.TemporaryDirectory() as folder:
            fresh = f"sqlite:///{folder}/fresh.db"
            upgrade(fresh, scripts=scripts)
            return revision(message, url=fresh, scripts=scripts, metadata=metadata)
    engine = open_engine(url)
    try:
        made = command.revision(_config(engine, scripts, metadata), message=message, autogenerate=True)
    finally:
        engine.dispose()
    assert isinstance(made, Script)
    return Path(made.path)


def current(url: str) -> str | None:
    """The revision that the database has, or None where it is empty."""
    engine = open_engine(url)
    try:
        with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            if not sqlalchemy.inspect(connection).has_table("alembic_version"):
                return None
            return connection.scalar(sqlalchemy.select(_VERSION.c.version_num))
    finally:
        engine.dispose()


def newest(scripts: Path | None = None) -> str | None:
    """The revision that this version of the project needs: the one that no other builds on."""
    known: set[str] = set()
    built_on: set[str] = set()
    for file in ((scripts or scripts_folder()) / "versions").glob("*.py"):
        names = _assigned(file)
        if isinstance(own := names.get("revision"), str):
            known.add(own)
        if isinstance(below := names.get("down_revision"), str):
            built_on.add(below)
    ends = known - built_on
    if len(ends) > 1:
        raise UnfitDatabase(f"The migrations have several ends: {', '.join(sorted(ends))}.")
    return ends.pop() if ends else None


def is_current(url: str, *, scripts: Path | None = None) -> bool:
    """Whether the database has the schema of this version."""
    return current(url) == newest(scripts)


def _assigned(file: Path) -> dict[str, object]:
    """The constants that a migration assigns at its top, without running it."""
    found: dict[str, object] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            target, value = node.target, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            target, value = node.targets[0], node.value
        else:
            continue
        if isinstance(value, ast.Constant):
            found[target.id] = value.value
    return found


def _config(engine: Engine, scripts: Path | None, metadata: MetaData | None = None) -> "Config":
    from alembic.config import Config

    config = Config(stdout=io.StringIO())
    # Alembic reads % as the beginning of a variable.
    config.set_main_option("script_location", str(scripts or scripts_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["engine"] = engine
    config.attributes["metadata"] = metadata
    return config
