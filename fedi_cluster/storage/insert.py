"""An insert that may meet its twin: two processes write the same row, and one of them simply was later."""

from collections.abc import Mapping

from sqlalchemy import Connection, Table


def insert_new(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Inserts a row where no unique key forbids it; False, and nothing changed, where one does."""
    # Each process loads the one dialect that it speaks; the other costs a start 60 ms.
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    key = next(iter(table.primary_key.columns))
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None
