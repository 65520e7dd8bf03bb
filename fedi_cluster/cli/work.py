"""`work`: runs the jobs without the web server; it takes no requests."""

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from fedi_cluster.cli.common import asynchronous, config_option, read_settings, the_house
from fedi_cluster.cli.telling import begin_telling, begin_tracing
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.telemetry.traces import end_traces

if TYPE_CHECKING:
    from fedi_cluster.settings import Settings


@click.command()
@click.option("--once", is_flag=True, help="Run what is due now and what follows from it, then end.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    help="What is logged (else the setting `log_level`).",
)
@config_option
@asynchronous
async def work(once: bool, log_level: str | None) -> None:
    """Run the jobs: deliveries, what arrived, the cluster's history.

    The server does this too; with SQLite it alone does, and only --once may help it. With PostgreSQL further
    processes share the queue, also on other machines; start the server with --no-jobs to keep them apart.

    \b
    Example:
      fedi-cluster work
    """
    settings = read_settings()
    begin_telling(settings, log_level)
    begin_tracing(settings)
    if not once and settings.database_url.startswith("sqlite"):
        raise Invalid(
            "With SQLite the server works the jobs itself: start “fedi-cluster serve”, run this with --once, "
            "or set database_url to PostgreSQL."
        )
    try:
        await _work(settings, once)
    finally:
        end_traces()


async def _work(settings: "Settings", once: bool) -> None:
    from fedi_cluster.cli.memory import given_back, keep_what_is_loaded, share_one_arena
    from fedi_cluster.cli.running import run_jobs
    from fedi_cluster.jobs.worker import Worker

    share_one_arena()
    async with the_house(settings) as house:
        if once:
            ran = await Worker(house.db, house.handlers, house.clock).drain()
            click.echo(f"{ran} jobs ran.")
            return
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        keep_what_is_loaded()
        click.echo(f"Working the jobs of {house.settings.base_url}; Ctrl-C ends it.")
        async with given_back():
            await run_jobs(house, stop)
