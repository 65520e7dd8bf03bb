"""People who sign in, the actors that they may write as, and their tokens (hashed)."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text

from fedi_cluster.storage.tables.base import BigId, Moment, metadata

user = Table(
    "user_account",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("actor_id", ForeignKey("actor.id"), nullable=False, unique=True),
    Column("email", Text, nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("user_id", ForeignKey("user_account.id", ondelete="CASCADE"), nullable=False),
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index("ix_token_user_id", "user_id"),
)
