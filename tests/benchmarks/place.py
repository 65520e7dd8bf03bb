"""The measured instance: founded by the commands of a host, with a sister, and run as a real server process."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from fedi_cluster.demo.commands import run_command
from fedi_cluster.demo.servers import free_ports
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.settings import Settings, load
from fedi_cluster.storage.engine import open_engine
from fedi_cluster.storage.tables.actors import actor, actor_key
from tests.benchmarks.measure import LOAD_CPU, ROOT, SERVER_CPU, CannotRun, cpu_ms, rss_mib
from tests.benchmarks.postgres import Postgres

_PATIENCE = 60.0
LOOPBACK = "127.0.0.1"
BOTH = (SERVER_CPU, LOAD_CPU)


@dataclass(frozen=True, slots=True)
class Place:
    """A founded instance: settings file, database, and where it answers."""

    name: str
    config: Path
    port: int
    database_url: str

    @property
    def authority(self) -> str:
        """Host and port, as they stand in its ids."""
        return f"{self.name}.localhost:{self.port}"

    @property
    def base(self) -> str:
        """Its public address."""
        return f"http://{self.authority}"

    def settings(self) -> Settings:
        """As a process of this instance reads them."""
        return load(self.config, {"FEDI_CLUSTER_DATABASE_URL": self.database_url})

    def command(self, *arguments: str) -> str:
        """What a command of its host says; `CannotRun` with the complaint where it fails."""
        return command("--config", str(self.config), *arguments)

    def request(self, path: str, accept: str = "text/html") -> bytes:
        """A ready GET."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: {self.authority}\r\nAccept: {accept}\r\n"
            f"Accept-Language: en\r\nUser-Agent: benchmark\r\n\r\n"
        ).encode("ascii")

    def private_keys(self) -> dict[str, PrivateKeys]:
        """The keys of its local actors by their ids."""
        engine = open_engine(self.database_url)
        try:
            with engine.connect() as connection:
                rows = connection.execute(
                    sa.select(actor.c.uri, actor_key.c.rsa_pem, actor_key.c.ed25519_pem).join(
                        actor_key, actor_key.c.actor_id == actor.c.id
                    )
                ).all()
        finally:
            engine.dispose()
        return {row.uri: PrivateKeys(row.uri, row.rsa_pem, row.ed25519_pem) for row in rows}


def command(*arguments: str) -> str:
    """Runs a command of ours to its end; gives what it said, `CannotRun` with its complaint."""
    try:
        done = run_command(arguments, _PATIENCE)
    except TimeoutError as error:
        raise CannotRun(f"“{' '.join(arguments[-3:])}” was not done after {_PATIENCE:g} s") from error
    if done.code:
        raise CannotRun(f"“{' '.join(arguments[-3:])}”: {done.complained.strip()}")
    return done.said


def found(folder: Path, name: str, port: int, postgres: Postgres | None) -> Place:
    """A fresh instance `http://NAME.localhost:PORT`, founded and not running."""
    here = folder / name
    url = postgres.create(name) if postgres else f"sqlite:///{here}/{name}.sqlite"
    here.mkdir(parents=True)
    command(
        "init", "--base-url", f"http://{name}.localhost:{port}", "--region", name, "--name", name.title(),
        "--lang", "en", "--data-dir", str(here), "--editorial", "office", "--database-url", url,
        "--private-networks", "127.0.0.0/8", "--bind", f"{LOOPBACK}:{port}",
    )  # fmt: skip
    return Place(name, here / "fedi-cluster.toml", port, url)


