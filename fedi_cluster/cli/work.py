"""`work`: runs the jobs without the web server; it takes no requests."""

import asyncio
import signal

import click

from fedi_cluster.cli.common import asynchronous, begin_log, config_option, the_house


@click.command()
@click.option("--once", is_flag=True, help="Run what is due now and what follows from it, then end.")
@config_option
@asynchronous
async def work(once: bool) -> None:
    """Run the jobs: deliveries, what arrived, the cluster's history.

    The server does this too. With PostgreSQL further processes share the queue, also on other machines; start
    the server with --no-jobs to keep them apart.

    \b
    Example:
      fedi-cluster work
    """
    from fedi_cluster.cli.running import run_jobs
    from fedi_cluster.jobs.worker import Worker

    begin_log("warning")
    async with the_house() as house:
        if once:
            ran = await Worker(house.db, house.handlers, house.clock).drain()
            click.echo(f"{ran} jobs ran.")
            return
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        click.echo(f"Working the jobs of {house.settings.base_url}; Ctrl-C ends it.")
        await run_jobs(house, stop)
