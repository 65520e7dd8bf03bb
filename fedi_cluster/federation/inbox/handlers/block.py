"""Block: somebody elsewhere wants nothing of somebody here."""

from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.claims import Sides, stand
from fedi_cluster.federation.inbox.message import Message, acting, meant
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Block
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def block(federation: Federation, message: Message, said: Block) -> Outcome:
    """Follows between the two end; a block that was lifted before it arrived ends none."""
    await federation.db.read(meant, said.object)
    blocker = await acting(federation, message, said.actor)

    def write(unit: Unit) -> None:
        blocked = meant(unit, said.object)
        actions.block(unit, blocker, blocked, stand(unit, said.id, Sides("Block", said.actor, said.object)))

    return write
