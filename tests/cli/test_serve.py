"""`serve` and `work` as real processes: ready, busy port, clean end, several processes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from fedi_cluster.cli import listening
from fedi_cluster.jobs import reports
from fedi_cluster.kernel.errors import ClusterError
from tests.cli.conftest import ENVIRONMENT, Instance
from tests.cli.serving import PATIENCE, free_port, started


def _resident(process: int) -> float:
    """MiB of memory that a process holds."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_says_when_it_answers_and_ends_cleanly(instance: Instance, sent: signal.Signals) -> None:
    port = free_port()
    begun = time.monotonic()
    with started(instance.file, "serve", "--bind", f"127.0.0.1:{port}") as server:
        assert server.lines == [f"Serving https://szczecin.example on http://127.0.0.1:{port}."]
        answer = httpx.get(f"http://127.0.0.1:{port}/health")
        assert answer.status_code == 200
        assert "server" not in answer.headers
        print(f"first answer {time.monotonic() - begun:.2f} s, {_resident(server.process.pid):.0f} MiB")
        server.process.send_signal(sent)
        assert server.process.wait(PATIENCE) == 0
    assert (instance.folder / "errors.txt").read_text() == ""


def test_it_works_the_jobs_and_notices_what_a_command_wrote(instance: Instance) -> None:
    with started(instance.file, "serve", "--bind", f"127.0.0.1:{free_port()}") as server:
        instance.command("post", "Cześć")
        _until(lambda: not _to_do(instance))
        assert server.stop() == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_without_jobs_they_wait_for_work(
    database_url: str, tmp_path: Path, found: Callable[..., Instance]
) -> None:
    apart = found(tmp_path / "apart", "apart", "https://apart.example", "--database-url", database_url)
    with started(apart.file, "serve", "--no-jobs", "--bind", f"127.0.0.1:{free_port()}") as server:
        assert _to_do(apart) == ["cluster.greet_all"]
        apart.command("post", "Cześć")
        time.sleep(0.5)
        assert len(_to_do(apart)) > 1
        with started(apart.file, "work") as worker:
            _until(lambda: not _to_do(apart))
            assert worker.stop() == 0
        assert server.stop() == 0


def test_work_once_ends_by_itself(instance: Instance) -> None:
    instance.command("post", "Cześć")
    assert "jobs ran" in instance.command("work", "--once")
    assert "0 waiting" in instance.command("jobs", "list")
    assert instance.command("work", "--once") == "0 jobs ran.\n"


def test_a_busy_port_stops_the_start_with_one_sentence(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = instance.fault("serve", "--bind", f"127.0.0.1:{port}")
    assert said.count("\n") == 1
    assert f"Another program listens on 127.0.0.1:{port} already" in said


def test_other_places_that_are_none(instance: Instance) -> None:
    assert "HOST:PORT" in instance.command("serve", "--help")
    assert "names no port" in instance.fault("serve", "--bind", "127.0.0.1")
    assert "no place" in instance.fault("serve", "--bind", "http://x/")
    assert "no address of this machine" in instance.fault("serve", "--bind", f"192.0.2.1:{free_port()}")


def test_names_of_localhost_are_loopback() -> None:
    with listening.listen(f"szczecin.localhost:{free_port()}") as found:
        assert found.getsockname()[0] == "127.0.0.1"
    with listening.listen(f"[::1]:{free_port()}") as found:
        assert found.getsockname()[0] == "::1"


def test_it_does_not_start_with_another_identity_or_schema(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = instance.house()
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE identity SET value = 'https://other.example' WHERE name = 'base_url'"
        )
    bind = ("--bind", f"127.0.0.1:{free_port()}")
    assert "can never change" in instance.fault("serve", *bind)
    with house.db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    house.db.close()
    assert "fedi-cluster migrate" in instance.fault("serve", *bind)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_several_processes_share_port_and_queue(
    database_url: str, tmp_path: Path, found: Callable[..., Instance]
) -> None:
    many = found(tmp_path / "many", "many", "https://many.example", "--database-url", database_url)
    port = free_port()
    with started(many.file, "serve", "--workers", "2", "--bind", f"127.0.0.1:{port}") as server:
        assert server.lines[0].endswith("in 2 processes.")
        children = _children(server.process.pid)
        assert len(children) == 2
        many.command("post", "Hello", "--lang", "en")
        _until(lambda: not _to_do(many))
        os.kill(children[0], signal.SIGKILL)
        _until(lambda: len(set(_children(server.process.pid)) - {children[0]}) == 2)
        for _ in range(8):
            assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert server.stop() == 0
    for child in children:
        assert not Path(f"/proc/{child}").exists()


def test_a_process_that_cannot_start_ends_all() -> None:
    code = (
        "from fedi_cluster.cli.supervisor import supervise\n"
        "from fedi_cluster.kernel.errors import ClusterError\n"
        "def serve(number, ready): raise ClusterError('no room')\n"
        "try: supervise(2, serve, on_ready=print)\n"
        "except ClusterError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
        timeout=PATIENCE,
    )
    assert "ended before it answered" in done.stdout
    assert "no room" in done.stderr


def test_former_processes_go_on_where_new_ones_cannot_start() -> None:
    code = (
        "import os, signal\n"
        "from fedi_cluster.cli.supervisor import supervise\n"
        "from fedi_cluster.kernel.errors import ClusterError\n"
        "former = os.fork()\n"
        "if not former:\n"
        "    signal.pause()\n"
        "def serve(number, ready): raise ClusterError('no room')\n"
        "signal.signal(signal.SIGALRM, lambda *_: (os.kill(former, 0), os.kill(os.getpid(), signal.SIGTERM)))\n"
        "signal.setitimer(signal.ITIMER_REAL, 2)\n"
        "supervise(2, serve, on_ready=print, former=[former])\n"
        "try: os.kill(former, 0)\n"
        "except ProcessLookupError: print('ended with it')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=ENVIRONMENT,
        timeout=PATIENCE,
    )
    assert "The former processes go on" in done.stderr
    assert done.stdout == "ended with it\n"


def test_a_port_of_the_system_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_place: object, **_more: object) -> socket.socket:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ClusterError, match="above 1023"):
        listening.listen("127.0.0.1:80")


def _to_do(instance: Instance) -> list[str]:
    """The kinds of the jobs that are there, but of the one that comes back each day."""
    house = instance.house()
    try:
        kinds = [job.kind for job in house.db.read_now(reports.list_jobs)]
    finally:
        house.db.close()
    return [kind for kind in kinds if kind != "federation.trim"]


def _children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.1)
