"""Delete: a post of somebody elsewhere is gone, or she herself is."""

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.federation.inbox.message import Message
from fedi_cluster.federation.inbox.passing_on import pass_on
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import keep_tombstone
from fedi_cluster.federation.remote.objects import not_ahead
from fedi_cluster.federation.vocab.types import Delete
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.errors import ClusterError, Gone, NotFound, Refused
from fedi_cluster.storage.unit import Unit


async def delete(federation: Federation, message: Message, said: Delete) -> Outcome:
    """Signed by the author it is done at once; forwarded, its origin is asked whether it is so."""
    if not same_origin(said.actor, said.object_id):
        raise Refused("Nobody deletes what lies on another server.", detail=said.object_id)
    if message.forwarded and not await _is_gone(federation, said.object_id):
        raise Refused("Its own server still has it.", detail=said.object_id)

    def write(unit: Unit) -> None:
        actor = actor_queries.by_uri(unit, said.actor)
        if said.actor == said.object_id:
            if actor and not actor.local:
                post_actions.erase_all(unit, actor)
                post_actions.withdraw_all(unit, actor)
                relationship_actions.end_all(unit, actor)
                actor_actions.delete_actor(unit, actor)
                if said.raw_object:
                    keep_tombstone(unit, federation.at, said.actor, said.raw_object)
            return
        post = post_queries.by_uri(unit, said.object_id)
        when = not_ahead(said.former.deleted, unit.now) if said.former and said.former.deleted else None
        if post is None:
            post_actions.forget(unit, said.object_id, said.former.former_type if said.former else None, when)
        elif actor is None:
            raise Refused("The post is somebody else's.", detail=said.object_id)
        else:
            pass_on(unit, federation.at, message, post)
            post_actions.erase(unit, actor, post, when)
        if said.raw_object and (post is not None or ledger.held(unit, said.object_id) is None):
            keep_tombstone(unit, federation.at, said.object_id, said.raw_object)

    return write


async def _is_gone(federation: Federation, uri: str) -> bool:
    try:
        document = await federation.fetcher.document(uri)
    except (Gone, NotFound):
        return True
    except ClusterError:
        return False
    return document.get("type") == "Tombstone"
