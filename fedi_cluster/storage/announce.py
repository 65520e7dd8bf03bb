"""Tells other processes on PostgreSQL that something was written; it says nothing about what.

NOTIFY inside a transaction takes a lock of the whole server at its commit, so it is sent afterwards, from one
thread, at most some fifty times a second.
"""

import logging
import threading

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from fedi_cluster.storage.held import drop

CHANNEL = "fedi_cluster"
_PAUSE = 0.02
_log = logging.getLogger(__name__)


class Announcer:
    """Sends NOTIFY on CHANNEL soon after `wake`; several calls in one pause become one message."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wanted = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Let the listeners know; returns at once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="storage-announcer", daemon=True)
                self._thread.start()
        self._wanted.set()

    def close(self) -> None:
        """Send what is wanted, then end."""
        self._closing.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        connection: Connection | None = None
        last = False
        while not last:
            self._wanted.wait()
            last = self._closing.is_set()
            self._wanted.clear()
            try:
                if connection is None:
                    connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
                connection.commit()
            except SQLAlchemyError as error:
                # Listeners read again after their own reconnection, so that nothing is lost for good.
                _log.warning("could not announce a change: %s", error)
                if connection is not None:
                    drop(connection)
                    connection = None
            self._closing.wait(_PAUSE)
        if connection is not None:
            drop(connection)
