"""The cluster: its name, its members, invitations, the posts that all show, the ledger of public things."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from fedi_cluster.storage.tables.base import Moment, metadata, where

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
    # How it stands between her ledger and what we hold of it; `away_since` is null while she answers.
    Column("compare_state", String(16), nullable=False, server_default="none"),
    Column("compare_error", Text),
    Column("checked_at", Moment),
    Column("away_since", Moment),
    Column("digest_updated", Moment),
    Column("missing", Integer, nullable=False, server_default="0"),
    Column("offered", Integer, nullable=False, server_default="0"),
    Column("held_for_us", Integer, nullable=False, server_default="0"),
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

# The ledger: what each instance of the cluster has in public, ours and what we hold of the sisters'.
# `version` as golden rule 8 has it; `listed` rows count in the digests, the others only keep the bytes of
# what may be listed later. `document` are a sister's signed bytes (ours are rendered when asked for);
# `verified` is null until the proof was looked at. `offered`: held here, and the origin has neither it nor a
# tombstone.
cluster_object = Table(
    "cluster_object",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("type", String(32), nullable=False),
    Column("published_at", Moment, nullable=False),
    Column("version", Moment, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("former_type", String(32)),
    Column("listed", Boolean, nullable=False),
    Column("offered", Boolean, nullable=False, server_default="0"),
    Column("document", LargeBinary),
    Column("verified", Boolean),
    Index("ix_cluster_object_host_published_at", "host", "published_at"),
    Index(
        "ix_cluster_object_unverified",
        "host",
        "uri",
        info=where("verified IS NULL"),
    ),
)

# The UTC days on which an instance has something; `digest` is null where a row of the day changed since.
cluster_day = Table(
    "cluster_day",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("digest", String(64)),
)
