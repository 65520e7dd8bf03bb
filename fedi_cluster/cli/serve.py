"""`serve`: binds the port, then runs the instance in one process or several; it changes no schema."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import begin_log, check_current, config_option, read_settings
from fedi_cluster.kernel.errors import ClusterError, Invalid
from fedi_cluster.kernel.hosts import read_authority

if TYPE_CHECKING:
    from fedi_cluster.settings import Settings

_BACKLOG = 2048


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen (else the setting `bind`).")
@click.option(
    "--workers", type=click.IntRange(1, 64), metavar="N", help="Processes; more than one wants PostgreSQL."
)
@click.option("--no-jobs", is_flag=True, help="Only answer requests; “fedi-cluster work” runs the jobs.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="warning",
    help="What is logged.",
)
@config_option
def serve(bind: str | None, workers: int | None, no_jobs: bool, log_level: str) -> None:
    """Run the instance: pages, federation and jobs in one process.

    It listens for plain HTTP; a proxy in front of it speaks TLS. It prints one line when it answers, and ends
    cleanly with Ctrl-C or SIGTERM.

    \b
    Example:
      fedi-cluster serve --bind 127.0.0.1:8000
    """
    begin_log(log_level)
    settings = read_settings()
    processes = workers or settings.workers
    if processes > 1 and settings.database_url.startswith("sqlite"):
        raise Invalid(
            "Several processes need PostgreSQL: set database_url, or start one process with --workers 1."
        )
    place = bind or settings.bind
    check_current(settings)
    with listen(place) as listening:
        line = f"Serving {settings.base_url} on http://{place}"
        if processes == 1:
            run_process(
                settings, listening, jobs=not no_jobs, greet=True, ready=lambda: click.echo(f"{line}.")
            )
            return
        from fedi_cluster.cli.supervisor import supervise

        _check_identity(settings)
        supervise(
            processes,
            lambda number, ready: run_process(
                settings, listening, jobs=not no_jobs, greet=number == 0, ready=ready
            ),
            on_ready=lambda: click.echo(f"{line}, in {processes} processes."),
        )


def listen(place: str) -> socket.socket:
    """A socket that listens at `HOST:PORT`; raises `ClusterError` where the port is taken or not ours."""
    try:
        host, port = read_authority(place)
    except ValueError as error:
        raise Invalid(f"“{place}” is no place to listen; write it as 127.0.0.1:8000.") from error
    if port is None:
        raise Invalid(f"“{place}” names no port; write it as 127.0.0.1:8000.")
    name = str(host)
    local = name == "localhost" or name.endswith(".localhost")  # RFC 6761, whatever the resolver says
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        return socket.create_server(("127.0.0.1" if local else name, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ClusterError(_why_not(place, port, error)) from error


def _why_not(place: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Another program listens on {place} already: stop it, or choose another port, "
                f"for example --bind 127.0.0.1:{port + 1 if port < 65535 else 8000}."
            )
        case errno.EACCES:
            return f"Port {port} is not for ordinary users: choose one above 1023, and a proxy in front."
        case errno.EADDRNOTAVAIL:
            return f"{place} is no address of this machine; choose, for example, --bind 127.0.0.1:{port}."
    return f"It cannot listen on {place}: {error.strerror or error}."


def run_process(
    settings: "Settings", listening: socket.socket, *, jobs: bool, greet: bool, ready: Callable[[], None]
) -> None:
    """One process of the server, until it is told to stop; `ready` is called when it answers."""
    import uvloop

    from fedi_cluster.cli.running import run_instance

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run_instance(settings, listening, jobs=jobs, greet=greet, on_ready=ready))


def _check_identity(settings: "Settings") -> None:
    """As each process does, but before any is started: the fault is told once."""
    from fedi_cluster.community.regions.founding import check_identity
    from fedi_cluster.kernel.clock import SystemClock
    from fedi_cluster.kernel.ids import IdSource
    from fedi_cluster.storage.database import Database

    db = Database(settings.database_url, SystemClock(), IdSource())
    try:
        db.read_now(check_identity, settings)
    finally:
        db.close()
