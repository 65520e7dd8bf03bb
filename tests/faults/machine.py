"""One real instance as a host runs it: founded, started, killed by its id, asked by commands and over HTTP."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from fedi_cluster.demo.commands import Done, run_command
from fedi_cluster.settings import load
from fedi_cluster.wiring import House, open_house

LOOPBACK = "127.0.0.1"
PATIENCE = 30.0
READY_WITHIN = 10.0
"""Seconds from the start to the first answer (threats REL-001)."""

MANY_GUESTS = {"FEDI_CLUSTER_LIMITS_KEY_FETCHES": "10000"}
"""The peer stands for many: its hundreds of unknown persons would be refused as too many of one domain."""

_ROOT = Path(__file__).resolve().parents[2]


def environment() -> dict[str, str]:
    """Ours without the settings of another instance; the project is found also where it is not installed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FEDI_CLUSTER_")}
    return kept | {"PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}


@dataclass(eq=False)
class Machine:
    """An instance at `SLUG.localhost:PORT`; with `apart` its jobs run in a process of their own (PostgreSQL).

    `reached_by` is the port that stands in its address, where something lies between it and the others;
    `launcher` is what Python runs, and `variables` are added to the environment of its processes.
    """

    slug: str
    port: int
    folder: Path
    database_url: str | None = None
    apart: bool = False
    reached_by: int | None = None
    launcher: tuple[str, ...] = ("-m", "fedi_cluster")
    variables: dict[str, str] = field(default_factory=lambda: dict(MANY_GUESTS))
    started: list[float] = field(default_factory=list)
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def authority(self) -> str:
        """Host and port as they stand in ids."""
        return f"{self.slug}.localhost:{self.reached_by or self.port}"

    @property
    def base(self) -> str:
        """The public address."""
        return f"http://{self.authority}"

    @property
    def config(self) -> Path:
        """Its settings file."""
        return self.folder / "fedi-cluster.toml"

    @property
    def log(self) -> Path:
        """What its processes say."""
        return self.folder / "server.log"

    @property
    def file(self) -> Path:
        """The database file, where it is one."""
        return self.folder / "fedi-cluster.sqlite"

    async def found(self) -> None:
        """Makes the instance, as its host would."""
        more = ("--database-url", self.database_url) if self.database_url else ()
        done = await self._run(
            "init", "--base-url", self.base, "--region", self.slug, "--name", self.slug.title(),
            "--lang", "en", "--editorial", "office", "--data-dir", str(self.folder),
            "--private-networks", "127.0.0.0/8", "--bind", f"{LOOPBACK}:{self.port}", *more,
        )  # fmt: skip
        assert done.code == 0, done.complained

    async def command(self, *arguments: str, within: float = PATIENCE) -> Done:
        """How a command with its settings ended; raises `TimeoutError`."""
        return await self._run("--config", str(self.config), *arguments, within=within)

    async def said(self, *arguments: str) -> str:
        """What a command says that must succeed."""
        done = await self.command(*arguments)
        assert done.code == 0, f"{arguments} ended with {done.code}: {done.complained}"
        return done.said

    async def _run(self, *arguments: str, within: float = PATIENCE) -> Done:
        return await asyncio.to_thread(run_command, arguments, within)

    def line(self, *arguments: str) -> list[str]:
        """The command line of a process with its settings."""
        return [sys.executable, *self.launcher, "--config", str(self.config), *arguments]

    def begin(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Begins a process with its settings: a server, or a command that is to be killed."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.line(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment() | self.variables,
            )

    async def start(self) -> float:
        """Starts what does not run; gives the seconds until it was ready."""
        began = time.monotonic()
        lines = {"serve": ["serve", "--no-jobs"], "work": ["work"]} if self.apart else {"serve": ["serve"]}
        for name, line in lines.items():
            known = self.processes.get(name)
            if known is None or known.poll() is not None:
                self.processes[name] = self.begin(*line)
        while not await self.is_ready():
            assert time.monotonic() - began < PATIENCE, f"{self.slug} is not ready: {self.last_words()}"
            assert all(one.poll() is None for one in self.processes.values()), self.last_words()
            await asyncio.sleep(0.02)
        self.started.append(time.monotonic() - began)
        return self.started[-1]

    async def is_ready(self) -> bool:
        """Whether it says that it can work."""
        with contextlib.suppress(httpx.HTTPError):
            async with self.client(2) as client:
                return (await client.get("/ready")).status_code == 200
        return False

    def client(self, seconds: float = PATIENCE) -> httpx.AsyncClient:
        """Speaks with it directly, by its name."""
        return httpx.AsyncClient(
            base_url=f"http://{LOOPBACK}:{self.port}",
            headers={"Host": self.authority},
            timeout=seconds,
            trust_env=False,
        )

    def kill(self, *names: str) -> None:
        """kill -9 for its processes, or those of some names."""
        for name in names or list(self.processes):
            process = self.processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)

    def stop(self) -> None:
        """Ends it, cleanly where it can."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def last_words(self) -> str:
        """The end of what it said."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-25:])
        return ""

    def house(self) -> House:
        """The instance itself, for a look by the community's queries; close its database."""
        return open_house(load(self.config, {}))

    def resident(self) -> float:
        """MiB of memory that its processes hold."""
        total = 0.0
        for process in self.processes.values():
            status = Path(f"/proc/{process.pid}/status").read_text("ascii")
            total += int(status.partition("VmRSS:")[2].split()[0]) / 1024
        return total


async def until(what: str, question: Callable[[], Awaitable[object]], *, within: float = PATIENCE) -> None:
    """Returns when the answer is something true; fails with `what` after `within` seconds."""
    ends = time.monotonic() + within
    while not await question():
        assert time.monotonic() < ends, f"waited {within:g} s in vain for this: {what}"
        await asyncio.sleep(0.1)


async def gather(first: Machine, *others: Machine) -> None:
    """Founds and starts all, and joins the others to the first."""
    for one in (first, *others):
        await one.found()
        await one.start()
    for newcomer in others:
        link = (await first.said("cluster", "invite")).split()[0]
        await newcomer.said("cluster", "join", link)
        await until("confirmed", partial(_is_confirmed, first, newcomer))
    for one in (first, *others):
        await until(f"{one.slug} in step", partial(_is_in_step, one, len(others)))


async def _is_confirmed(first: Machine, newcomer: Machine) -> bool:
    return (await first.command("cluster", "confirm", newcomer.authority)).code == 0


async def _is_in_step(one: Machine, sisters: int) -> bool:
    done = await one.command("cluster", "status", "--json")
    if done.code:
        return False
    found = json.loads(done.said).get("sisters") or []
    return len(found) == sisters and all(sister.get("compare_state") == "in_step" for sister in found)
