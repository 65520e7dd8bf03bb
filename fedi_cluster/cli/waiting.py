"""Waits until a newcomer is confirmed and holds all that its sisters have; it moves nothing itself."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.community.regions import digests
from fedi_cluster.jobs import reports
from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage.unit import Reader

if TYPE_CHECKING:
    from fedi_cluster.wiring import House

_PAUSE = 0.2


async def wait_until_in_step(house: "House", inviter: str, asked: int, seconds: float) -> None:
    """Returns when we are a member and in step with every sister; shows a bar for each.

    `inviter` is the host that was asked, `asked` the id of the job that does it. Raises `Unavailable` after
    `seconds`, and `ClusterError` where the question itself was given up.
    """
    try:
        async with asyncio.timeout(seconds):
            await _until_member(house, inviter, asked)
            for one in await _sisters(house):
                await _show_copies(house, one.host)
            while waited := [one for one in await _sisters(house) if one.comparison.state != "in_step"]:
                await _show_copies(house, waited[0].host)
    except TimeoutError as error:
        raise Unavailable(
            f"Not done after {seconds:g} seconds; it goes on by itself: see “fedi-cluster cluster status”."
        ) from error
    for one in await _sisters(house):
        held = await house.db.read(digests.count, one.host)
        click.echo(f"{one.entry.name} ({one.host}): {held} held, in step.")


async def _until_member(house: "House", inviter: str, asked: int) -> None:
    said = False
    while not await house.db.read(queries.is_member, house.at.host):
        await house.db.read(_check_question, inviter, asked)
        if not said:
            click.echo("Waiting for the confirmation …")
            said = True
        await asyncio.sleep(_PAUSE)
    click.echo("Confirmed: this instance is a member.")


def _check_question(reader: Reader, inviter: str, asked: int) -> None:
    """Raises `ClusterError` where our question was given up: nobody will answer what nobody heard."""
    for job in reports.list_jobs(reader, "dead", f"ask:{inviter}"):
        if job.id >= asked:
            raise ClusterError(
                f"{inviter} could not be asked: {job.error}. "
                "When the cause is gone: fedi-cluster jobs retry --lane ask:" + inviter
            )


async def _sisters(house: "House") -> list[Member]:
    return list(await house.db.read(queries.sisters, house.at.host))


async def _show_copies(house: "House", host: str) -> None:
    """A bar for what we hold of one sister, which grows until we are in step."""
    bar = None
    try:
        while True:
            member = await house.db.read(queries.member, host)
            if member is None or not member.is_sister:
                return
            held = await house.db.read(digests.count, host)
            over = member.comparison.state == "in_step"
            if bar is None and sys.stdout.isatty():
                bar = click.progressbar(length=1, label=member.entry.name)
                bar.render_progress()
            if bar is not None:
                bar.length = max(1, held if over else held + member.comparison.missing + 1)
                bar.pos = min(held, bar.length)
                bar.update(bar.length - bar.pos if over else 0)
                bar.render_progress()
            if over:
                return
            await asyncio.sleep(_PAUSE)
    finally:
        if bar is not None:
            bar.render_finish()
