"""Servers that we know: what they run, how they sign, whether we talk to them."""

from sqlalchemy import Column, String, Table, Text

from fedi_cluster.storage.tables.base import Moment, metadata

instance = Table(
    "instance",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("policy", String(16), nullable=False, server_default="open"),
    Column("software", String(64)),
    Column("signature_scheme", String(16)),
    Column("scheme_learned_at", Moment),
    Column("first_seen_at", Moment, nullable=False),
    Column("last_heard_at", Moment),
    Column("last_reached_at", Moment),
)

# What this instance is, as texts by name: base URL and handle domain can never change once written here.
identity = Table(
    "identity",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)
