"""What a local reader's home timeline shows: derived from posts, announces and follows."""

from sqlalchemy import Column, ForeignKey, Index, Table

from fedi_cluster.storage.tables.base import BigId, metadata

# A post stands once for each reader, as itself or as passed on by `booster_id`; `position` is the id of the
# post or of the announce, by which the timeline is paged.
home = Table(
    "home",
    metadata,
    Column("owner_id", ForeignKey("actor.id", ondelete="CASCADE"), primary_key=True),
    Column("position", BigId, primary_key=True),
    Column("post_id", ForeignKey("post.id", ondelete="CASCADE"), nullable=False),
    Column("booster_id", ForeignKey("actor.id", ondelete="CASCADE")),
    Index("ix_home_post_id_owner_id", "post_id", "owner_id", unique=True),
    sqlite_with_rowid=False,
)
