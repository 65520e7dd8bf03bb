"""Alembic's way into a database: through the engine of `fedi_cluster.storage.migrate`, never its own."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import JSON, Connection, Engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator

from fedi_cluster.storage.tables import metadata

# One number for this project; PostgreSQL lets one session hold it at a time.
_MIGRATION_LOCK = 7_302_011_548_116_230_911


def _plain(kind: str, item: object, autogenerate: AutogenContext) -> str | Literal[False]:
    """A migration stands for itself: our own column types are written as what they are underneath."""
    if kind != "type":
        return False
    if isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    if isinstance(item, JSON):
        # Alembic would write an argument of PostgreSQL's JSON by a name that it does not import.
        inner = type(item.dialect_impl(postgresql.dialect()))  # type: ignore[no-untyped-call]
        if not issubclass(inner, postgresql.JSONB):
            return "sa.JSON()"
        autogenerate.imports.add("from sqlalchemy.dialects import postgresql")
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


def _migrate(connection: Connection) -> None:
    sqlite = connection.dialect.name == "sqlite"
    with connection.begin():
        if not sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
        context.configure(
            connection=connection,
            target_metadata=context.config.attributes.get("metadata") or metadata,
            render_as_batch=sqlite,
            transactional_ddl=True,
            render_item=_plain,
            compare_type=True,
            compare_server_default=True,
        )
        context.run_migrations()
        if sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise RuntimeError(f"the migration left rows that point nowhere: {broken[:5]}")


def _run() -> None:
    engine = context.config.attributes.get("engine")
    if not isinstance(engine, Engine):
        raise RuntimeError("run migrations by `fedi-cluster migrate`, not by alembic itself")
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            # Batch mode makes a table anew and drops the old one: with foreign keys on, that would delete
            # what points to it. The pragma has no effect inside a transaction, so it stands before it.
            driver = connection.connection.dbapi_connection
            assert driver is not None
            cursor = driver.cursor()
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.close()
        _migrate(connection)


_run()
