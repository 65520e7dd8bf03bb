"""What the migrations make and what the tables declare is the same, on both engines."""

import re
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from fedi_cluster.storage import migrate
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.tables import metadata


def test_migrated_and_declared_schema_agree(migrated_url: str) -> None:
    engine = open_engine(migrated_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        with warnings.catch_warnings():
            # Alembic warns of indexes over expressions, which it can only compare as text.
            warnings.filterwarnings("ignore", message=".*expression.*")
            differences = compare_metadata(context, metadata)
    engine.dispose()
    assert differences == []


def test_checks_agree_too(migrated_url: str) -> None:
    """Alembic does not compare CHECK constraints: their names are compared here."""
    engine = open_engine(migrated_url)
    seen = sa.inspect(engine)
    for table in metadata.sorted_tables:
        declared = {str(c.name) for c in table.constraints if isinstance(c, sa.CheckConstraint) and c.name}
        there = {re.sub(r"\s", "", str(c["name"])) for c in seen.get_check_constraints(table.name)}
        assert there == declared, table.name
    engine.dispose()


def test_indexes_over_some_rows_agree_too(migrated_url: str) -> None:
    """Alembic does not compare the condition of an index, which the tables say in `info`."""
    engine = open_engine(migrated_url)
    declared = {
        str(index.name): index.info["where"]
        for table in metadata.sorted_tables
        for index in table.indexes
        if "where" in index.info
    }
    source = "sqlite_master WHERE sql" if engine.dialect.name == "sqlite" else "pg_indexes WHERE indexdef"
    column = "name, sql" if engine.dialect.name == "sqlite" else "indexname, indexdef"
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT {column} FROM {source} LIKE '%% WHERE %%'").all()
    engine.dispose()
    there = {name: sql.partition(" WHERE ")[2].replace("(", "").replace(")", "") for name, sql in rows}
    assert {name: said.replace("::text", "") for name, said in there.items()} == declared


def test_a_migrated_database_is_current(migrated_url: str) -> None:
    assert migrate.newest() is not None
    assert migrate.is_current(migrated_url)
