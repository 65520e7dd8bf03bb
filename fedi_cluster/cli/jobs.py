"""`jobs`: what waits, what was given up, and again; it runs no job."""

import json

import click

from fedi_cluster.cli.common import asynchronous, config_option, table, the_house
from fedi_cluster.kernel.errors import NotFound

_LONGEST = 60


@click.group()
@config_option
def jobs() -> None:
    """Work that waits or was given up.

    \b
    Examples:
      fedi-cluster jobs list --dead
      fedi-cluster jobs retry --all
    """


@jobs.command("list")
@click.option("--dead", is_flag=True, help="Only those that were given up.")
@click.option("--lane", metavar="LANE", help="Only those of a lane, such as out:rostock.example.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with all that is known.")
@config_option
@asynchronous
async def list_all(dead: bool, lane: str | None, limit: int, as_json: bool) -> None:
    """List jobs in the order of their ids: kind, lane, when they are due, how often tried, last error.

    \b
    Example:
      fedi-cluster jobs list --dead
    """
    from fedi_cluster.jobs import reports
    from fedi_cluster.kernel.clock import to_wire

    async with the_house() as house:
        found = await house.db.read(reports.list_jobs, "dead" if dead else None, lane, limit)
        counts = await house.db.read(reports.counts)
    if as_json:
        for job in found:
            known = {
                "id": str(job.id), "kind": job.kind, "lane": job.lane, "state": job.state, "tries": job.tries,
                "run_at": to_wire(job.run_at), "error": job.error, "payload": dict(job.payload),
            }  # fmt: skip
            click.echo(json.dumps(known, ensure_ascii=False))
        return
    if found:
        table(
            ("ID", "KIND", "LANE", "STATE", "DUE", "TRIES", "LAST ERROR"),
            (
                (
                    str(job.id), job.kind, job.lane or "", job.state, to_wire(job.run_at), str(job.tries),
                    (job.error or "")[:_LONGEST],
                )
                for job in found
            ),
        )  # fmt: skip
    click.echo(f"{counts.running} running, {counts.waiting} waiting, {counts.dead} given up.")


@jobs.command()
@click.argument("job_id", metavar="[ID]", type=int, required=False)
@click.option("--all", "every", is_flag=True, help="All that were given up, deliveries too.")
@click.option("--lane", metavar="LANE", help="Those of a lane.")
@config_option
@asynchronous
async def retry(job_id: int | None, every: bool, lane: str | None) -> None:
    """Bring jobs back that were given up: one by its ID, those of a lane, or all.

    \b
    Examples:
      fedi-cluster jobs retry 117664953139209282
      fedi-cluster jobs retry --lane out:rostock.example
    """
    from fedi_cluster.federation.remote import lanes
    from fedi_cluster.jobs import queue

    if sum((job_id is not None, every, lane is not None)) != 1:
        raise click.UsageError("Name one of: an ID, --lane LANE, --all.")
    async with the_house() as house:
        count = await house.db.write(queue.requeue, job_id=job_id, lane=lane)
        if every:
            count += await house.db.write_locking(lanes.requeue)
    if not count and not every:
        raise NotFound("No such job was given up; see “fedi-cluster jobs list --dead”.")
    click.echo(f"{count} brought back.")
