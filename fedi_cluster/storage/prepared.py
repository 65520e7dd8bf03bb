"""Statements of the measured hot paths: built and compiled once, then run on the driver's own cursor.

Building a statement and its result costs SQLAlchemy several times what SQLite needs to answer it. The
statement stays one of SQLAlchemy's, for both engines; what it writes out at each execution (its IN of any
length) cannot be prepared; `among` can.

On SQLite the rows of an INSERT go several to a step: at each step the driver lets the other threads of the
interpreter in, and has to wait for its turn again.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Insert, Integer, Table, Update, literal_column
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.types import TypeEngine

from fedi_cluster.storage import apsw_dbapi
from fedi_cluster.storage.tables.base import Moment
from fedi_cluster.storage.unit import Reader, Unit

Values = tuple[Any, ...]
Names = tuple[str, ...]
_Process = Callable[[Any], Any]
_VALUES = re.compile(r"VALUES (\((?:\?(?:, )?)+\))")
_TOGETHER = (16, 4)
"""Rows of an INSERT in one step, the most first: few sizes, because each is a statement that is kept."""

_Plan = tuple[Callable[[Mapping[str, object]], Values], Mapping[str, object], list[tuple[int, _Process]]]


def fixed(number: int) -> ColumnElement[int]:
    """A number in the text of a statement: SQLite plans one anew for each run where its LIMIT is bound."""
    return literal_column(str(number), Integer)


def _quick(kind: object, process: _Process | None) -> _Process | None:
    """The same, but a moment, which is in most columns of most rows of a transaction, is written once."""
    return lru_cache(maxsize=64)(process) if process is not None and isinstance(kind, Moment) else process


def _from_row(kind: TypeEngine[Any], dialect: Dialect) -> _Process | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _taker(names: Sequence[str]) -> Callable[[Mapping[str, object]], Values]:
    if len(names) > 1:
        return itemgetter(*names)
    if names:
        [only] = names
        return lambda row: (row[only],)
    return lambda _row: ()


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
        self._binds = [
            (name, _quick(compiled.binds[name].type, processors.get(name)), fixed.get(name)) for name in names
        ]
        self._known = frozenset(names)
        self._required = frozenset(name for name in names if compiled.binds[name].required)
        self._plans: dict[Names, _Plan] = {}
        self._width, self._wider = _wider(self.text, len(names))
        self._results = [
            (place, process)
            for place, column in enumerate(compiled._result_columns)
            if (process := _quick(column.type, _from_row(column.type, dialect)))
        ]

    def _plan(self, given: Names) -> "_Plan":
        """How these names become parameters.

        Raises `KeyError` with the names that are missing or unknown: each would be a silent NULL else.
        """
        wrong = (self._required - set(given)) | (set(given) - self._known)
        if wrong:
            raise KeyError(", ".join(sorted(wrong)))
        names = [name for name, _, _ in self._binds]
        missing = {name: fixed for name, _, fixed in self._binds if name not in given}
        processes = [(place, process) for place, (_, process, _) in enumerate(self._binds) if process]
        plan = self._plans[given] = (_taker(names), missing, processes)
        return plan

    def bound(self, named: Mapping[str, object]) -> Any:
        """The parameters for the driver: in their order, or by name; raises `KeyError` with a wrong name."""
        given = tuple(named)
        take, missing, processes = self._plans.get(given) or self._plan(given)
        values: Sequence[Any] = take({**missing, **named} if missing else named)
        if processes:
            values = list(values)
            for place, process in processes:
                values[place] = process(values[place])
        if self.dialect.positional:
            return values
        return {name: value for (name, _, _), value in zip(self._binds, values, strict=True)}

    def bound_all(self, rows: Sequence[Mapping[str, object]]) -> list[Any]:
        """The same for many, column by column: most have the same moment, which is then written once."""
        if len(rows) == 1:
            return [self.bound(rows[0])]
        for given in set(map(tuple, rows)) - self._plans.keys():
            self._plan(given)
        columns = [_column(rows, name, process, fixed) for name, process, fixed in self._binds]
        values = list(zip(*columns, strict=True))
        if self.dialect.positional:
            return values
        names = [name for name, _, _ in self._binds]
        return [dict(zip(names, row, strict=True)) for row in values]

    def in_steps(self, values: Sequence[Values]) -> Iterator[tuple[str, Sequence[Values]]]:
        """The texts that write these rows, each with what it is run for: for a driver with positions."""
        done, width = 0, self._width
        # What stands behind the rows of an INSERT stands there once.
        if width and len({row[width:] for row in values}) == 1:
            behind = values[0][width:]
            for most, text in self._wider:
                full = done + (len(values) - done) // most * most
                if full > done:
                    wide = (values[at : at + most] for at in range(done, full, most))
                    yield text, [(*chain(*(row[:width] for row in rows)), *behind) for rows in wide]
                    done = full
        if done < len(values):
            yield self.text, values[done:]

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


def _wider(text: str, parameters: int) -> tuple[int, list[tuple[int, str]]]:
    """An INSERT of one row as those of several: the parameters of a row, and the texts by their rows."""
    found = _VALUES.search(text)
    if found is None or text.count("?") != parameters or "?" in text[: found.start()]:
        return 0, []
    ahead, row, behind = text[: found.start(1)], found[1], text[found.end() :]
    return row.count("?"), [(most, ahead + ", ".join([row] * most) + behind) for most in _TOGETHER]


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
        compiled = self._for(reader.dialect)
        return compiled.out(_fetch(reader, compiled, compiled.bound(named)))

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
        compiled = self._for(reader.dialect)
        values = compiled.bound_all(rows)
        driver = reader.driver
        if driver is None:
            return reader.connection.exec_driver_sql(compiled.text, values).rowcount
        try:
            if len(values) == 1:
                return driver.write(compiled.text, values)
            return sum(driver.write(text, part) for text, part in compiled.in_steps(values))
        except apsw_dbapi.Error as error:
            raise _wrapped(compiled, values, error) from error

    def later(self, unit: Unit, *rows: Mapping[str, object]) -> None:
        """Writes rows that nobody reads but through the transaction: in `Unit.together` with others."""
        if not unit.put_off(self, rows):
            self.run(unit, rows)

    @cached_property
    def order(self) -> int:
        """Tables after those that their rows name, and changes after all new rows.

        Raises TypeError for what is neither.
        """
        if not isinstance(self._statement, Insert | Update) or not isinstance(self._statement.table, Table):
            raise TypeError("only new rows of a table and changes of them can be put off")
        table = self._statement.table
        places = table.metadata.sorted_tables
        return places.index(table) + len(places) * isinstance(self._statement, Update)

    def _for(self, dialect: Dialect) -> _Compiled:
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = _Compiled(self._statement, dialect, self._columns)
        return known


def _fetch(reader: Reader, compiled: _Compiled, values: Any) -> list[Values]:
    driver = reader.driver
    if driver is None:
        result = reader.connection.exec_driver_sql(compiled.text, values)
        return [tuple(row) for row in result] if result.returns_rows else []
    try:
        return driver.rows(compiled.text, values)
    except apsw_dbapi.Error as error:
        raise _wrapped(compiled, values, error) from error


def _wrapped(compiled: _Compiled, values: Any, error: apsw_dbapi.Error) -> BaseException:
    return DBAPIError.instance(
        compiled.text, values, error, apsw_dbapi.Error, dialect=compiled.dialect, hide_parameters=True
    )
