"""Who follows and who blocks whom."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from fedi_cluster.storage.tables.base import BigId, Moment, metadata

follow = Table(
    "follow",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False),
    Column("follower_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("target_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("follower_id", "target_id"),
    Index("ix_follow_target_id_state", "target_id", "state"),
    Index("ix_follow_uri", "uri"),
)

block = Table(
    "block",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False),
    Column("blocker_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("blocked_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("blocker_id", "blocked_id"),
    Index("ix_block_blocked_id", "blocked_id"),
    Index("ix_block_uri", "uri"),
)
