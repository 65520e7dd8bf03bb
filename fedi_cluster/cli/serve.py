"""`serve`: binds the port, then runs the instance in one process or several; it changes no schema."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import check_current, config_file, config_option, read_settings
from fedi_cluster.cli.listening import inherited, listen, place_of
from fedi_cluster.cli.succession import Succession, end, former_processes, is_trial
from fedi_cluster.cli.telling import begin_telling
from fedi_cluster.kernel.errors import Invalid

if TYPE_CHECKING:
    from fedi_cluster.settings import Settings


@click.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen (else the setting `bind`).")
@click.option(
    "--workers", type=click.IntRange(1, 64), metavar="N", help="Processes; more than one wants PostgreSQL."
)
@click.option(
    "--no-jobs",
    is_flag=True,
    help="Only answer requests; “fedi-cluster work” runs the jobs. It wants PostgreSQL.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="What is logged (else the setting `log_level`).",
)
@config_option
def serve(bind: str | None, workers: int | None, no_jobs: bool, log_level: str | None) -> None:
    """Run the instance: pages, federation and jobs in one process.

    It listens for plain HTTP, at --bind or at a socket that systemd hands over; a proxy in front of it speaks
    TLS. It prints one line when it answers. Ctrl-C or SIGTERM ends it cleanly; SIGHUP starts it anew with the
    code and settings of now, while no request is refused.

    \b
    Example:
      fedi-cluster serve --bind 127.0.0.1:8000
    """
    former = former_processes()
    try:
        settings = read_settings()
        begin_telling(settings, log_level)
        processes = workers or settings.workers
        _check_engine(settings, processes, jobs=not no_jobs)
        check_current(settings)
        again = _arguments(bind, workers, no_jobs, log_level)
        _serve(settings, bind or settings.bind, processes, jobs=not no_jobs, again=again, former=former)
    except BaseException:
        # Whoever was to take over does not: a server without its supervisor must not go on unseen.
        for process in former:
            end(process)
        raise


def _serve(
    settings: "Settings",
    bind: str,
    processes: int,
    *,
    jobs: bool,
    again: Sequence[str],
    former: Sequence[int],
) -> None:
    from fedi_cluster.storage.serving_lock import serving_lock

    if is_trial():
        _load_all()
        _check_identity(settings)
        return
    given = inherited(os.environ)
    with (
        serving_lock(settings.database_url, given.lock) as lock,
        given.listening or listen(bind) as listening,
    ):
        line = f"Serving {settings.base_url} on http://{place_of(listening) if given.listening else bind}"
        if processes == 1 and not former:
            trial = Succession(tuple(again), listening, lock)
            handed_on = run_process(
                settings,
                listening,
                jobs=jobs,
                greet=True,
                ready=lambda: click.echo(f"{line}."),
                may_begin_again=trial.is_possible,
            )
            if handed_on is not None:
                Succession(tuple(again), handed_on, lock).begin()
            return
        from fedi_cluster.cli.supervisor import supervise

        _check_identity(settings)
        _load_all()
        supervise(
            processes,
            lambda number, ready: run_process(settings, listening, jobs=jobs, greet=number == 0, ready=ready),
            on_ready=lambda: click.echo(f"{line}, in {processes} processes."),
            succession=Succession(tuple(again), listening, lock),
            former=former,
        )


def run_process(
    settings: "Settings",
    listening: socket.socket,
    *,
    jobs: bool,
    greet: bool,
    ready: Callable[[], None],
    may_begin_again: Callable[[], bool] | None = None,
) -> socket.socket | None:
    """One process of the server, until it is told to stop; `ready` is called when it answers.

    `may_begin_again` and what it gives are those of `run_instance`.
    """
    import uvloop

    from fedi_cluster.cli.running import run_instance

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(
            run_instance(
                settings,
                listening,
                jobs=jobs,
                greet=greet,
                on_ready=ready,
                may_begin_again=may_begin_again,
            )
        )


def _check_engine(settings: "Settings", processes: int, *, jobs: bool) -> None:
    """SQLite has one serving process, and that works the jobs."""
    if not settings.database_url.startswith("sqlite"):
        return
    if processes > 1:
        raise Invalid(
            "Several processes need PostgreSQL: set database_url, or start one process with --workers 1."
        )
    if not jobs:
        raise Invalid(
            "With SQLite the server works the jobs itself: "
            "leave out --no-jobs, or set database_url to PostgreSQL."
        )


def _arguments(bind: str | None, workers: int | None, no_jobs: bool, log_level: str | None) -> Sequence[str]:
    """This command once more, as the interpreter takes it."""
    config = config_file()
    return [
        *("-m", "fedi_cluster", "serve"),
        *(("--log-level", log_level) if log_level else ()),
        *(("--config", str(config)) if config else ()),
        *(("--bind", bind) if bind else ()),
        *(("--workers", str(workers)) if workers else ()),
        *(("--no-jobs",) if no_jobs else ()),
    ]


def _load_all() -> None:
    """What every process needs is loaded before they part, so that they share its memory."""
    import uvloop  # noqa: F401

    import fedi_cluster.app
    import fedi_cluster.cli.running  # noqa: F401


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
