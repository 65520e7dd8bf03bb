"""Reads of relationships."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select

from fedi_cluster.community.actors.queries import actor_of
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.relationships.shapes import Block, Follow
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.relationships import block as block_table
from fedi_cluster.storage.tables.relationships import follow as follow_table
from fedi_cluster.storage.unit import Reader


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
    blocks = block_table.c
    return (
        reader.connection.execute(
            select(blocks.id).where(
                or_(
                    (blocks.blocker_id == one_id) & (blocks.blocked_id == other_id),
                    (blocks.blocker_id == other_id) & (blocks.blocked_id == one_id),
                )
            )
        ).first()
        is not None
    )


def remote_followers(reader: Reader, target_id: int) -> Sequence[Actor]:
    """The accepted followers of an actor that live on other instances."""
    rows = reader.connection.execute(
        select(actor_table)
        .join(follow_table, follow_table.c.follower_id == actor_table.c.id)
        .where(
            follow_table.c.target_id == target_id,
            follow_table.c.state == "accepted",
            actor_table.c.local.is_(False),
            actor_table.c.deleted_at.is_(None),
        )
    )
    return [actor_of(row) for row in rows.mappings()]


def has_local_follower(reader: Reader, target_id: int) -> bool:
    """Whether anybody here follows this actor."""
    return (
        reader.connection.execute(
            select(follow_table.c.id)
            .join(actor_table, actor_table.c.id == follow_table.c.follower_id)
            .where(
                follow_table.c.target_id == target_id,
                follow_table.c.state == "accepted",
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
