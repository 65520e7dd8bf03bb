"""Undo: somebody elsewhere takes back a Follow, Like, Announce or Block of hers."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.inbox.message import Ignored, Message, acting
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Undo
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit


async def undo(federation: Federation, message: Message, said: Undo) -> Outcome:
    """What is undone is found by its id, else by its two sides; only the actor's own is undone."""
    actor = await acting(federation, message, said.actor, known_only=True)

    def write(unit: Unit) -> None:
        inner_id = said.object_id or (said.inner.id if said.inner else None)
        if inner_id and _undo_by_id(unit, actor, inner_id):
            return
        if (
            said.inner is None
            or not said.inner.object
            or not _undo_by_sides(unit, actor, said.inner.type, said.inner.object)
        ):
            raise Ignored("There is nothing to undo.", detail=str(inner_id))

    return write


def _undo_by_id(unit: Unit, actor: Actor, uri: str) -> bool:
    follow = relationship_queries.follow_by_uri(unit, uri)
    if follow and follow.follower_id == actor.id:
        relationship_actions.unfollow(unit, actor, actor_queries.by_id(unit, follow.target_id))
        return True
    found = post_queries.reaction_by_uri(unit, uri)
    if found and found[1].actor_id == actor.id:
        post = post_queries.by_id(unit, found[1].post_id)
        assert post is not None, "a reaction goes with its post"
        take_back = post_actions.unlike if found[0] == "like" else post_actions.unannounce
        take_back(unit, actor, post)
        return True
    return False


def _undo_by_sides(unit: Unit, actor: Actor, kind: str, target: str) -> bool:
    if kind in ("Follow", "Block"):
        other = actor_queries.by_uri(unit, target)
        if other is None:
            return False
        end = relationship_actions.unfollow if kind == "Follow" else relationship_actions.unblock
        end(unit, actor, other)
        return True
    post = post_queries.by_uri(unit, target)
    if post is None or kind not in ("Like", "Announce"):
        return False
    take_back = post_actions.unlike if kind == "Like" else post_actions.unannounce
    take_back(unit, actor, post)
    return True
