"""Finds the post or the actor that a person means by id, address or handle; it reads, and may fetch."""

from typing import TYPE_CHECKING

import click

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.errors import ClusterError, NotFound
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.kernel.text import find_mentions

if TYPE_CHECKING:
    from fedi_cluster.wiring import House


async def find_post(house: "House", meant: str) -> Post:
    """The post behind a decimal id, its ActivityPub id or the address of its page here.

    One of another server is read there where it is not known. Raises `NotFound`, `Gone`, `Unreachable`.
    """
    identifier = parse_id(meant.rpartition("/")[2]) if house.at.is_ours(meant) or "/" not in meant else None
    if identifier is not None:
        found = await house.db.read(post_queries.by_id, identifier)
        if found is None or found.deleted_at:
            raise NotFound(f"There is no post {meant} here.")
        return found
    return await house.federation.objects.ensure(meant)


async def find_actor(house: "House", meant: str) -> Actor:
    """The actor behind an ActivityPub id or a handle, read from its server where it is not known here."""
    if meant.startswith(("https://", "http://")):
        return await house.federation.actors.at_address(meant)
    return await house.federation.actors.by_handle(meant)


async def resolve_mentions(house: "House", text: str) -> None:
    """Makes the accounts of other servers that a text names known, before it is published.

    One that cannot be found stays plain text, and the writer is told so.
    """
    for handle in find_mentions(text):
        if "@" not in handle:
            continue
        try:
            await house.federation.actors.by_handle(handle)
        except ClusterError as error:
            click.echo(f"@{handle} stays plain text: {error.public}", err=True)
