"""Block: somebody elsewhere wants nothing of somebody here."""

from fedi_cluster.community.relationships import actions
from fedi_cluster.federation.inbox.message import Message, acting, meant
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Block
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def block(federation: Federation, message: Message, said: Block) -> Outcome:
    """Follows between the two end."""
    await federation.db.read(meant, said.object)
    blocker = await acting(federation, message, said.actor)

    def write(unit: Unit) -> None:
        actions.block(unit, blocker, meant(unit, said.object), said.id)

    return write
