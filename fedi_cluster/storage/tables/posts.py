"""Posts of all kinds, what people do with them, and which instances were sent which."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from fedi_cluster.storage.tables.base import BigId, Moment, OrderedJson, metadata

post = Table(
    "post",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("local", Boolean, nullable=False),
    Column("author_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("type", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("visibility", String(16), nullable=False),
    Column("language", String(35)),
    Column("title", Text),
    Column("title_map", OrderedJson, nullable=False),
    Column("summary", Text),
    Column("summary_map", OrderedJson, nullable=False),
    Column("content", Text, nullable=False),
    Column("content_map", OrderedJson, nullable=False),
    Column("sensitive", Boolean, nullable=False),
    Column("url", Text, nullable=False),
    Column("audience", Text),
    Column("to", OrderedJson, nullable=False),
    Column("cc", OrderedJson, nullable=False),
    Column("in_reply_to", Text),
    Column("parent_id", ForeignKey("post.id", ondelete="SET NULL")),
    Column("thread_id", BigId, nullable=False),
    Column("context", Text),
    Column("attachments", OrderedJson, nullable=False),
    Column("tags", OrderedJson, nullable=False),
    Column("extension", OrderedJson),
    Column("replies_count", Integer, nullable=False, server_default="0"),
    Column("likes_count", Integer, nullable=False, server_default="0"),
    Column("announces_count", Integer, nullable=False, server_default="0"),
    Column("published_at", Moment, nullable=False),
    Column("updated_at", Moment),
    Column("deleted_at", Moment),
    # Two edits may fall into one second, which is all that `updated_at` tells; this tells them apart.
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("received_at", Moment, nullable=False),
    Index("ix_post_author_id_id", "author_id", "id"),
    # What a profile counts: without it each post would be read for one number.
    Index("ix_post_author_id_visibility_deleted_at", "author_id", "visibility", "deleted_at"),
    Index("ix_post_thread_id_id", "thread_id", "id"),
    Index("ix_post_parent_id", "parent_id"),
    Index("ix_post_in_reply_to", "in_reply_to"),
    Index("ix_post_local_visibility_id", "local", "visibility", "id"),
)

mention = Table(
    "mention",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("actor_id", ForeignKey("actor.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_mention_actor_id", "actor_id"),
)

hashtag = Table(
    "hashtag",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(100), primary_key=True),
    Index("ix_hashtag_tag_post_id", "tag", "post_id"),
)

announce = Table(
    "announce",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("actor_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("actor_id", "post_id"),
    Index("ix_announce_actor_id_id", "actor_id", "id"),
    Index("ix_announce_post_id", "post_id"),
)

like = Table(
    "like",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("actor_id", ForeignKey("actor.id", ondelete="CASCADE"), nullable=False),
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("actor_id", "post_id"),
    Index("ix_like_post_id", "post_id"),
)

# What is gone for good: a Create that arrives after its Delete must not bring the object back.
tombstone = Table(
    "tombstone",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("former_type", String(32)),
    Column("published_at", Moment),
    Column("deleted_at", Moment, nullable=False),
)

# One row for each instance that was sent the Create or an Announce: Update and Delete go there too.
post_recipient = Table(
    "post_recipient",
    metadata,
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), primary_key=True),
    Column("inbox", Text, primary_key=True),
)
