"""Join: a newcomer instance that holds an invitation asks to become a member of the cluster."""

from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Join
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.storage.unit import Unit


async def join(federation: Federation, message: Message, wish: Join) -> Outcome:
    """The newcomer's instance actor asks; its region must say that it belongs to the same instance."""
    prefix = f"{federation.at.base}/cluster/invitations/"
    if not wish.object_id.startswith(prefix):
        raise Ignored("Taking part in events is not offered here.", detail=wish.object_id)
    newcomer = await acting(federation, message, wish.actor)
    key = next((key for key in newcomer.keys if key.kind == "ed25519"), None)
    if newcomer.type != "Application" or key is None or not newcomer.cluster:
        raise Refused("Only the instance actor of a region may ask to join.", detail=wish.actor)
    region = await federation.actors.ensure(
        Addresses(wish.actor.removesuffix("/actor"), "").region, fresh=True
    )
    if region.kind != "Region" or region.cluster != newcomer.cluster:
        raise Refused("The region and its instance do not name the same cluster list.", detail=region.uri)
    token = wish.object_id.removeprefix(prefix)

    def write(unit: Unit) -> None:
        now = whole_second(unit.now)
        candidate = Entry(newcomer.uri, region.uri, region.name, key.material, "asking", None, now, now)
        membership.ask(unit, token, candidate)

    return write
