"""Brings a database to the schema of this version, by Alembic; tables are made in no other way.

Alembic is imported only where something is changed: the question whether all is current is cheap enough for
the start of a server.
"""

import ast
import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import Engine, MetaData

import fedi_cluster
from fedi_cluster.storage.engine import READ_ONLY, UnfitDatabase, open_engine
from fedi_cluster.storage.unit import Reader

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))


class NewerSchema(UnfitDatabase):
    """A newer version of this project has changed the database: nothing is to be done with it here."""


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
    """Run what is missing, in one transaction; two processes at once wait for each other.

    Raises NewerSchema, and changes nothing, where a newer version has been here.
    """
    from alembic import command

    is_newest(current(url), scripts=scripts)
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


def revision_of(reader: Reader) -> str | None:
    """The revision of a database that was migrated once; it is open already."""
    return reader.connection.scalar(sqlalchemy.select(_VERSION.c.version_num))


def newest(scripts: Path | None = None) -> str | None:
    """The revision that this version of the project needs: the one that no other builds on."""
    return _end_of(_steps(scripts))


def is_current(url: str, *, scripts: Path | None = None) -> bool:
    """Whether the database has the schema of this version; raises NewerSchema where it is a newer one."""
    return is_newest(current(url), scripts=scripts)


def is_newest(revision: str | None, *, scripts: Path | None = None) -> bool:
    """Whether a revision is the one that this version needs; None, of an empty database, is not.

    Raises NewerSchema where this version does not know it: then no migration leads from there to here.
    """
    steps = _steps(scripts)
    if revision is not None and revision not in steps:
        raise NewerSchema(
            f"The database has the schema “{revision}” of a newer version of fedi-cluster, which this one "
            "does not know; install that version again, or restore a copy from before."
        )
    return revision is not None and revision == _end_of(steps)


def _end_of(steps: Mapping[str, str | None]) -> str | None:
    ends = set(steps) - set(steps.values())
    if len(ends) > 1:
        raise UnfitDatabase(f"The migrations have several ends: {', '.join(sorted(ends))}.")
    return ends.pop() if ends else None


def _steps(scripts: Path | None) -> dict[str, str | None]:
    """Each revision that this version knows, and the one that it builds on."""
    found: dict[str, str | None] = {}
    for file in ((scripts or scripts_folder()) / "versions").glob("*.py"):
        names = _assigned(file)
        below = names.get("down_revision")
        if isinstance(own := names.get("revision"), str):
            found[own] = below if isinstance(below, str) else None
    return found


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
