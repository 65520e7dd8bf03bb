"""What was said between servers: our own activities, and the log of what arrived."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, metadata

# Our own activities as they were sent, so that their ids can be read and an outbox can be shown.
activity = Table(
    "activity",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("type", String(32), nullable=False),
    Column("actor_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("post_id", BigId),
    Column("audience", String(16), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_activity_actor_id_id", "actor_id", "id"),
    Index("ix_activity_post_id", "post_id"),
)

inbox_log = Table(
    "inbox_log",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("activity_uri", Text, nullable=False),
    Column("sender_host", String(255), nullable=False),
    Column("sender_actor", Text, nullable=False),
    Column("sender_key", Text, nullable=False),
    Column("scheme", String(16), nullable=False),
    Column("key_kind", String(16), nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("received_at", Moment, nullable=False),
    Index("ix_inbox_log_activity_uri_sender_actor", "activity_uri", "sender_actor", unique=True),
    Index("ix_inbox_log_received_at", "received_at"),
)
