"""Copies of an SQLite file by SQLite's own backup, page by page from one snapshot, while others write."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import apsw

from fedi_cluster.kernel.errors import ClusterError, Conflict
from fedi_cluster.storage.copy_shapes import Contents, DamagedCopy, InUse, NotEmpty
from fedi_cluster.storage.disk import sync
from fedi_cluster.storage.engine import BUSY_SECONDS
from fedi_cluster.storage.serving_lock import serving_lock

_PAGES = 256  # one step is a mebibyte: between two of them the command can be ended
_COMPANIONS = ("-wal", "-shm", "-journal")


class SqlitePlace:
    """An SQLite file that is there, or is to be."""

    engine = "sqlite"
    file_name = "database.sqlite"

    def __init__(self, file: Path) -> None:
        self.file = file

    def size(self) -> int:
        """The file, and what stands in its log and is not in the file yet."""
        parts = [self.file, self.file.with_name(f"{self.file.name}-wal")]
        return sum(part.stat().st_size for part in parts if part.exists())

    def contents(self) -> Contents:
        """What is in the file now."""
        with _opened(self.file) as connection:
            return _contents(connection)

    def take(self, target: Path) -> Contents:
        """The file at the moment of the first step.

        The transaction that reads stays open over all steps. So in WAL mode no writer waits, and no write of
        another process makes the backup begin again, which it otherwise does for ever on a busy server.
        """
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with _opened(self.file) as source, _opened(target) as copy:
            # It is thrown away where it is not finished: neither journal nor waiting for the disk on the way.
            _pragma(copy, "journal_mode = OFF")
            _pragma(copy, "synchronous = OFF")
            source.execute("BEGIN")
            contents = _contents(source)
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(_PAGES)
            source.execute("ROLLBACK")
            _pragma(copy, "journal_mode = DELETE")  # one file that says all, without a log beside it
        sync(target)
        return contents

    def examine(self, file: Path) -> None:
        """SQLite's own check of each page and index, and that no row points nowhere."""
        try:
            with _opened(file, readonly=True) as connection:
                found = _pragma(connection, "integrity_check")
                broken = _pragma(connection, "foreign_key_check")
                if not _contents(connection).counts:
                    found = "it has no tables"
        except ClusterError as error:
            raise DamagedCopy(f"The copy {file} cannot be read: {error.detail}.") from error
        if found != "ok" or broken is not None:
            raise DamagedCopy(f"The copy {file} is damaged: {found if found != 'ok' else broken}.")

    def put_back(
        self, file: Path, prepare: Callable[[str], None], *, stamp: str, replace: bool
    ) -> str | None:
        """Copies beside the place, prepares there, and renames: the place has the old one or the new one."""
        there = self.file.exists() and self.file.stat().st_size > 0
        if there and not replace:
            raise NotEmpty(
                f"There is a database {self.file} already; --replace moves it aside and takes the copy."
            )
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with ExitStack() as held:
            try:
                held.enter_context(serving_lock(f"sqlite:///{self.file}"))  # no server begins meanwhile
            except Conflict as error:
                raise self._in_use() from error
            if there:
                self._refuse_in_use()
            aside = self._exchange(file, prepare, stamp if there else None)
        sync(self.file.parent)
        return str(aside) if aside else None

    def _exchange(self, file: Path, prepare: Callable[[str], None], stamp: str | None) -> Path | None:
        fresh = self.file.with_name(f"{self.file.name}.restoring")
        _remove(fresh)
        try:
            os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            shutil.copyfile(file, fresh)
            self.examine(fresh)
            prepare(f"sqlite:///{fresh}")
            with _opened(fresh) as connection:
                _pragma(connection, "journal_mode = DELETE")
            sync(fresh)
            aside = self._set_aside(stamp) if stamp else None
            fresh.replace(self.file)
        finally:
            _remove(fresh)
        return aside

    def _refuse_in_use(self) -> None:
        """Leaving WAL mode needs the file for itself, so it fails while anybody has it open.

        A file that is too damaged to be opened is in nobody's use.
        """
        try:
            with _opened(self.file) as connection:
                connection.set_busy_timeout(200)
                _pragma(connection, "journal_mode = DELETE")
        except ClusterError as error:
            if isinstance(error.__cause__, apsw.BusyError | apsw.LockedError):
                raise self._in_use() from error

    def _in_use(self) -> InUse:
        return InUse(f"The database {self.file} is in use; stop the server, and every other command, first.")

    def _set_aside(self, stamp: str) -> Path:
        """A second name for the old file: the first one is the old database until it is the new one."""
        self._refuse_in_use()
        aside = self.file.with_name(f"{self.file.name}.before-{stamp}")
        try:
            os.link(self.file, aside)
        except OSError:  # a file system that knows no second names
            self.file.rename(aside)
        for end in _COMPANIONS:  # only a damaged one still has them here
            part = self.file.with_name(self.file.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
        return aside


@contextmanager
def _opened(file: Path, *, readonly: bool = False) -> Iterator[apsw.Connection]:
    """A connection of our own to a file that exists; the driver's errors become sentences."""
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE
    try:
        connection = apsw.Connection(str(file), flags=flags)
        try:
            connection.set_busy_timeout(round(BUSY_SECONDS * 1000))
            yield connection
        finally:
            connection.close(force=True)
    except apsw.FullError as error:
        raise ClusterError(f"There is no room left beside {file}.", detail=str(error)) from error
    except apsw.Error as error:
        raise ClusterError(f"The database {file} cannot be copied: {error}.", detail=str(error)) from error


def _pragma(connection: apsw.Connection, what: str) -> object:
    """The first value that a PRAGMA gives, None where it gives no row."""
    row = connection.execute(f"PRAGMA {what}").fetchone()
    return row[0] if row else None


def _contents(connection: apsw.Connection) -> Contents:
    names = [
        str(row[0])
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    counts: dict[str, int] = {}
    for name in names:
        row = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608 - its own tables
        counts[name] = int(row[0]) if row else 0
    schema = None
    if counts.pop("alembic_version", 0):
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        schema = str(row[0]) if row else None
    return Contents(schema, counts)


def _remove(file: Path) -> None:
    for end in ("", *_COMPANIONS):
        file.with_name(file.name + end).unlink(missing_ok=True)
