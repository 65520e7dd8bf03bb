"""Statements of the measured hot paths: built and compiled once, then run on the driver's own cursor.

Building a statement and its result costs SQLAlchemy several times what SQLite needs to answer it. The
statement stays one of SQLAlchemy's, for both engines; what it writes out at each execution (an IN of any
length) cannot be prepared.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement

from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.held import raw
from fedi_cluster.storage.unit import Reader

Values = tuple[Any, ...]
Names = tuple[str, ...]
_Process = Callable[[Any], Any]


class _Compiled:
    """One statement for one engine: its text, and how values go in and come out."""

    def __init__(self, statement: ClauseElement, dialect: Dialect, columns: Sequence[str] | None) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError("only statements of data can be prepared")
        self.text = str(compiled)
        self.dialect = dialect
        names = compiled.positiontup if dialect.positional else list(compiled.params)
        assert names is not None, "the dialect is positional"
        fixed = compiled.params
        processors: Mapping[str, _Process] = compiled._bind_processors  # type: ignore[assignment]
        self._binds = [(name, processors.get(name), fixed.get(name)) for name in names]
        self._known = frozenset(names)
        self._required = frozenset(name for name in names if compiled.binds[name].required)
        self._right: set[Names] = set()
        self._results = [
            (place, process)
            for place, column in enumerate(compiled._result_columns)
            if (process := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]

    def _check(self, names: Names) -> None:
        """Raises `KeyError` with the names that are missing or unknown: each would be a silent NULL else."""
        wrong = (self._required - set(names)) | (set(names) - self._known)
        if wrong:
            raise KeyError(", ".join(sorted(wrong)))
        self._right.add(names)

    def bound(self, named: Mapping[str, object]) -> Any:
        """The parameters for the driver: in their order, or by name; raises `KeyError` with a wrong name."""
        given = tuple(named)
        if given not in self._right:
            self._check(given)
        values = [
            named.get(name, fixed) if process is None else process(named.get(name, fixed))
            for name, process, fixed in self._binds
        ]
        if self.dialect.positional:
            return values
        return {name: value for (name, _, _), value in zip(self._binds, values, strict=True)}

    def bound_all(self, rows: Sequence[Mapping[str, object]]) -> list[Any]:
        """The same for many, column by column: most have the same moment, which is then written once."""
        for given in set(map(tuple, rows)) - self._right:
            self._check(given)
        columns = [_column(rows, name, process, fixed) for name, process, fixed in self._binds]
        values = list(zip(*columns, strict=True))
        if self.dialect.positional:
            return values
        names = [name for name, _, _ in self._binds]
        return [dict(zip(names, row, strict=True)) for row in values]

    def out(self, rows: list[Values]) -> list[Values]:
        """Rows of the driver as those of SQLAlchemy."""
        if not self._results:
            return rows
        found = []
        for row in rows:
            values = list(row)
            for place, process in self._results:
                values[place] = process(values[place])
            found.append(tuple(values))
        return found


def _column(
    rows: Sequence[Mapping[str, object]], name: str, process: _Process | None, fixed: object
) -> list[object]:
    if process is None:
        return [row.get(name, fixed) for row in rows]
    column: list[object] = []
    before, said = object(), None
    for row in rows:
        value = row.get(name, fixed)
        if value is not before:
            before, said = value, process(value)
        column.append(said)
    return column


class Prepared:
    """A statement with named parameters (`bindparam`); rows are plain tuples in the order of its columns.

    `columns` are those that an INSERT gives; the others get the database's own values. Whoever leaves out a
    parameter, or gives one that the statement has not, gets a `KeyError` with its name.
    """

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        self._statement = statement
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def all(self, reader: Reader, /, **named: object) -> list[Values]:
        """All rows; raises what SQLAlchemy would raise."""
        compiled = self._for(reader.connection)
        return compiled.out(_fetch(reader.connection, compiled, compiled.bound(named)))

    def first(self, reader: Reader, /, **named: object) -> Values | None:
        """The first row, or None."""
        rows = self.all(reader, **named)
        return rows[0] if rows else None

    def scalar(self, reader: Reader, /, **named: object) -> Any:
        """The first column of the first row, or None."""
        row = self.first(reader, **named)
        return row[0] if row else None

    def run(self, reader: Reader, rows: Sequence[Mapping[str, object]]) -> int:
        """Writes once for each set of parameters; gives how many rows that changed."""
        if not rows:
            return 0
        compiled = self._for(reader.connection)
        values = compiled.bound_all(rows)
        connection = reader.connection
        if connection.dialect.name != "sqlite":
            return connection.exec_driver_sql(compiled.text, values).rowcount
        try:
            return raw(connection).write(compiled.text, values)
        except apsw_dbapi.Error as error:
            raise _wrapped(compiled, values, error) from error

    def _for(self, connection: Connection) -> _Compiled:
        name = connection.dialect.name
        known = self._compiled.get(name)
        if known is None:
            known = self._compiled[name] = _Compiled(self._statement, connection.dialect, self._columns)
        return known


def _fetch(connection: Connection, compiled: _Compiled, values: Any) -> list[Values]:
    if connection.dialect.name != "sqlite":
        result = connection.exec_driver_sql(compiled.text, values)
        return [tuple(row) for row in result] if result.returns_rows else []
    try:
        return raw(connection).rows(compiled.text, values)
    except apsw_dbapi.Error as error:
        raise _wrapped(compiled, values, error) from error


def _wrapped(compiled: _Compiled, values: Any, error: apsw_dbapi.Error) -> BaseException:
    return DBAPIError.instance(
        compiled.text, values, error, apsw_dbapi.Error, dialect=compiled.dialect, hide_parameters=True
    )
