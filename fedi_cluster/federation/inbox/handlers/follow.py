"""Follow: somebody elsewhere wishes to follow somebody here."""

from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.message import Message, acting, meant
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Follow
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def follow(federation: Federation, message: Message, wish: Follow) -> Outcome:
    """The answer follows from the fact that the act records."""
    await federation.db.read(meant, wish.object)
    follower = await acting(federation, message, wish.actor)

    def write(unit: Unit) -> None:
        actions.follow(unit, follower, meant(unit, wish.object), wish.id)

    return write
