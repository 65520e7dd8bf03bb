"""PEP 249 over apsw, as far as SQLAlchemy's SQLite dialect needs it; it never opens a transaction by itself.

The interpreter's own sqlite3 module is tied to whatever library the system has (docs/decisions/0002). Two
departures from PEP 249 are meant: the binding is always in autocommit, so that a transaction exists exactly
between an explicit BEGIN and `commit` or `rollback`; and types are SQLite's own, without constructors
for dates (they travel as the text that SQLAlchemy's types make of them).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

import apsw

apilevel = "2.0"
paramstyle = "qmark"
threadsafety = 1  # threads share the module; a connection may change hands, but not be used by two at once

sqlite_version: str = apsw.sqlite_lib_version()
sqlite_version_info: tuple[int, int, int] = (
    int(sqlite_version.split(".", maxsplit=1)[0]),
    int(sqlite_version.split(".")[1]),
    int(sqlite_version.split(".")[2]),
)
version = apsw.apsw_version()

Value = None | int | float | str | bytes
Row = tuple[Value, ...]
Parameters = Sequence[object] | Mapping[str, object]
Column = tuple[str, None, None, None, None, None, None]

Binary = bytes

# Flags that SQLAlchemy's dialect may look up in its driver; this one converts no types.
PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2


class Warning(Exception):  # noqa: A001 - the name that PEP 249 gives
    """Part of PEP 249; never raised."""


class Error(Exception):
    """The root; `sqlite_errorcode` is SQLite's extended result code, 0 where SQLite was not reached."""

    sqlite_errorcode: int = 0


class InterfaceError(Error):
    """The binding was used wrongly."""


class DatabaseError(Error):
    """The database, not the binding, has a fault: also a damaged file."""


class DataError(DatabaseError):
    """A value does not fit SQLite: too big, or not encodable."""


class OperationalError(DatabaseError):
    """Locked, full, unreadable, interrupted; also unknown tables and faults of syntax."""


class IntegrityError(DatabaseError):
    """A constraint was broken; the text is SQLite's: `UNIQUE constraint failed: table.column`."""


class InternalError(DatabaseError):
    """SQLite found a fault in itself."""


class ProgrammingError(DatabaseError):
    """Wrong number or type of parameters, a closed connection, or two threads at once."""


class NotSupportedError(DatabaseError):
    """Part of PEP 249; never raised."""


_CLOSED = "Cannot operate on a closed database."  # the words by which SQLAlchemy knows a lost connection

_KINDS: dict[type[BaseException], type[Error]] = {
    apsw.ConstraintError: IntegrityError,
    apsw.MismatchError: IntegrityError,
    apsw.TooBigError: DataError,
    apsw.InternalError: InternalError,
    apsw.NotFoundError: InternalError,
    apsw.CorruptError: DatabaseError,
    apsw.NotADBError: DatabaseError,
    apsw.FormatError: DatabaseError,
    apsw.RangeError: InterfaceError,
    apsw.MisuseError: InterfaceError,
    apsw.BindingsError: ProgrammingError,
    apsw.ConnectionClosedError: ProgrammingError,
    apsw.CursorClosedError: ProgrammingError,
    apsw.ThreadingViolationError: ProgrammingError,
    apsw.ForkingViolationError: ProgrammingError,
    TypeError: ProgrammingError,
    KeyError: ProgrammingError,
    OverflowError: DataError,
    UnicodeEncodeError: DataError,
}
_CAUGHT = (apsw.Error, TypeError, KeyError, OverflowError, UnicodeEncodeError)


def _reraise(error: BaseException) -> NoReturn:
    """Raise what PEP 249 calls `error`; the original stays as its cause."""
    if isinstance(error, apsw.NoMemError):
        raise MemoryError(str(error)) from error
    if isinstance(error, (apsw.ConnectionClosedError, apsw.CursorClosedError)):
        raise ProgrammingError(_CLOSED) from error
    kind = _KINDS.get(type(error), OperationalError)
    text = f"no value for parameter {error}" if isinstance(error, KeyError) else str(error)
    fresh = kind(text)
    code = getattr(error, "extendedresult", 0)
    fresh.sqlite_errorcode = code if isinstance(code, int) else 0
    raise fresh from error


