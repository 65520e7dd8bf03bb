"""Inserts that may meet their twins: two processes write the same row, and one of them simply was later."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table

from fedi_cluster.storage.prepared import Prepared, Values
from fedi_cluster.storage.unit import Unit

if TYPE_CHECKING:
    from sqlalchemy import UpdateBase
    from sqlalchemy.dialects.postgresql import Insert

Changes = Callable[[Any], Mapping[str, object]]
"""From the row that would have been inserted (by column) to what its twin becomes."""


def insert_new(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Inserts a row where no unique key forbids it; False, and nothing changed, where one does."""
    key = next(iter(table.primary_key.columns))
    statement = _insert(connection.dialect.name, table).values(**values)
    return connection.execute(statement.on_conflict_do_nothing().returning(key)).first() is not None


def _insert(dialect: str, table: Table) -> "Insert":
    # Each process loads the one dialect that it speaks: the other has the same words and costs a start 60 ms.
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    return insert(table)  # type: ignore[return-value]


class Upsert:
    """Inserts rows of `table`, however many in one statement; where the unique columns `on` have a twin, it
    is changed by `changes` if it is as `where` says, or left alone without them. Made once for each use, at
    import.

    A row gives values to columns, and to the named parameters of `changes` and `where`, which read no other
    row: on SQLite several rows are one step. `returning` are the columns that `first` gives.
    """

    def __init__(
        self,
        table: Table,
        on: Sequence[str],
        changes: Changes | None = None,
        *,
        where: ColumnElement[bool] | None = None,
        returning: Sequence[str] = (),
    ) -> None:
        self._table = table
        self._on = on
        self._changes = changes
        self._where = where
        self._returning = returning
        self._prepared: dict[tuple[str, ...], Prepared] = {}

    def run(self, unit: Unit, rows: Sequence[Mapping[str, object]]) -> int:
        """Writes `rows`, which all have the same columns; gives how many are new or changed."""
        return self._for(unit, rows[0]).run(unit, rows) if rows else 0

    def later(self, unit: Unit, row: Mapping[str, object]) -> None:
        """Writes a row, whether it has a twin or not; in `Unit.together` with others.

        Raises TypeError where twins are changed: changes that were put off before would come after it.
        """
        self._for_new(unit, row).later(unit, row)

    def is_new(self, unit: Unit, row: Mapping[str, object]) -> bool:
        """Writes a row; False where it has a twin. In `Unit.together` it is taken for new: the twin is a
        `LateFault` then. Raises as `later`."""
        prepared = self._for_new(unit, row)
        return unit.put_off(prepared, [row], new=True) or bool(prepared.run(unit, [row]))

    def first(self, unit: Unit, row: Mapping[str, object]) -> Values | None:
        """Writes one row and gives `returning` of what stands there now; None for a twin left alone."""
        return self._for(unit, row).first(unit, **row)

    def _for_new(self, unit: Unit, row: Mapping[str, object]) -> Prepared:
        if self._changes is not None:
            raise TypeError("what changes its twin cannot be put off")
        return self._for(unit, row)

    def _for(self, unit: Unit, row: Mapping[str, object]) -> Prepared:
        name = (unit.dialect.name, *row)
        known = self._prepared.get(name)
        if known is None:
            columns = [column for column in row if column in self._table.c]
            known = self._prepared[name] = Prepared(self._made(name[0]), columns)
        return known

    def _made(self, dialect: str) -> "UpdateBase":
        statement = _insert(dialect, self._table)
        on = [self._table.c[name] for name in self._on]
        if self._changes is None:
            statement = statement.on_conflict_do_nothing(index_elements=on)
        else:
            changes = dict(self._changes(statement.excluded))
            statement = statement.on_conflict_do_update(index_elements=on, set_=changes, where=self._where)
        if self._returning:
            return statement.returning(*(self._table.c[name] for name in self._returning))
        return statement
