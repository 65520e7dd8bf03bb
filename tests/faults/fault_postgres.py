"""kill -9 for PostgreSQL itself: the server finds it again without being started anew, and nothing is lost."""

import asyncio
import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fedi_cluster.demo.servers import free_ports
from tests.faults import looking
from tests.faults.acts import Guests, Office
from tests.faults.ledger import Ledger
from tests.faults.machine import Machine, until
from tests.faults.peer import Peer
from tests.plugins import databases

pytestmark = [pytest.mark.anyio, pytest.mark.postgres, pytest.mark.timeout(60 * 60)]

RUNS = max(int(os.environ.get("FAULTS_RUNS") or 25) // 4, 2)
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))
FOUND_WITHIN = 30.0
"""Seconds from a database that is there again to a server that is ready (threats REL-002)."""


class Postgres:
    """A server that keeps what it commits, in a folder of its own; it can be killed and started again."""

    def __init__(self, folder: Path, programs: Path, owner: str | None) -> None:
        self._folder = folder
        self._programs = programs
        self._owner = owner
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://postgres@/postgres?host={folder}"
        making = self._run(
            "initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8"
        )
        assert making.wait(60) == 0, self._words()

    def _run(self, program: str, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self._programs / program), *arguments],
                stdout=log,
                stderr=log,
                user=self._owner,
                group=self._owner,
                extra_groups=[] if self._owner else None,
                cwd=self._folder,
            )

    def _words(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-2000:]

    def start(self) -> None:
        """Starts it; returns when it takes connections."""
        ends = time.monotonic() + 30
        while True:
            if self._process is None or self._process.poll() is not None:
                # Where it was killed, children may hold its memory for a moment: it ends, and is begun again.
                self._process = self._run(
                    "postgres", "-D", str(self._folder / "data"),
                    f"--unix_socket_directories={self._folder}", "--listen_addresses=",
                )  # fmt: skip
            try:
                psycopg.connect(self.url).close()
            except psycopg.OperationalError:
                assert time.monotonic() < ends, self._words()
                time.sleep(0.1)
            else:
                return

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends it at once."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(30)


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A running server."""
    programs = databases.binaries()
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses root
    if programs is None:
        pytest.skip("no PostgreSQL: neither initdb on PATH nor /usr/lib/postgresql/*/bin")
    folder = Path(tempfile.mkdtemp(prefix="fc-pg-"))
    if owner is not None:
        account = pwd.getpwnam(owner)
        os.chown(folder, account.pw_uid, account.pw_gid)
    made = Postgres(folder, programs, owner)
    made.start()
    try:
        yield made
    finally:
        made.kill(signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_database_is_killed_and_found_again(
    postgres: Postgres, there: Peer, tmp_path: Path
) -> None:
    machine = Machine("victim", free_ports(1)[0], tmp_path / "victim", postgres.url)
    ledger, chance = Ledger(tmp_path / "ledger.jsonl"), random.Random(SEED)
    print(f"\nseed {SEED}, PostgreSQL is killed {RUNS} times")
    try:
        await machine.found()
        await machine.start()
        await machine.said("follow", "office", there.person("mia"))
        guests = Guests("anna", there, machine, ledger, chance, [])
        office = Office("victim", machine, ledger, chance, cut_off=0)
        longest = 0.0
        for _number in range(RUNS):
            stop = asyncio.Event()
            acting = [asyncio.create_task(one.act(stop)) for one in (guests, office)]
            await asyncio.sleep(chance.uniform(0.2, 2))
            await asyncio.to_thread(postgres.kill)
            await asyncio.sleep(chance.uniform(0, 1))
            await asyncio.to_thread(postgres.start)
            began = time.monotonic()
            await until("the server finds its database", machine.is_ready, within=FOUND_WITHIN)
            longest = max(longest, time.monotonic() - began)
            stop.set()
            await asyncio.gather(*acting)
        await guests.finish()
        house = machine.house()
        try:
            found: list[str] = []

            async def holds() -> bool:
                found[:] = looking.problems(house, ledger, ledger.written)
                return not found

            try:
                await until("all that was acknowledged", holds, within=90)
            except AssertionError:
                pytest.fail("\n".join(found[:50]))
            assert await looking.dead_jobs(machine) == []
        finally:
            house.db.close()
        print(
            f"{ledger.acknowledged} of {ledger.intents} acts acknowledged, found again after {longest:.1f} s"
        )
    finally:
        machine.stop()
