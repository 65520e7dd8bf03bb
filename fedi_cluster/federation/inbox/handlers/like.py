"""Like: somebody elsewhere likes a post that we know."""

from fedi_cluster.community.posts import actions, queries
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Like
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def like(federation: Federation, message: Message, said: Like) -> Outcome:
    """A like of a post that we do not have is of no interest: nothing is fetched for it."""
    if await federation.db.read(queries.by_uri, said.object_id) is None:
        raise Ignored("The liked post is not known here.", detail=said.object_id)
    actor = await acting(federation, message, said.actor)

    def write(unit: Unit) -> None:
        post = queries.by_uri(unit, said.object_id)
        if post is None:
            raise Ignored("The liked post is not known here.", detail=said.object_id)
        actions.like(unit, actor, post, said.id)

    return write
