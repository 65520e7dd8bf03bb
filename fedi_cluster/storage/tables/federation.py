"""What was said between servers: our own activities with their deliveries, and the log of what arrived."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, metadata, where

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

# One row for each inbox that an activity still goes to; `host` is its lane. `aside` waits for an inbox that
# refuses, while the others of its instance go on. Who got it has no row any more.
delivery = Table(
    "delivery",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("host", String(255), nullable=False),
    Column("inbox", Text, nullable=False),
    Column("activity_id", BigId),
    Column("log_id", BigId),
    Column("signer_id", BigId, nullable=False),
    Column("state", String(16), nullable=False, server_default="waiting"),
    Column("run_at", Moment),
    Column("decided_at", Moment),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("error", Text),
    Column("created_at", Moment, nullable=False),
    Index("ix_delivery_host_state_id", "host", "state", "id"),
    Index("ix_delivery_activity_id", "activity_id"),
    Index("ix_delivery_log_id", "log_id", info=where("log_id IS NOT NULL")),
)

# How it stands with the way to an instance; `cursor` is the newest delivery that arrived.
lane = Table(
    "lane",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("cursor", BigId, nullable=False, server_default="0"),
    Column("reached_at", Moment),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("failing_since", Moment),
    Column("error", Text),
    Column("burst", Integer, nullable=False, server_default="0"),
    Column("burst_since", Moment),
    Column("opened_at", Moment),
    Column("woken", Integer, nullable=False, server_default="0"),
    Column("wake_after", Moment),
)

# Inboxes that said 410: nothing goes there until their instance speaks to us again.
inbox_gone = Table(
    "inbox_gone",
    metadata,
    Column("inbox", Text, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("gone_at", Moment, nullable=False),
    Index("ix_inbox_gone_host", "host"),
)

# What arrived; `raw` is the body, as long as it is kept, and the last, so that nobody reads over it.
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
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("received_at", Moment, nullable=False),
    Column("raw", LargeBinary),
    Index("ix_inbox_log_activity_uri_sender_actor", "activity_uri", "sender_actor", unique=True),
    # The log is long, and these are short lists: whose body is kept, what is to be tried again, or worked.
    Index("ix_inbox_log_kept", "received_at", info=where("raw IS NOT NULL")),
    Index("ix_inbox_log_waiting", "sender_host", info=where("state = 'waiting'")),
    Index(
        "ix_inbox_log_open",
        "sender_host",
        "id",
        info=where("state = 'open'"),
    ),
)

# When each stranger's key was asked for last; `host` is the registrable one. Trimmed by who writes it.
key_attempt = Table(
    "key_attempt",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("at", Moment, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("reason", Text),
    Index("ix_key_attempt_at", "at"),
)
