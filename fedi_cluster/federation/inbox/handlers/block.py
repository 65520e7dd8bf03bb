"""Block: somebody elsewhere wants nothing of somebody here."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Block
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def block(federation: Federation, message: Message, said: Block) -> Outcome:
    """Follows between the two end."""
    blocker = await acting(federation, message, said.actor)

    def write(unit: Unit) -> None:
        blocked = actor_queries.by_uri(unit, said.object)
        if blocked is None or not blocked.local:
            raise Ignored("There is no such account here.", detail=said.object)
        actions.block(unit, blocker, blocked, said.id)

    return write
