"""That only one process serves an SQLite database: a lock beside its file; it keeps no command away from it.

Two would each work the jobs, and each would keep visitors of the other waiting for the one writer. The lock
is the kernel's and ends with its process, however that ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from fedi_cluster.kernel.errors import Conflict


@contextmanager
def serving_lock(database_url: str, inherited: int | None = None) -> Iterator[int | None]:
    """Holds the right to serve this database for the time of the block; gives the lock's descriptor.

    PostgreSQL is for many: nothing is locked, None. `inherited` is the descriptor that the former image of
    this process held, which is then held on. Raises `Conflict` where another process serves.
    """
    url = make_url(database_url)
    if url.drivername != "sqlite" or not url.database:
        yield None
        return
    number = inherited if inherited is not None else _open(Path(f"{url.database}.serving"))
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            who = os.pread(number, 20, 0).decode("ascii", "replace").strip()
            raise Conflict(
                f"Another “fedi-cluster serve” (process {who or 'unknown'}) serves this SQLite database: "
                "stop it first, or use PostgreSQL (setting database_url), which any number may share."
            ) from error
        os.ftruncate(number, 0)
        os.pwrite(number, b"%d\n" % os.getpid(), 0)
        yield number
    finally:
        os.close(number)


def _open(file: Path) -> int:
    return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
