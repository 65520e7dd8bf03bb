"""Like: somebody elsewhere likes a post that we know, or shall know."""

from fedi_cluster.community.posts import actions, queries
from fedi_cluster.federation.inbox.claims import Sides, stand
from fedi_cluster.federation.inbox.early import wait_for
from fedi_cluster.federation.inbox.message import Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Like
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.errors import Gone
from fedi_cluster.storage.unit import Unit


async def like(federation: Federation, message: Message, said: Like) -> Outcome:
    """A like of a post that we do not have waits for it: nothing is fetched for it, not even who likes."""
    if await federation.db.read(queries.by_uri, said.object_id) is None:
        return await wait_for(federation, message, said.object_id)
    actor = await acting(federation, message, said.actor)

    def write(unit: Unit) -> None:
        post = queries.by_uri(unit, said.object_id)
        if post is None:
            raise Gone("The post was deleted.", detail=said.object_id)
        standing = stand(unit, said.id, Sides("Like", said.actor, said.object_id))
        actions.like(unit, actor, post, standing)

    return write
