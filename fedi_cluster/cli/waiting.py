"""Waits until a newcomer is confirmed and has its sisters' history; it moves nothing itself."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.jobs import reports
from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage.unit import Reader

if TYPE_CHECKING:
    from fedi_cluster.wiring import House

_PAUSE = 0.2
_OVER = ("done", "failed")


async def wait_for_history(house: "House", inviter: str, asked: int, seconds: float) -> None:
    """Returns when we are a member and the history of every sister is fetched; shows a bar for each.

    `inviter` is the host that was asked, `asked` the id of the job that does it. Raises `Unavailable` after
    `seconds`, and `ClusterError` where the question itself was given up.
    """
    try:
        async with asyncio.timeout(seconds):
            await _until_member(house, inviter, asked)
            while waited := [one for one in await _sisters(house) if one.history_state not in _OVER]:
                await _show_history(house, waited[0].host)
    except TimeoutError as error:
        raise Unavailable(
            f"Not done after {seconds:g} seconds; it goes on by itself: see “fedi-cluster cluster status”."
        ) from error
    for one in await _sisters(house):
        click.echo(f"{one.entry.name} ({one.host}): {one.history_done} posts, {one.history_state}.")


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
    for job in reports.list_jobs(reader, "dead", f"out:{inviter}"):
        if job.id >= asked:
            raise ClusterError(
                f"{inviter} could not be asked: {job.error}. "
                "When the cause is gone: fedi-cluster jobs retry --lane out:" + inviter
            )


async def _sisters(house: "House") -> list[Member]:
    return list(await house.db.read(queries.sisters, house.at.host))


async def _show_history(house: "House", host: str) -> None:
    """A bar for the history of one sister, which grows until it is over."""
    bar = None
    shown = 0
    try:
        while True:
            member = await house.db.read(queries.member, host)
            if member is None or not member.is_sister:
                return
            if bar is None and member.history_total is not None and sys.stdout.isatty():
                bar = click.progressbar(length=max(1, member.history_total), label=member.entry.name)
                bar.render_progress()
            if bar is not None:
                bar.update(member.history_done - shown)
                shown = member.history_done
            if member.history_state in _OVER:
                return
            await asyncio.sleep(_PAUSE)
    finally:
        if bar is not None:
            bar.render_finish()
