"""The floors that are servers: what the same uvicorn does with nothing of ours behind it.

`python -m tests.benchmarks.bare KIND PORT KEY`: `bytes` answers `/N` with N ready bytes; `inbox` verifies a
signature with the held key in the file KEY (PEM) and appends the body to a log, durably.
"""

import asyncio
import queue
import re
import sys
import threading
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "cache_size = -4096")
_TABLE = "CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, uri TEXT NOT NULL UNIQUE, sender TEXT, body BLOB)"
_INSERT = "INSERT OR IGNORE INTO log (uri, sender, body) VALUES (?, ?, ?)"
_INSERT_POSTGRES = "INSERT INTO log (uri, sender, body) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"

Row = tuple[str, str, bytes]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BareLog:
    """Rows in a table, committed in groups by one thread: the least that durable writing costs.

    On SQLite by the driver alone with synchronous=FULL, on PostgreSQL by the driver alone.
    """

    def __init__(self, url: str) -> None:
        self._waiting: queue.SimpleQueue[tuple[Row, Callable[[], object]] | None] = queue.SimpleQueue()
        self.commits = 0
        work = self._on_sqlite if url.startswith("sqlite") else self._on_postgres
        self._thread = threading.Thread(target=work, args=(url,), name="bare-log")
        self._thread.start()

    async def append(self, row: Row) -> None:
        """Returns when the row is committed for good."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        self._waiting.put((row, lambda: loop.call_soon_threadsafe(done.set_result, None)))
        await done

    def close(self) -> None:
        """Ends the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _groups(self, commit: Callable[[Sequence[Row]], None]) -> None:
        while (first := self._waiting.get()) is not None:
            group = [first]
            while len(group) < 500:
                try:
                    more = self._waiting.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._waiting.put(None)
                    break
                group.append(more)
            commit([row for row, _ in group])
            self.commits += 1
            for _, tell in group:
                tell()

    def _on_sqlite(self, url: str) -> None:
        import apsw

        connection = apsw.Connection(url.removeprefix("sqlite:///"))
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute(_TABLE)

        def commit(rows: Sequence[Row]) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")

        self._groups(commit)
        connection.close()

    def _on_postgres(self, url: str) -> None:
        import psycopg

        with psycopg.connect(url) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS log (id bigserial PRIMARY KEY, uri text NOT NULL UNIQUE,"
                " sender text, body bytea)"
            )
            connection.commit()

            def commit(rows: Sequence[Row]) -> None:
                with connection.cursor() as cursor:
                    cursor.executemany(_INSERT_POSTGRES, rows)
                connection.commit()

            self._groups(commit)


def _bytes_app() -> Callable[..., Awaitable[None]]:
    """Answers `/N` with N ready bytes, everything else with two."""
    ready: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}

    async def app(scope: MutableMapping[str, Any], _receive: Receive, send: Send) -> None:
        path = scope["path"]
        known = ready.get(path)
        if known is None:
            body = b"x" * (int(path[1:]) if path[1:].isdigit() else 2)
            headers = [(b"content-type", b"text/html"), (b"content-length", str(len(body)).encode("ascii"))]
            start = {"type": "http.response.start", "status": 200, "headers": headers}
            known = ready[path] = start, {"type": "http.response.body", "body": body}
        await send(known[0])
        await send(known[1])

    return app


def _inbox_app(pem: bytes, log: BareLog) -> Callable[..., Awaitable[None]]:
    """Reads, digests, verifies with a held key, appends, answers 202: nothing that an inbox could leave out."""
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = load_pem_public_key(pem)
    assert isinstance(key, RSAPublicKey)
    pkcs1, hashed = padding.PKCS1v15(), SHA256()
    accepted = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
    health = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] == "GET":
            await send(health)
            await send({"type": "http.response.body", "body": b""})
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers["digest"] != "SHA-256=" + b64encode(sha256(body).digest()).decode("ascii"):
            raise ValueError("the digest is wrong")
        parameters = dict(_PARAMETER.findall(headers["signature"]))
        lines = [
            f"{name}: post {scope['path']}" if name == "(request-target)" else f"{name}: {headers[name]}"
            for name in parameters["headers"].split(" ")
        ]
        key.verify(b64decode(parameters["signature"]), "\n".join(lines).encode("latin-1"), pkcs1, hashed)
        at = body.index(b'"id":"') + 6
        uri = body[at : body.index(b'"', at)].decode("utf-8")
        await log.append((uri, parameters["keyId"], body))
        await send(accepted)
        await send({"type": "http.response.body", "body": b""})

    return app


def run(kind: str, port: int, argument: str) -> None:
    """Serves on loopback, with uvicorn set as `fedi-cluster serve` sets it, until SIGTERM."""
    import uvicorn
    import uvloop

    log = None
    if kind == "bytes":
        app = _bytes_app()
    else:
        # Beside the key: who starts this throws the folder away, since a signal ends us without a last word.
        log = BareLog(f"sqlite:///{Path(argument).with_suffix('.sqlite')}")
        app = _inbox_app(Path(argument).read_bytes(), log)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
    )
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(uvicorn.Server(config).serve())
    finally:
        if log is not None:
            log.close()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3])
