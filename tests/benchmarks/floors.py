"""The floors: what the machine and the libraries give with nothing of ours, measured in the same run."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from tests.benchmarks.bare import BareLog
from tests.benchmarks.measure import ROOT, SERVER_CPU, CannotRun, rss_mib
from tests.benchmarks.place import end, first_answer

_MESSAGE = (
    b"(request-target): post /inbox\nhost: a.example\ndate: Mon, 23 Nov 2026 10:00:00 GMT\n" + b"x" * 200
)
_BODY = b"x" * 1500


def _rate(work: Callable[[], object], seconds: float) -> float:
    work()
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds:
        for _ in range(20):
            work()
        done += 20
    return done / took


def rsa_signatures(seconds: float) -> float:
    """RSA-2048 signatures a second of one core, the key held."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs1, hashed = padding.PKCS1v15(), SHA256()
    return _rate(lambda: key.sign(_MESSAGE, pkcs1, hashed), seconds)


def rsa_verifications(seconds: float) -> float:
    """RSA-2048 verifications a second of one core, the key held."""
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256

    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key, pkcs1, hashed = private.public_key(), padding.PKCS1v15(), SHA256()
    signature = private.sign(_MESSAGE, pkcs1, hashed)
    return _rate(lambda: key.verify(signature, _MESSAGE, pkcs1, hashed), seconds)


def commits(url: str, waiting: int, seconds: float) -> float:
    """Rows of 1.5 KB a second that a bare group commit keeps for good, with so many callers at once."""

    async def measure(log: BareLog) -> float:
        done, ends = 0, time.perf_counter() + seconds

        async def caller() -> None:
            nonlocal done
            while time.perf_counter() < ends:
                done += 1
                await log.append((f"https://a.example/{os.getpid()}/{began}/{done}", "a", _BODY))

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(waiting)))
        return done / (time.perf_counter() - began)

    with tempfile.TemporaryDirectory(prefix="fc-bench-log-") as folder:
        log = BareLog(url if url.startswith("postgresql") else f"sqlite:///{folder}/log.sqlite")
        try:
            return asyncio.run(measure(log))
        finally:
            log.close()


def rows_at_once(url: str, number: int) -> float:
    """Milliseconds of a bare executemany of so many small rows in one transaction."""
    rows = [
        (number_, f"out:host{number_}.example", "ready", '{"activity_id": 1}') for number_ in range(number)
    ]
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url) as held, held.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS bare_rows")
            cursor.execute("CREATE TABLE bare_rows (id bigint PRIMARY KEY, lane text, state text, what text)")
            held.commit()
            began = time.perf_counter()
            cursor.executemany("INSERT INTO bare_rows VALUES (%s, %s, %s, %s)", rows)
            held.commit()
            took = time.perf_counter() - began
            cursor.execute("DROP TABLE bare_rows")
        return took * 1000
    import apsw

    with tempfile.TemporaryDirectory(prefix="fc-bench-rows-") as folder:
        connection = apsw.Connection(f"{folder}/rows.sqlite")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL").fetchall()
        connection.execute(
            "CREATE TABLE bare_rows (id INTEGER PRIMARY KEY, lane TEXT, state TEXT, what TEXT)"
        )
        began = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO bare_rows VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        took = time.perf_counter() - began
        connection.close()
    return took * 1000


def twenty_ids(url: str, rounds: int) -> float:
    """Microseconds of a bare SELECT of the newest twenty ids of the cluster timeline by its key."""
    statement = "SELECT post_id FROM cluster_post ORDER BY post_id DESC LIMIT 20"
    if url.startswith("postgresql"):
        import psycopg

        with psycopg.connect(url, autocommit=True) as held:
            return _each(lambda: held.execute(statement).fetchall(), rounds)
    import apsw

    connection = apsw.Connection(url.removeprefix("sqlite:///"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return _each(lambda: connection.execute(statement).fetchall(), rounds)
    finally:
        connection.close()


def _each(work: Callable[[], object], rounds: int) -> float:
    work()
    began = time.perf_counter()
    for _ in range(rounds):
        work()
    return (time.perf_counter() - began) / rounds * 1e6


class BareServer:
    """A bare server (`bare.py`) on one processor; as a context manager it ends with its block."""

    def __init__(self, kind: str, port: int, key: Path | None = None, *, cpu: int = SERVER_CPU) -> None:
        self._line = [sys.executable, "-m", "tests.benchmarks.bare", kind, str(port), str(key or "")]
        self._port, self._cpu = port, cpu
        self.answered_ms = 0.0

    def __enter__(self) -> "BareServer":
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self._line,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
        )
        os.sched_setaffinity(self._process.pid, {self._cpu})
        first_answer(self._process, self._port, f"127.0.0.1:{self._port}")
        self.answered_ms = (time.perf_counter() - began) * 1000
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        end(self._process)

    def request(self, size: int) -> bytes:
        """A ready GET that is answered with so many bytes."""
        return f"GET /{size} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n\r\n".encode("ascii")


def idle_interpreter() -> float:
    """MiB of a fresh interpreter with uvicorn and SQLAlchemy imported, which does nothing."""
    code = "import uvicorn, sqlalchemy, sys; print('ready', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        if process.stdout.readline().strip() != b"ready":
            raise CannotRun("a bare interpreter could not import uvicorn and sqlalchemy")
        return rss_mib(process.pid)
    finally:
        process.stdin.close()
        process.wait(5)
        process.stdout.close()
