"""Inserts that may meet their twins: two processes write the same row, and one of them simply was later."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Table

from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.unit import Unit

Changes = Callable[[Any], Mapping[str, object]]
"""From the row that would have been inserted (by column) to what its twin becomes."""


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


class Upsert:
    """Inserts rows of `table`, however many in one statement; where the unique columns `on` have a twin, it
    is changed by `changes`, or left alone without them. Made once for each use, at import."""

    def __init__(self, table: Table, on: Sequence[str], changes: Changes | None = None) -> None:
        self._table = table
        self._on = on
        self._changes = changes
        self._prepared: dict[tuple[str, ...], Prepared] = {}

    def run(self, unit: Unit, rows: Sequence[Mapping[str, object]]) -> None:
        """Writes `rows`, which all have the same columns; none is no work."""
        if not rows:
            return
        name = (unit.connection.dialect.name, *rows[0])
        known = self._prepared.get(name)
        if known is None:
            known = self._prepared[name] = Prepared(self._made(name[0]), tuple(rows[0]))
        known.run(unit, rows)

    def _made(self, dialect: str) -> Insert:
        if dialect == "sqlite":
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
        statement = insert(self._table)
        on = [self._table.c[name] for name in self._on]
        if self._changes is None:
            return statement.on_conflict_do_nothing(index_elements=on)
        changes = self._changes(statement.excluded)
        return statement.on_conflict_do_update(index_elements=on, set_=dict(changes))
