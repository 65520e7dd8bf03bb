"""A mark beside the data while a restore exchanges it: what such a one left when it was killed is not used.

It holds what a host is to run. It repairs nothing: the restore does, when it is run again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.disk import sync

_NAME = "restore.unfinished"


@contextmanager
def exchanging(data_dir: Path, again: str) -> Iterator[None]:
    """The mark stands during the block; `again` is the command that finishes it after a kill.

    A block that fails has undone what it did: the mark of one before it, which was killed, stays.
    """
    mark = data_dir / _NAME
    former = mark.read_text("utf-8") if mark.exists() else None
    _write(mark, again)
    try:
        yield
    except BaseException:
        if former is None:
            mark.unlink()
        else:
            _write(mark, former)
        raise
    mark.unlink()
    sync(data_dir)


def _write(mark: Path, again: str) -> None:
    with os.fdopen(os.open(mark, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as written:
        written.write(again)
        written.flush()
        os.fsync(written.fileno())
    sync(mark.parent)


def refuse_unfinished(data_dir: Path) -> None:
    """Raises `Conflict` with the command to run where a restore was killed while it exchanged the data."""
    mark = data_dir / _NAME
    if mark.exists():
        again = mark.read_text("utf-8")
        raise Conflict(f"A restore into {data_dir} was killed before its end; run it again: {again}")
