"""What lets activities of others arrive in any order: what they claim and took back, and what came early."""

from sqlalchemy import Column, Index, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, metadata

# The Follow, Like, Announce and Block activities of others that stand or were undone; `id` grows as they
# arrive. `undone_by` is the undone id itself, an unknown id by whose Undo this one was meant, or the Undo of
# a later one. `kind` and `object` are unknown where the Undo came first and named nothing but an id.
claim = Table(
    "claim",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("id", BigId, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", String(16)),
    Column("object", Text),
    Column("undone_by", Text),
    Column("created_at", Moment, nullable=False),
    Index("ix_claim_actor_kind_object", "actor", "kind", "object"),
    Index("ix_claim_undone_by", "undone_by"),
    Index("ix_claim_created_at", "created_at"),
)

# Entries of the inbox log that speak of an object which is not here yet; `host` sent them.
early = Table(
    "early",
    metadata,
    Column("log_id", BigId, primary_key=True, autoincrement=False),
    Column("object", Text, nullable=False),
    Column("host", String(255), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_early_object", "object"),
    Index("ix_early_host", "host"),
    Index("ix_early_created_at", "created_at"),
)
