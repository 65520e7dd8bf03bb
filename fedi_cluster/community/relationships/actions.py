"""Acts between two actors: the same function whether the inbox, an app, a page or a command asks."""

from sqlalchemy import delete, insert, or_, update

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.relationships import queries, rules
from fedi_cluster.community.relationships.facts import (
    Blocked,
    Followed,
    FollowRefused,
    FollowRequested,
    Unblocked,
    Unfollowed,
)
from fedi_cluster.community.relationships.shapes import Follow
from fedi_cluster.storage.tables.relationships import block as block_table
from fedi_cluster.storage.tables.relationships import follow as follow_table
from fedi_cluster.storage.unit import Unit


def follow(unit: Unit, follower: Actor, target: Actor, uri: str) -> rules.Answer:
    """`follower` wishes to follow `target`; `uri` is the id of the Follow activity.

    A repeated wish takes the newer id and is answered again, as Mastodon does: its sender may have lost
    the first answer.
    """
    said = rules.answer(follower, target, blocked=queries.is_blocked(unit, follower.id, target.id))
    if said is rules.Answer.REFUSE:
        unit.record(FollowRefused(uri, follower.id, target.id, local=target.local))
        return said
    state = "accepted" if said is rules.Answer.ACCEPT else "pending"
    known = queries.follow_between(unit, follower.id, target.id)
    if known is None:
        follow_id = unit.new_id()
        unit.connection.execute(
            insert(follow_table).values(
                id=follow_id,
                uri=uri,
                follower_id=follower.id,
                target_id=target.id,
                state=state,
                created_at=unit.now,
            )
        )
    else:
        follow_id = known.id
        if known.state == "accepted":
            # It holds while a remote target is asked anew: a second click must not cut what was agreed.
            state = "accepted"
            said = rules.Answer.ACCEPT if target.local else said
        unit.connection.execute(
            update(follow_table).where(follow_table.c.id == follow_id).values(uri=uri, state=state)
        )
    if said is rules.Answer.ACCEPT:
        unit.record(Followed(follow_id, local=target.local))
    else:
        unit.record(FollowRequested(follow_id, local=follower.local))
    return said


def accept(unit: Unit, asked: Follow, target: Actor) -> None:
    """The followed side agrees; a second time changes nothing."""
    if asked.state == "accepted":
        return
    unit.connection.execute(
        update(follow_table).where(follow_table.c.id == asked.id).values(state="accepted")
    )
    unit.record(Followed(asked.id, local=target.local))


def refuse(unit: Unit, asked: Follow, target: Actor) -> None:
    """The followed side declines, or ends a follow that it had accepted."""
    unit.connection.execute(delete(follow_table).where(follow_table.c.id == asked.id))
    unit.record(FollowRefused(asked.uri, asked.follower_id, asked.target_id, local=target.local))


def unfollow(unit: Unit, follower: Actor, target: Actor) -> None:
    """The follower ends it; where there is nothing to end, nothing happens."""
    known = queries.follow_between(unit, follower.id, target.id)
    if known is None:
        return
    unit.connection.execute(delete(follow_table).where(follow_table.c.id == known.id))
    unit.record(Unfollowed(known.uri, follower.id, target.id, local=follower.local))


def end_all(unit: Unit, gone: Actor) -> None:
    """Ends every follow of and by a remote actor whose account is gone: nobody is left to be told."""
    sides = follow_table.c
    unit.connection.execute(
        delete(follow_table).where(or_(sides.follower_id == gone.id, sides.target_id == gone.id))
    )


def block(unit: Unit, blocker: Actor, blocked: Actor, uri: str) -> None:
    """`blocker` wants nothing of `blocked`; follows end in both directions."""
    if queries.block_between(unit, blocker.id, blocked.id) or blocker.id == blocked.id:
        return
    block_id = unit.new_id()
    unit.connection.execute(
        insert(block_table).values(
            id=block_id, uri=uri, blocker_id=blocker.id, blocked_id=blocked.id, created_at=unit.now
        )
    )
    unit.forget(queries.BLOCKS)
    unfollow(unit, blocker, blocked)
    their = queries.follow_between(unit, blocked.id, blocker.id)
    if their:
        refuse(unit, their, blocker)
    unit.record(Blocked(block_id, local=blocker.local))


def unblock(unit: Unit, blocker: Actor, blocked: Actor) -> None:
    """The block is lifted; the follows that it ended do not come back by themselves."""
    known = queries.block_between(unit, blocker.id, blocked.id)
    if known is None:
        return
    unit.connection.execute(delete(block_table).where(block_table.c.id == known.id))
    unit.forget(queries.BLOCKS)
    unit.record(Unblocked(known.uri, blocker.id, blocked.id, local=blocker.local))
