"""Durable work, in the same database as what caused it."""

from sqlalchemy import Column, Index, Integer, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, OrderedJson, metadata

# A lane is worked in the order of ids, one at a time; jobs without a lane in any order. A `key` makes a
# standing job: one row however often it is asked for, which `wanted` counts. `decided_at`: when put off.
job = Table(
    "job",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("kind", String(64), nullable=False),
    Column("queue", String(16), nullable=False, server_default="main"),
    Column("key", String(300), unique=True),
    Column("wanted", Integer, nullable=False, server_default="0"),
    Column("lane", String(300)),
    Column("payload", OrderedJson, nullable=False),
    Column("state", String(16), nullable=False, server_default="ready"),
    Column("run_at", Moment, nullable=False),
    Column("decided_at", Moment),
    Column("leased_until", Moment),
    Column("leased_by", String(64)),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Index("ix_job_state_queue_run_at_id", "state", "queue", "run_at", "id"),
    Index("ix_job_lane_state_id", "lane", "state", "id"),
)
