"""What other servers are told of follows and blocks."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.relationships import queries
from fedi_cluster.community.relationships.facts import (
    Blocked,
    Followed,
    FollowRefused,
    FollowRequested,
    Unblocked,
    Unfollowed,
)
from fedi_cluster.federation.outgoing import audience
from fedi_cluster.federation.outgoing.send import send, signed
from fedi_cluster.federation.render import activity as render
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit


def send_follow(unit: Unit, at: Addresses, fact: FollowRequested) -> None:
    """The Follow, to the wished-for actor on another instance."""
    follow = queries.follow_by_id(unit, fact.follow_id)
    if follow is None:
        return
    follower = actor_queries.by_id(unit, follow.follower_id)
    target = actor_queries.by_id(unit, follow.target_id)
    document = render.follow(follow.uri, follower.uri, target.uri)
    own_id = int(follow.uri.rpartition("/")[2])
    send(unit, follower, own_id, signed(unit, follower, document), audience.of_actor(unit, at, target))


def send_accept(unit: Unit, at: Addresses, fact: Followed) -> None:
    """The Accept with the Follow inside, to a follower on another instance."""
    follow = queries.follow_by_id(unit, fact.follow_id)
    if follow is None:
        return
    follower = actor_queries.by_id(unit, follow.follower_id)
    target = actor_queries.by_id(unit, follow.target_id)
    activity_id = unit.new_id()
    document = render.accept(at.activity(activity_id), target.uri, follow.uri, follower.uri, target.uri)
    send(unit, target, activity_id, signed(unit, target, document), audience.of_actor(unit, at, follower))


def send_reject(unit: Unit, at: Addresses, fact: FollowRefused) -> None:
    """The Reject with the Follow inside, to a would-be follower on another instance."""
    follower = actor_queries.by_id(unit, fact.follower_id)
    target = actor_queries.by_id(unit, fact.target_id)
    activity_id = unit.new_id()
    document = render.reject(at.activity(activity_id), target.uri, fact.uri, follower.uri, target.uri)
    send(unit, target, activity_id, signed(unit, target, document), audience.of_actor(unit, at, follower))


def send_unfollow(unit: Unit, at: Addresses, fact: Unfollowed) -> None:
    """The Undo of a Follow."""
    _undo(unit, at, "Follow", fact.uri, (fact.follower_id, fact.target_id))


def send_block(unit: Unit, at: Addresses, fact: Blocked) -> None:
    """The Block, so that the other server hides what it should."""
    block = queries.block_by_id(unit, fact.block_id)
    if block is None:
        return
    blocker = actor_queries.by_id(unit, block.blocker_id)
    blocked = actor_queries.by_id(unit, block.blocked_id)
    own_id = int(block.uri.rpartition("/")[2])
    document = render.block(block.uri, blocker.uri, blocked.uri)
    send(unit, blocker, own_id, signed(unit, blocker, document), audience.of_actor(unit, at, blocked))


def send_unblock(unit: Unit, at: Addresses, fact: Unblocked) -> None:
    """The Undo of a Block."""
    _undo(unit, at, "Block", fact.uri, (fact.blocker_id, fact.blocked_id))


def _undo(unit: Unit, at: Addresses, kind: str, uri: str, sides: tuple[int, int]) -> None:
    actor = actor_queries.by_id(unit, sides[0])
    other = actor_queries.by_id(unit, sides[1])
    activity_id = unit.new_id()
    document = render.undo(
        at.activity(activity_id),
        actor.uri,
        [other.uri],
        [],
        inner_id=uri,
        inner_type=kind,
        inner_actor=actor.uri,
        inner_object=other.uri,
    )
    send(unit, actor, activity_id, signed(unit, actor, document), audience.of_actor(unit, at, other))
