"""Many processes on one PostgreSQL: rolling restarts, killed workers, a killed database; nothing is lost."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit
from tests.cli.conftest import Instance
from tests.cli.own_postgres import OwnPostgres, own_postgres
from tests.cli.serving import PATIENCE, Running, free_port, started, until
from tests.cli.traffic import Traffic, flowing, known_stranger
from tests.plugins.databases import binaries

pytestmark = [pytest.mark.anyio, pytest.mark.postgres]


@pytest.fixture(scope="module")
def server() -> Iterator[OwnPostgres]:
    """One database server for the tests of this file; one of them kills it, and starts it again."""
    with own_postgres(binaries()) as made:
        yield made


@pytest.fixture
def many(server: OwnPostgres, tmp_path: Path, found: Callable[..., Instance]) -> Instance:
    """An instance on that server."""
    return found(tmp_path / "many", "many", "https://many.example", "--database-url", server.fresh())


def _children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _all_gone(processes: Iterable[int]) -> Callable[[], bool]:
    """Whether none of them is there any more."""
    return lambda: not any(Path(f"/proc/{one}").exists() for one in processes)


async def test_a_rolling_restart_loses_no_request(many: Instance) -> None:
    traffic = known_stranger(many)
    port = free_port()
    with started(many.file, "serve", "--workers", "2", "--bind", f"127.0.0.1:{port}") as server:
        async with flowing(traffic, f"http://127.0.0.1:{port}"):
            for round_ in range(2, 5):
                former = _children(server.process.pid)
                server.process.send_signal(signal.SIGHUP)
                await until(server.has_said(round_))
                await until(_all_gone(former))
                assert len(_children(server.process.pid)) == 2
        print(f"{traffic.answers}, slowest {traffic.slowest:.2f} s")
        assert traffic.lost == []
        assert set(traffic.answers) == {200, 202}
        _print_memory(server)
        children = _children(server.process.pid)
        assert server.stop() == 0
    assert _all_gone(children)()
    logged, _ = traffic.logged()
    assert sorted(logged) == sorted(traffic.acknowledged)


def _print_memory(server: Running) -> None:
    """Proportional set size of each process: what it has alone, and its share of what is shared."""
    for one in (server.process.pid, *_children(server.process.pid)):
        rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
        sizes = [int(rollup.partition(f"\n{name}:")[2].split()[0]) / 1024 for name in ("Pss", "Rss")]
        print(f"process {one}: PSS {sizes[0]:.0f} MiB, RSS {sizes[1]:.0f} MiB")


async def test_processes_that_cannot_start_leave_the_former_ones(many: Instance) -> None:
    port = free_port()
    with started(many.file, "serve", "--workers", "2", "--bind", f"127.0.0.1:{port}") as server:
        former = _children(server.process.pid)
        good = many.file.read_text()
        many.file.write_text(good.replace("https://many.example", "https://other.example"))
        server.process.send_signal(signal.SIGHUP)
        errors = many.folder / "errors.txt"
        await until(lambda: "the running one goes on" in errors.read_text())
        assert "can never change" in errors.read_text()
        assert _children(server.process.pid) == former
        # A supervisor that is killed takes its processes with it: nobody would look after them.
        server.process.kill()
        await until(_all_gone(former))


@pytest.mark.timeout(300)
async def test_a_crowd_survives_kills_of_processes_and_of_the_database(
    many: Instance, server: OwnPostgres
) -> None:
    traffic = known_stranger(many)
    with contextlib.ExitStack() as stack:
        ports = [free_port() for _ in range(3)]
        commands = [*(("serve", "--bind", f"127.0.0.1:{port}") for port in ports), ("work",), ("work",)]
        with ThreadPoolExecutor(len(commands)) as pool:
            processes = [started(many.file, *command) for command in commands]
            *servers, living, killed = pool.map(stack.enter_context, processes)
        bases = [f"http://127.0.0.1:{port}" for port in ports]
        async with flowing(traffic, *bases[:2], insist=True):
            await until(lambda: len(traffic.acknowledged) > 100)
            for one in (servers[2], killed):
                os.kill(one.process.pid, signal.SIGKILL)
            await until(lambda: len(traffic.acknowledged) > 200)
            # In threads: what the servers answer meanwhile is to be read in time.
            await asyncio.to_thread(server.kill)
            died = len(traffic.acknowledged)
            await until(lambda: traffic.answers[503] > 0)
            await asyncio.to_thread(server.start)
            begun = time.monotonic()
            await until(lambda: len(traffic.acknowledged) > died + 100)
            print(f"accepts again after {time.monotonic() - begun:.1f} s; {traffic.answers}")
        assert traffic.lost == []
        assert set(traffic.answers) <= {200, 202, 503}
        for base in bases[:2]:
            answer = httpx.get(f"{base}/health", timeout=PATIENCE)  # noqa: ASYNC210 - nothing else runs here
            assert answer.status_code == 200
        _let_time_pass(many, leases=True)
        await until(lambda: _all_worked(many, traffic), 2 * PATIENCE)
        logged, _ = traffic.logged()
        for one in (*servers[:2], living):
            assert one.process.poll() is None
            assert one.stop() == 0
    # What was kept but not acknowledged was delivered again, and is there once.
    assert len(logged) == len(set(logged))
    assert set(traffic.acknowledged) <= set(logged)


def _all_worked(instance: Instance, traffic: Traffic) -> bool:
    """Whether what was accepted has its post; what was put off is due at once."""
    _let_time_pass(instance)
    return sorted(traffic.posts()) == sorted(traffic.logged()[0])


def _let_time_pass(instance: Instance, *, leases: bool = False) -> None:
    """What waits for its next try is due now; with `leases` those of the killed end now, not in a minute."""

    def end(unit: Unit) -> None:
        job = job_table.c
        chosen = job.leased_until.is_not(None) if leases else job.leased_until.is_(None)
        due = {"leased_until": unit.now} if leases else {}
        unit.connection.execute(sa.update(job_table).where(chosen).values(run_at=unit.now, **due))

    house = instance.house()
    try:
        house.db.write_now(end)
    finally:
        house.db.close()