class _Trace:
    """Sees each statement just before it runs: afterwards apsw hides the columns of no rows."""

    __slots__ = ("changed", "columns", "many", "readonly", "started", "text")

    def __init__(self) -> None:
        self.begin(many=False)

    def begin(self, *, many: bool) -> None:
        self.many = many
        self.started = 0
        self.changed = 0
        self.readonly = True
        self.columns: tuple[tuple[str, str], ...] = ()
        self.text = ""

    def __call__(self, cursor: apsw.Cursor, text: str, _bindings: object) -> bool:
        if self.started:
            if not self.many or text != self.text:
                raise ProgrammingError("You can only execute one statement at a time.")
            if not self.readonly:
                self.changed += cursor.connection.changes()
        else:
            self.columns = cursor.get_description()
            self.readonly = cursor.is_readonly
            self.text = text
        self.started += 1
        return True


class Cursor:
    """One statement and its rows. Rows of a writing statement (RETURNING) are read at once, so that no
    unfinished write stands in the way of a COMMIT; rows of a reading one are read as they are fetched."""

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.description: tuple[Column, ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self._cursor: apsw.Cursor | None = connection.driver_connection.cursor()
        self._cursor.exec_trace = connection.trace
        self._ready: list[Row] | None = None
        self._taken = 0

    def execute(self, operation: str, parameters: Parameters = ()) -> "Cursor":
        """Run one statement; a sequence fills `?`, a mapping `:name`."""
        self._run(operation, parameters, None)
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> "Cursor":
        """Run one statement once for each set of parameters; `rowcount` is the sum."""
        self._run(operation, (), seq_of_parameters)
        return self

    def fetchone(self) -> Row | None:
        """The next row, or None."""
        if self._ready is not None:
            if self._taken >= len(self._ready):
                return None
            self._taken += 1
            return self._ready[self._taken - 1]
        try:
            row: Row | None = self._open().fetchone()
        except _CAUGHT as error:
            _reraise(error)
        return row

    def fetchmany(self, size: int | None = None) -> list[Row]:
        """Up to `size` rows (default `arraysize`)."""
        rows: list[Row] = []
        for _ in range(self.arraysize if size is None else size):
            row = self.fetchone()
            if row is None:
                break
            rows.append(row)
        return rows

    def fetchall(self) -> list[Row]:
        """All rows that are left."""
        if self._ready is not None:
            rows, self._taken = self._ready[self._taken :], len(self._ready)
            return rows
        try:
            left: list[Row] = self._open().fetchall()
        except _CAUGHT as error:
            _reraise(error)
        return left

    def __iter__(self) -> Iterator[Row]:
        while (row := self.fetchone()) is not None:
            yield row

    def setinputsizes(self, sizes: object) -> None:
        """Part of PEP 249; SQLite needs no sizes."""

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Part of PEP 249; SQLite needs no sizes."""

    def close(self) -> None:
        """Give the statement back; closing twice does no harm."""
        cursor, self._cursor, self._ready = self._cursor, None, None
        if cursor is not None:
            try:
                cursor.close(force=True)
            except _CAUGHT as error:
                _reraise(error)

    def _open(self) -> apsw.Cursor:
        if self._cursor is None:
            raise ProgrammingError("Cannot operate on a closed cursor.")
        return self._cursor

    def _run(self, operation: str, parameters: Parameters, many: Iterable[Parameters] | None) -> None:
        cursor = self._open()
        database = self.connection.driver_connection
        trace = self.connection.trace
        trace.begin(many=many is not None)
        self.description, self.rowcount, self._ready, self._taken = None, -1, None, 0
        try:
            if many is None:
                cursor.execute(operation, parameters)  # apsw checks each value
            else:
                cursor.executemany(operation, many)
            if not trace.readonly:
                self._ready = cursor.fetchall()
                self.lastrowid = database.last_insert_rowid()
                self.rowcount = trace.changed + database.changes()
            elif many is not None and not trace.started:
                self._ready, self.rowcount = [], 0
        except _CAUGHT as error:
            _reraise(error)
        if trace.columns:
            self.description = tuple((name, None, None, None, None, None, None) for name, _ in trace.columns)


class Connection:
    """One connection to one database file; in autocommit until somebody says BEGIN."""

    Warning = Warning
    Error = Error
    InterfaceError = InterfaceError
    DatabaseError = DatabaseError
    DataError = DataError
    OperationalError = OperationalError
    IntegrityError = IntegrityError
    InternalError = InternalError
    ProgrammingError = ProgrammingError
    NotSupportedError = NotSupportedError

    def __init__(self, driver_connection: apsw.Connection) -> None:
        self.driver_connection = driver_connection
        self.isolation_level: str | None = None  # SQLAlchemy reads and sets it; autocommit either way
        self.trace = _Trace()

    def cursor(self) -> Cursor:
        """A fresh cursor."""
        try:
            return Cursor(self)
        except _CAUGHT as error:
            _reraise(error)

    def execute(self, operation: str, parameters: Parameters = ()) -> Cursor:
        """A fresh cursor that has run `operation`."""
        return self.cursor().execute(operation, parameters)

    def rows(self, operation: str, parameters: Parameters) -> list[Row]:
        """All rows of one statement, without a cursor of PEP 249 around them: for prepared statements."""
        try:
            found: list[Row] = self.driver_connection.execute(operation, parameters).fetchall()
        except _CAUGHT as error:
            _reraise(error)
        return found

    def write(self, operation: str, seq_of_parameters: Iterable[Parameters]) -> int:
        """Runs one statement for each set of parameters, as `rows` does; gives how many rows that changed."""
        driver = self.driver_connection
        before = driver.total_changes()
        try:
            driver.executemany(operation, seq_of_parameters)
        except _CAUGHT as error:
            _reraise(error)
        return driver.total_changes() - before

    @property
    def in_transaction(self) -> bool:
        """Whether a BEGIN is open; False also after SQLite rolled back by itself (a full disk)."""
        return self.driver_connection.in_transaction

    def commit(self) -> None:
        """COMMIT what is open; without an open transaction nothing happens."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """ROLLBACK what is open; without an open transaction nothing happens."""
        self._end("ROLLBACK")

    def close(self) -> None:
        """Close, rolling back what is open; closing twice does no harm."""
        try:
            self.driver_connection.close()
        except _CAUGHT as error:
            _reraise(error)

    def interrupt(self) -> None:
        """Stop what runs on this connection, from any thread: it ends with OperationalError."""
        try:
            self.driver_connection.interrupt()
        except _CAUGHT as error:
            _reraise(error)

    def create_function(
        self, name: str, narg: int, func: Callable[..., Value] | None, *, deterministic: bool = False
    ) -> None:
        """Make a Python function callable from SQL; `narg` -1 takes any number of arguments."""
        try:
            self.driver_connection.create_scalar_function(name, func, narg, deterministic=deterministic)
        except _CAUGHT as error:
            _reraise(error)

    def _end(self, how: str) -> None:
        try:
            if self.driver_connection.in_transaction:
                self.driver_connection.execute(how)
        except _CAUGHT as error:
            _reraise(error)


def memory_used() -> int:
    """Bytes that SQLite holds in this process: the caches of all connections, mostly."""
    return apsw.status(apsw.SQLITE_STATUS_MEMORY_USED)[0]


def connect(
    database: str,
    *,
    timeout: float = 5.0,
    isolation_level: str | None = None,
    check_same_thread: bool = True,
    cached_statements: int = 128,
    uri: bool = False,
) -> Connection:
    """Open a database file or `:memory:`; `timeout` in seconds is how long a locked one is waited for.

    `isolation_level` and `check_same_thread` are there because SQLAlchemy passes them: the first has no
    effect, and apsw itself refuses two threads at once. Raises OperationalError where it cannot be opened.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    if uri:
        flags |= apsw.SQLITE_OPEN_URI
    try:
        driver_connection = apsw.Connection(database, flags=flags, statementcachesize=cached_statements)
        driver_connection.set_busy_timeout(round(timeout * 1000))
    except _CAUGHT as error:
        _reraise(error)
    return Connection(driver_connection)
