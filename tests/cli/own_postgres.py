"""A PostgreSQL of one test that keeps its promises (fsync), and that the test kills and starts again."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

PATIENCE = 30


class OwnPostgres:
    """A server in a folder of its own; `folder` has its socket."""

    def __init__(self, binaries: Path, folder: Path, owner: str | None) -> None:
        self.folder = folder
        self._binaries = binaries
        self._owner = owner  # as root the user `postgres`: PostgreSQL refuses root
        self._groups: list[int] | None = None if owner is None else []
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def fresh(self) -> str:
        """The URL of a new, empty database."""
        self._made += 1
        with psycopg.connect(host=str(self.folder), user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE region_{self._made}")
        return f"postgresql://postgres@/region_{self._made}?host={self.folder}"

    def make(self) -> None:
        """An empty cluster, running."""
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        until = time.monotonic() + PATIENCE
        while not self._starts():
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.1)  # what the killed one held is not free yet

    def kill(self) -> None:
        """kill -9 of the server and of all its processes: nothing may be tidied up."""
        assert self._process is not None
        main = self._process.pid
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        for one in (main, *map(int, children)):
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(PATIENCE)

    def stop(self) -> None:
        """Ends it at once, in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(PATIENCE)

    def _starts(self) -> bool:
        place = [f"--unix_socket_directories={self.folder}", "--listen_addresses=", "--max_connections=150"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", "data", "--fsync=on", "--shared_buffers=32MB", *place],
                stdout=log, stderr=log, cwd=self.folder,
                user=self._owner, group=self._owner, extra_groups=self._groups,
            )  # fmt: skip
        while self._process.poll() is None:
            try:
                psycopg.connect(host=str(self.folder), user="postgres", connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / program, *arguments],
            check=True, capture_output=True, cwd=self.folder,
            user=self._owner, group=self._owner, extra_groups=self._groups,
        )  # fmt: skip


@contextmanager
def own_postgres(binaries: Path | None) -> Iterator[OwnPostgres]:
    """A new server on disk; it and its folder are gone afterwards."""
    if binaries is None:
        pytest.skip("no PostgreSQL")
    owner = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="fc-own-pg-"))
    if owner is not None:
        account = pwd.getpwnam(owner)
        os.chown(folder, account.pw_uid, account.pw_gid)
    server = OwnPostgres(binaries, folder, owner)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
