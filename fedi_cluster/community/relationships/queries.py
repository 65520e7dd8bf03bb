"""Reads of relationships."""

from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select

from fedi_cluster.community.relationships.shapes import Block, Follow
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.relationships import block as block_table
from fedi_cluster.storage.tables.relationships import follow as follow_table
from fedi_cluster.storage.unit import Reader

_blocks = block_table.c
BLOCKS = "block"
"""The family of `Reader.held` that blocks are; whoever writes one lets it be forgotten."""

_ONE, _OTHER = bindparam("one", type_=BigId), bindparam("other", type_=BigId)
_BLOCKED = Prepared(
    select(_blocks.id).where(
        or_(
            and_(_blocks.blocker_id == _ONE, _blocks.blocked_id == _OTHER),
            and_(_blocks.blocker_id == _OTHER, _blocks.blocked_id == _ONE),
        )
    )
)
_FOLLOWER_INBOXES = (
    select(func.coalesce(actor_table.c.shared_inbox, actor_table.c.inbox))
    .distinct()
    .select_from(follow_table.join(actor_table, follow_table.c.follower_id == actor_table.c.id))
    .where(
        follow_table.c.target_id == bindparam("target"),
        follow_table.c.state == "accepted",
        actor_table.c.local.is_(False),
        actor_table.c.deleted_at.is_(None),
    )
)


def _follow(reader: Reader, condition: ColumnElement[bool]) -> Follow | None:
    row = reader.connection.execute(select(follow_table).where(condition)).first()
    return Follow(*row) if row else None


def follow_by_id(reader: Reader, follow_id: int) -> Follow | None:
    """The follow of this id, None where it ended meanwhile."""
    return _follow(reader, follow_table.c.id == follow_id)


def follow_between(reader: Reader, follower_id: int, target_id: int) -> Follow | None:
    """The follow of one actor by another, in whatever state."""
    return _follow(
        reader, (follow_table.c.follower_id == follower_id) & (follow_table.c.target_id == target_id)
    )


def follow_by_uri(reader: Reader, uri: str) -> Follow | None:
    """The follow that began with this Follow activity."""
    return _follow(reader, follow_table.c.uri == uri)


def block_by_id(reader: Reader, block_id: int) -> Block | None:
    """The block of this id, None where it was lifted meanwhile."""
    row = reader.connection.execute(select(block_table).where(block_table.c.id == block_id)).first()
    return Block(row.id, row.uri, row.blocker_id, row.blocked_id) if row else None


def block_between(reader: Reader, blocker_id: int, blocked_id: int) -> Block | None:
    """The block of one actor by another."""
    row = reader.connection.execute(
        select(block_table).where(
            block_table.c.blocker_id == blocker_id, block_table.c.blocked_id == blocked_id
        )
    ).first()
    return Block(row.id, row.uri, row.blocker_id, row.blocked_id) if row else None


def is_blocked(reader: Reader, one_id: int, other_id: int) -> bool:
    """Whether either of the two blocked the other."""
    return reader.held(
        BLOCKS, (one_id, other_id), lambda: _BLOCKED.first(reader, one=one_id, other=other_id) is not None
    )


def follower_inboxes(reader: Reader, target_id: int) -> set[str]:
    """Where the accepted followers of an actor on other instances are told: one shared inbox for each
    instance that has one. However many they are, none of them is read as a whole."""
    rows = reader.connection.execute(_FOLLOWER_INBOXES, {"target": target_id})
    return set(rows.scalars())


def has_local_follower(reader: Reader, target_id: int) -> bool:
    """Whether anybody here follows this actor, or has asked to: a post may overtake the answer."""
    return (
        reader.connection.execute(
            select(follow_table.c.id)
            .join(actor_table, actor_table.c.id == follow_table.c.follower_id)
            .where(
                follow_table.c.target_id == target_id,
                actor_table.c.local.is_(True),
            )
            .limit(1)
        ).first()
        is not None
    )


def count_followers(reader: Reader, actor_id: int) -> int:
    """How many follow this actor."""
    return _count(reader, follow_table.c.target_id == actor_id)


def count_following(reader: Reader, actor_id: int) -> int:
    """How many this actor follows."""
    return _count(reader, follow_table.c.follower_id == actor_id)


def _count(reader: Reader, condition: ColumnElement[bool]) -> int:
    return reader.connection.execute(
        select(func.count()).select_from(follow_table).where(condition, follow_table.c.state == "accepted")
    ).scalar_one()
