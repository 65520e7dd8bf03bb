"""From a changed profile to its Update; what other servers do with it is theirs."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.facts import ActorChanged
from fedi_cluster.federation.outgoing import audience
from fedi_cluster.federation.outgoing.send import send, signed
from fedi_cluster.federation.render import activity as render
from fedi_cluster.federation.render import actor as render_actor
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit


def send_profile(unit: Unit, at: Addresses, fact: ActorChanged) -> None:
    """The Update with the signed profile, to followers and sisters."""
    actor = actor_queries.by_id(unit, fact.actor_id)
    if actor.deleted_at:
        return
    activity_id = unit.new_id()
    whole = signed(unit, actor, render_actor.actor(at, actor))
    document = render.update_actor(at.activity(activity_id), whole, actor.followers, actor.updated_at)
    inboxes = audience.of_followers(unit, at, actor) | audience.of_sisters(unit, at)
    send(unit, actor, activity_id, signed(unit, actor, document), inboxes, seen_by="public")
