"""Undo: somebody elsewhere takes back a Follow, Like, Announce or Block of hers, even before it arrives."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.inbox.claims import Sides, take_back
from fedi_cluster.federation.inbox.message import Message, check_own
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.vocab.types import Undo
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.storage.unit import Unit

_BETWEEN_ACTORS = {"Follow": relationship_actions.unfollow, "Block": relationship_actions.unblock}
_ON_POSTS = {"Like": post_actions.unlike, "Announce": post_actions.unannounce}


async def undo(federation: Federation, message: Message, said: Undo) -> Outcome:
    """Only the actor's own is undone. A stranger's Undo leaves its mark, too: her Follow may come later."""
    check_own(message, said.actor)

    def write(unit: Unit) -> None:
        actor = actor_queries.by_uri(unit, said.actor)
        ended = take_back(unit, said, _named(unit, actor, said))
        if actor and ended:
            _end(unit, actor, ended)

    return write


def _named(unit: Unit, actor: Actor | None, said: Undo) -> Sides | None:
    """What an Undo says of both sides, else what has this id here; the id alone may be all that it says."""
    if said.inner and said.inner.object:
        return Sides(said.inner.type, said.actor, said.inner.object)
    if actor is None or said.object_id is None:
        return None
    follow = relationship_queries.follow_by_uri(unit, said.object_id)
    if follow and follow.follower_id == actor.id:
        return Sides("Follow", actor.uri, actor_queries.by_id(unit, follow.target_id).uri)
    found = post_queries.reaction_by_uri(unit, said.object_id)
    if found and found[1].actor_id == actor.id:
        post = post_queries.by_id(unit, found[1].post_id)
        assert post is not None, "a reaction goes with its post"
        return Sides("Like" if found[0] == "like" else "Announce", actor.uri, post.uri)
    return None


def _end(unit: Unit, actor: Actor, ended: Sides) -> None:
    if ended.kind in _BETWEEN_ACTORS:
        other = actor_queries.by_uri(unit, ended.object)
        if other:
            _BETWEEN_ACTORS[ended.kind](unit, actor, other)
    elif ended.kind in _ON_POSTS:
        post = post_queries.by_uri(unit, ended.object)
        if post:
            _ON_POSTS[ended.kind](unit, actor, post)