class Server:
    """`fedi-cluster serve` of a place, held to the processors `cpus`; as a context manager it ends with its block.

    `answered_ms` is the time from its start to its first answer.
    """

    def __init__(
        self, place: Place, cpus: Sequence[int] = (SERVER_CPU,), *, profile: Path | None = None
    ) -> None:
        self.place = place
        self._cpus = set(cpus)
        self._profile = profile
        self.answered_ms = 0.0
        self._log = place.config.with_name("server.log")

    def __enter__(self) -> "Server":
        line = [sys.executable, "-m", "fedi_cluster", "--config", str(self.place.config), "serve"]
        if self._profile is not None:
            line = [sys.executable, "-m", "tests.benchmarks.profiled", str(self._profile), *line[3:]]
        kept = {name: text for name, text in os.environ.items() if not name.startswith("FEDI_CLUSTER_")}
        kept |= {"FEDI_CLUSTER_DATABASE_URL": self.place.database_url, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                line,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=kept,
                cwd=ROOT,
            )
        os.sched_setaffinity(self._process.pid, self._cpus)  # before it has threads
        first_answer(self._process, self.place.port, self.place.authority, self.last_words)
        self.answered_ms = (time.perf_counter() - began) * 1000
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it: cleanly, and by force where it still works after three seconds."""
        end(self._process, patience=60 if self._profile else 3)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def cpu_ms(self) -> float:
        """Processor time so far, in ms."""
        return cpu_ms(self.pid)

    def rss_mib(self, *, peak: bool = False) -> float:
        """Memory now (or at most so far), in MiB."""
        return rss_mib(self.pid, peak=peak)

    def settle(self, *, quiet: float = 0.25, patience: float = 60.0) -> None:
        """Returns when it takes next to no processor time any more; at the latest after `patience` seconds."""
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            before = self.cpu_ms()
            time.sleep(quiet)
            if self.cpu_ms() - before < quiet * 100:
                return

    def last_words(self) -> str:
        """The end of what it logged."""
        with suppress(OSError):
            return "\n".join(self._log.read_text("utf-8", errors="replace").splitlines()[-8:])
        return ""


def end(process: "subprocess.Popen[bytes]", *, patience: float = 3.0) -> None:
    """SIGTERM, then SIGKILL: what a benchmark leaves behind is thrown away."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def first_answer(
    process: "subprocess.Popen[bytes]",
    port: int,
    authority: str,
    last_words: Callable[[], str] = str,
    *,
    path: str = "/health",
) -> None:
    """Returns when `path` is answered with 200, asked each millisecond; `CannotRun` where the process ends."""
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        if process.poll() is not None:
            raise CannotRun(f"the server ended at once: {last_words()}")
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
            try:
                connection.request("GET", path, headers={"Host": authority})
                if connection.getresponse().status == http.client.OK:
                    return
            finally:
                connection.close()
        time.sleep(0.001)
    raise CannotRun("the server did not answer")


def copy_database(place: Place, name: str, postgres: Postgres | None) -> Place:
    """The same instance on a copy of its database, which must be closed."""
    if postgres is not None:
        url = postgres.create(name, template=place.database_url)
    else:
        source = Path(place.database_url.removeprefix("sqlite:///"))
        if source.with_name(source.name + "-wal").exists():
            raise CannotRun(f"the database {source.name} is still in use")
        target = source.with_name(f"{name}.sqlite")
        shutil.copyfile(source, target)
        url = f"sqlite:///{target}"
    return Place(place.name, place.config, place.port, url)


def drop_database(place: Place, postgres: Postgres | None) -> None:
    """Throws a copy away."""
    if postgres is not None:
        postgres.drop(place.database_url)
        return
    file = Path(place.database_url.removeprefix("sqlite:///"))
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)


def size_mib(place: Place) -> float:
    """MiB of the database on disk."""
    file = Path(place.database_url.removeprefix("sqlite:///"))
    if place.database_url.startswith("sqlite"):
        return file.stat().st_size / 2**20
    engine = open_engine(place.database_url)
    try:
        with engine.connect() as connection:
            asked = connection.exec_driver_sql("SELECT pg_database_size(current_database())")
            return float(asked.scalar_one()) / 2**20
    finally:
        engine.dispose()


def ports(number: int) -> list[int]:
    """Free ports that no connection takes by chance."""
    return free_ports(number)
