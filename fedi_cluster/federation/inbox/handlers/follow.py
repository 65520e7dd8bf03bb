"""Follow: somebody elsewhere wishes to follow somebody here."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Follow
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def follow(federation: Federation, message: Message, wish: Follow) -> Outcome:
    """The answer follows from the fact that the act records."""
    follower = await acting(federation, message, wish.actor)

    def write(unit: Unit) -> None:
        target = actor_queries.by_uri(unit, wish.object)
        if target is None or not target.local:
            raise Ignored("There is no such account here.", detail=wish.object)
        actions.follow(unit, follower, target, wish.id)

    return write
