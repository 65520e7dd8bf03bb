"""Counts that all processes share: how often something was done in a window of time."""

from sqlalchemy import Column, Index, Integer, String, Table

from fedi_cluster.storage.tables.base import Moment, metadata

rate_limit = Table(
    "rate_limit",
    metadata,
    Column("bucket", String(255), primary_key=True),
    Column("count", Integer, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Index("ix_rate_limit_ends_at", "ends_at"),
)
