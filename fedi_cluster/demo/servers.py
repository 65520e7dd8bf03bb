"""Starts, asks and stops the servers of the demo as real processes; it leaves none behind and knows no facts.

Everything is done by the commands that a host would type, each in a process of its own.
"""

import http.client
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from fedi_cluster.demo.commands import run_command
from fedi_cluster.demo.shapes import DemoRegion
from fedi_cluster.kernel.errors import ClusterError, Invalid, Unavailable, Unreachable

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
AS2 = "application/activity+json"
PATIENCE = 30.0
"""Seconds for anything that takes a few; who waits longer is told what was waited for."""

PAUSE = 0.05
AT_ONCE = 2
"""Commands and starts at a time: more would only wait for each other on a small machine."""

ended = threading.Event()
"""Set when the demo is to end: nothing is waited for any more, and no command begins."""

_turns = threading.BoundedSemaphore(AT_ONCE)
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_FREE = 10_000
_LOG_LINES = 8


def until(what: str, question: Callable[[], T | None], *, seconds: float = PATIENCE) -> T:
    """The first answer that is not None, asked every 50 ms.

    Raises `Unavailable` with `what` after `seconds`, and at once when the demo ends.
    """
    ends = time.monotonic() + seconds
    while True:
        answer = question()
        if answer is not None:
            return answer
        if time.monotonic() > ends:
            raise Unavailable(f"Waited {seconds:g} seconds in vain for this: {what}.")
        if ended.wait(PAUSE):
            raise Unavailable(f"The demo ended before this: {what}.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said to a GET."""

    status: int
    text: str


class Visitor:
    """Reads from one server over a kept connection to loopback; used by one thread at a time.

    Python does not resolve `*.localhost`, so it connects to 127.0.0.1 and says the name in `Host`.
    """

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._connection = http.client.HTTPConnection(LOOPBACK, server.port, timeout=PATIENCE)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def get(self, path: str, *, accept: str = "text/html", language: str = "en") -> Answer:
        """The answer at a local path; raises `Unreachable` where nobody answers."""
        headers = {"Host": self._server.authority, "Accept": accept, "Accept-Language": language}
        for last in (False, True):
            try:
                self._connection.request("GET", path, headers=headers)
                answer = self._connection.getresponse()
                return Answer(answer.status, answer.read().decode("utf-8", errors="replace"))
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()  # a kept one may have ended meanwhile: once more
                if last:
                    name = self._server.authority
                    raise Unreachable(f"{name} does not answer.", detail=f"{path}: {error}") from error
        raise AssertionError("unreachable")


@dataclass(eq=False)
class Server:
    """One instance of the demo: its region, port and folder, and its process while it runs.

    `started` is how long each start took until the first answered request, in seconds.
    """

    region: DemoRegion
    port: int
    folder: Path
    started: list[float] = field(default_factory=list)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def slug(self) -> str:
        """The region's short name."""
        return self.region.slug

    @property
    def authority(self) -> str:
        """Host and port, as they stand in handles."""
        return f"{self.region.host}:{self.port}"

    @property
    def base(self) -> str:
        """The public address; `.localhost` names lead to this machine in every browser."""
        return f"http://{self.authority}"

    @property
    def office(self) -> str:
        """The handle of the editorial account, without a leading @."""
        return f"{self.region.editorial_handle}@{self.authority}"

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "fedi-cluster.toml"

    @property
    def log(self) -> Path:
        """What its server process says."""
        return self.folder / "server.log"

    def found(self) -> None:
        """Makes the instance, as its host would."""
        _run(
            self.slug, "init", "--base-url", self.base, "--region", self.slug, "--name", self.region.name,
            "--lang", self.region.language, "--data-dir", str(self.folder),
            "--description", self.region.descriptions[self.region.language],
            "--editorial", self.region.editorial_handle, "--time-zone", self.region.time_zone,
            "--private-networks", "127.0.0.0/8", "--bind", f"{LOOPBACK}:{self.port}",
        )  # fmt: skip

    def command(self, *arguments: str) -> str:
        """What a command with this instance's settings says; raises `ClusterError` with its complaint."""
        return _run(self.slug, "--config", str(self.config), *arguments)

    def begin(self, *arguments: str, quiet: bool = True) -> "subprocess.Popen[str]":
        """Begins a command; where `quiet`, what it says can be read line by line, else a person reads it."""
        return subprocess.Popen(  # noqa: S603 - our own command
            _line("--config", str(self.config), *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.PIPE if quiet else None,
            text=True,
            encoding="utf-8",
            env=_environment(),
        )

    def start(self) -> float:
        """Starts the server; gives the seconds until it answered its first request."""
        with _turns:
            if ended.is_set():
                raise Unavailable("The demo ended.")
            return self._start()

    def _start(self) -> float:
        began = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                _line("--config", str(self.config), "serve"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
            )
        until(f"the first answer of {self.authority}", self._answers)
        self.started.append(time.monotonic() - began)
        return self.started[-1]

    def _answers(self) -> bool | None:
        if self.process is None or self.process.poll() is not None:
            raise ClusterError(f"The server of {self.slug} ended at once. {self.last_words()}")
        with suppress(Unreachable), Visitor(self) as visitor:
            return visitor.get("/health").status == http.client.OK or None
        return None

    def last_words(self) -> str:
        """The end of what the server said."""
        with suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-_LOG_LINES:])
        return ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Ends the server; gives its exit code, None where it did not run."""
        process, self.process = self.process, None
        if process is None:
            return None
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def resident(self) -> float | None:
        """Memory that the process holds, in MiB; None where the system does not tell."""
        if self.process is None:
            return None
        with suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text("ascii").splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return None


def _line(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "fedi_cluster", *arguments]


def _environment() -> dict[str, str]:
    """Ours without the settings of another instance; output line by line, in UTF-8."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDI_CLUSTER_")}
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


def _run(where: str, *arguments: str) -> str:
    with _turns:
        if ended.is_set():
            raise Unavailable("The demo ended.")
        try:
            done = run_command(arguments, PATIENCE)
        except TimeoutError as error:
            told = " ".join(arguments[-3:])
            raise Unavailable(f"In {where}, “{told}” was not done after {PATIENCE:g} seconds.") from error
    if done.code:
        complaint = done.complained.strip().removeprefix("fedi-cluster: ") or f"exit code {done.code}"
        raise ClusterError(f"In {where}: {complaint}")
    return done.said


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, outside the range from which the system takes those of connections:
    a server that is stopped for a while must find its port free again."""
    highest = 32_767
    with suppress(OSError, ValueError, IndexError):
        highest = int(_EPHEMERAL.read_text("ascii").split()[0]) - 1
    if highest < _LOWEST_FREE + 1_000:
        highest = 32_767
    candidates = random.sample(range(_LOWEST_FREE, highest), 200)
    found = [port for port in candidates if is_free(port)][:number]
    if len(found) < number:
        raise Unavailable(f"There are not {number} free ports on {LOOPBACK}.")
    return found


def is_free(port: int) -> bool:
    """Whether one can listen on a port of loopback now."""
    with suppress(OSError), socket.create_server((LOOPBACK, port)):
        return True
    return False


def demand_free(ports: Sequence[int]) -> None:
    """Raises `Invalid` with one sentence where another program listens on one of the ports."""
    taken = [str(port) for port in ports if not is_free(port)]
    if taken:
        raise Invalid(
            f"Another program listens on {LOOPBACK}, port {' and '.join(taken)}: stop it, "
            "or choose the first of five others, for example --ports 18001."
        )
