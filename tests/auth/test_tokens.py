"""Tokens: shown once, kept as a hash, found with their scopes."""

import hashlib

import pytest
from sqlalchemy import select

from fedi_cluster.auth import tokens
from fedi_cluster.auth.users import User
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.tables.auth import token as token_table
from fedi_cluster.storage.unit import Reader


def test_a_token_leads_to_its_user_and_scopes(db: Database, ola: User) -> None:
    token = db.write_now(tokens.issue, ola.id, "read write:statuses")
    assert len(token) == 43, "256 bits"
    assert db.read_now(tokens.find, token) == (ola, ("read", "write:statuses"))
    assert db.read_now(tokens.find, token[:-1]) is None
    assert db.read_now(tokens.find, "") is None


def test_only_the_hash_is_kept(db: Database, ola: User) -> None:
    token = db.write_now(tokens.issue, ola.id, "read")

    def stored(reader: Reader) -> tuple[object, ...]:
        return tuple(reader.connection.execute(select(token_table)).one())

    row = db.read_now(stored)
    assert hashlib.sha256(token.encode()).digest() in row
    assert token not in row


def test_an_unknown_scope_gives_no_token(db: Database, ola: User) -> None:
    with pytest.raises(Invalid):
        db.write_now(tokens.issue, ola.id, "read everything")
