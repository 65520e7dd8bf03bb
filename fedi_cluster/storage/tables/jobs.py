"""Durable work, in the same database as what caused it."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, OrderedJson, metadata

# A lane is worked in the order of ids, one at a time; jobs without a lane in any order.
job = Table(
    "job",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("kind", String(64), nullable=False),
    Column("lane", String(300)),
    Column("payload", OrderedJson, nullable=False),
    Column("state", String(16), nullable=False, server_default="ready"),
    Column("run_at", Moment, nullable=False),
    Column("leased_until", Moment),
    Column("leased_by", String(64)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Index("ix_job_state_run_at_id", "state", "run_at", "id"),
    Index("ix_job_lane_state_id", "lane", "state", "id"),
)
