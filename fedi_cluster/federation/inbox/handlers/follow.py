"""Follow: somebody elsewhere wishes to follow somebody here."""

from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.claims import Sides, stand
from fedi_cluster.federation.inbox.message import Message, acting, meant
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Follow
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def follow(federation: Federation, message: Message, wish: Follow) -> Outcome:
    """The answer follows from the fact that the act records; undone before it came, it asks for nothing."""
    await federation.db.read(meant, wish.object)
    follower = await acting(federation, message, wish.actor)

    def write(unit: Unit) -> None:
        target = meant(unit, wish.object)
        actions.follow(unit, follower, target, stand(unit, wish.id, Sides("Follow", wish.actor, wish.object)))

    return write
