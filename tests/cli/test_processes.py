"""One serving process on SQLite: others are refused, SIGHUP starts it anew, SIGTERM drains it."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager

import httpx
import pytest

from tests.cli.conftest import ENVIRONMENT, Instance
from tests.cli.serving import PATIENCE, Running, free_port, started, until
from tests.cli.traffic import flowing, known_stranger

pytestmark = pytest.mark.anyio

# What systemd does: the socket is at 3, and the process that it is for is told so.
_ACTIVATED = """
import os, sys
copies = [os.dup(int(number)) for number in sys.argv[1].split(",")]
copies = [os.dup(number) if number < 5 else number for number in copies]
for place, number in enumerate(copies, 3):
    os.dup2(number, place)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(copies))}
os.execv(sys.executable, [sys.executable, "-m", "fedi_cluster", *sys.argv[2:]])
"""


def _serve(instance: Instance, port: int) -> AbstractContextManager[Running]:
    return started(instance.file, "serve", "--bind", f"127.0.0.1:{port}")


def test_a_second_server_is_refused_until_the_first_is_killed(instance: Instance) -> None:
    with _serve(instance, free_port()) as server:
        said = instance.fault("serve", "--bind", f"127.0.0.1:{free_port()}")
        assert said.count("\n") == 1
        assert f"process {server.process.pid}" in said
        assert "PostgreSQL" in said
        # Commands work beside it, and may help with the jobs.
        instance.command("post", "Cześć")
        assert "jobs ran" in instance.command("work", "--once")
        server.process.kill()
        server.process.wait(PATIENCE)
    with _serve(instance, free_port()) as server:
        assert server.stop() == 0


def test_separate_workers_want_postgresql(instance: Instance) -> None:
    bind = ("--bind", f"127.0.0.1:{free_port()}")
    for arguments in (("serve", "--workers", "2", *bind), ("serve", "--no-jobs", *bind), ("work",)):
        said = instance.fault(*arguments)
        assert said.count("\n") == 1
        assert "PostgreSQL" in said


async def test_a_new_start_refuses_nobody(instance: Instance) -> None:
    traffic = known_stranger(instance)
    port = free_port()
    with _serve(instance, port) as server:
        async with flowing(traffic, f"http://127.0.0.1:{port}"):
            for round_ in range(2, 4):
                server.process.send_signal(signal.SIGHUP)
                await until(server.has_said(round_))
        print(f"{traffic.answers}, slowest {traffic.slowest:.2f} s")
        assert traffic.lost == []
        assert set(traffic.answers) == {200, 202}
        assert server.lines == server.lines[:1] * 3
        assert server.stop() == 0
    logged, _ = traffic.logged()
    assert sorted(logged) == sorted(traffic.acknowledged)


async def test_a_version_that_would_not_start_takes_nothing_away(instance: Instance) -> None:
    port = free_port()
    with _serve(instance, port) as server:
        good = instance.file.read_text()
        instance.file.write_text(good + '\nworkers = "many"\n')
        server.process.send_signal(signal.SIGHUP)
        errors = instance.folder / "errors.txt"
        await until(lambda: "the running one goes on" in errors.read_text())
        assert "workers" in errors.read_text()
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200
        instance.file.write_text(good)
        server.process.send_signal(signal.SIGHUP)
        await until(server.has_said(2))
        assert server.stop() == 0


def _activated(instance: Instance, *sockets: socket.socket) -> "subprocess.Popen[str]":
    """A server as systemd starts it, with these sockets from descriptor 3 on."""
    numbers = [one.fileno() for one in sockets]
    return subprocess.Popen(
        [
            *(sys.executable, "-c", _ACTIVATED, ",".join(map(str, numbers))),
            *("--config", str(instance.file), "serve"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        pass_fds=numbers,
    )


def test_a_socket_of_systemd_is_taken_over(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        # Who comes before the server runs waits, as with systemd's socket unit.
        with socket.create_connection(("127.0.0.1", port)) as early, _activated(instance, given) as server:
            early.sendall(b"GET /health HTTP/1.1\r\nHost: szczecin.example\r\nConnection: close\r\n\r\n")
            early.settimeout(PATIENCE)
            assert early.recv(12) == b"HTTP/1.1 200"
            server.terminate()
            said, complaints = server.communicate(timeout=PATIENCE)
    assert said == f"Serving https://szczecin.example on http://127.0.0.1:{port}.\n"
    assert (server.returncode, complaints) == (0, "")


def test_what_is_no_single_listening_socket_is_refused(instance: Instance) -> None:
    here = ("127.0.0.1", 0)
    with (
        socket.create_server(here) as one,
        socket.create_server(here) as two,
        _activated(instance, one, two) as server,
    ):
        assert "one ListenStream" in server.communicate(timeout=PATIENCE)[1]
    with socket.socket() as deaf, _activated(instance, deaf) as server:
        assert "no listening socket" in server.communicate(timeout=PATIENCE)[1]
        assert server.returncode == 1


def _answer(connection: socket.socket) -> bytes:
    """Everything until the server closes the connection."""
    connection.settimeout(PATIENCE)
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def test_sigterm_lets_clients_leave_and_requests_end(instance: Instance) -> None:
    port = free_port()
    place = ("127.0.0.1", port)
    with _serve(instance, port) as server, contextlib.ExitStack() as stack:
        slow, kept, late = (stack.enter_context(socket.create_connection(place)) for _ in range(3))
        slow.sendall(
            b"POST /inbox HTTP/1.1\r\nHost: x\r\nContent-Type: application/activity+json\r\n"
            b"Content-Length: 2\r\n\r\n{"
        )
        assert httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
        begun = time.monotonic()
        server.process.terminate()
        time.sleep(0.3)
        # A balancer sees it at once, while what comes is still answered, for the last time on its connection.
        kept.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = _answer(kept)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        late.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert _answer(late).startswith(b"HTTP/1.1 200")
        time.sleep(2.5)  # longer than clients have to leave: a request that runs may end
        assert server.process.poll() is None
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(place)
        slow.sendall(b"}")
        answer = _answer(slow)
        assert answer.startswith(b"HTTP/1.1 401")
        assert b"\r\nconnection: close\r\n" in answer.lower()
        assert server.process.wait(PATIENCE) == 0
        assert time.monotonic() - begun < 8
    assert (instance.folder / "errors.txt").read_text() == ""


def test_without_a_connection_it_ends_at_once(instance: Instance) -> None:
    with _serve(instance, free_port()) as server:
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 1.5
