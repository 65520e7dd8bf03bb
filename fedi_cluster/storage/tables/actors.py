"""Actors, local and remote, and the private keys of the local ones."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, OrderedJson, metadata

actor = Table(
    "actor",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("host", String(255), nullable=False),
    Column("local", Boolean, nullable=False),
    Column("username", Text, nullable=False),
    Column("handle_host", String(255), nullable=False),
    Column("type", String(32), nullable=False),
    Column("kind", String(32)),
    Column("name", Text, nullable=False),
    Column("name_map", OrderedJson, nullable=False),
    Column("summary", Text, nullable=False),
    Column("summary_map", OrderedJson, nullable=False),
    Column("language", String(35)),
    Column("url", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("shared_inbox", Text),
    Column("outbox", Text),
    Column("followers", Text),
    Column("following", Text),
    Column("featured", Text),
    Column("fields", OrderedJson, nullable=False),
    Column("icon", OrderedJson),
    Column("image", OrderedJson),
    Column("tags", OrderedJson, nullable=False),
    Column("location", OrderedJson),
    Column("keys", OrderedJson, nullable=False),
    Column("implements", OrderedJson, nullable=False),
    Column("also_known_as", OrderedJson, nullable=False),
    Column("moved_to", Text),
    Column("cluster", Text),
    Column("manually_approves", Boolean, nullable=False),
    Column("discoverable", Boolean, nullable=False),
    Column("indexable", Boolean, nullable=False),
    Column("demo", Boolean, nullable=False, server_default="0"),
    Column("published_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("fetched_at", Moment),
    Column("deleted_at", Moment),
    Index("ix_actor_username_handle_host", "username", "handle_host", unique=True),
    Index("ix_actor_host_type", "host", "type"),
    Index("ix_actor_host_demo", "host", "demo"),
)

actor_key = Table(
    "actor_key",
    metadata,
    Column("actor_id", ForeignKey("actor.id", ondelete="CASCADE"), primary_key=True),
    Column("rsa_pem", Text, nullable=False),
    Column("ed25519_pem", Text, nullable=False),
)
