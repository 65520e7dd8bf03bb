"""The cluster: its name, its members as we know them, invitations, and the posts that all members show."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from fedi_cluster.storage.tables.base import Moment, metadata

cluster = Table(
    "cluster",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("urn", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Moment, nullable=False),
)

# Every instance that is, was or asks to be a member, our own among them; entries are never deleted.
member = Table(
    "member",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("actor_uri", Text, nullable=False, unique=True),
    Column("region_uri", Text, nullable=False),
    Column("slug", String(30)),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("confirmed_by", Text),
    Column("published_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("admitted", Integer, nullable=False, server_default="1"),
    Column("history_next", Text),
    Column("history_done", Integer, nullable=False, server_default="0"),
    Column("history_total", Integer),
    Column("history_state", String(16), nullable=False, server_default="none"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("used_by", String(255)),
    Column("used_at", Moment),
)

# What every member shows in the cluster timeline, each post once, whichever way it came.
cluster_post = Table(
    "cluster_post",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("region_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("added_at", Moment, nullable=False),
    Index("ix_cluster_post_region_id_post_id", "region_id", "post_id"),
)
