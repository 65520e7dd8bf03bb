"""Bearer tokens: 256 random bits shown once, of which only a hash is kept; it judges no request."""

import hashlib
import secrets

from sqlalchemy import insert, select

from fedi_cluster.auth.scopes import parse_scopes
from fedi_cluster.auth.users import User
from fedi_cluster.storage.tables.auth import token as token_table
from fedi_cluster.storage.tables.auth import user as user_table
from fedi_cluster.storage.unit import Reader, Unit

_BYTES = 32


def issue(unit: Unit, user_id: int, scopes: str) -> str:
    """A fresh token of a user with `scopes` (names with spaces between); raises `Invalid` for unknown ones.

    Whoever holds it acts as the user: it is shown now and never again.
    """
    granted = parse_scopes(scopes)
    token = secrets.token_urlsafe(_BYTES)
    unit.connection.execute(
        insert(token_table).values(
            id=unit.new_id(),
            user_id=user_id,
            hash=_hash(token),
            scopes=" ".join(granted),
            created_at=unit.now,
        )
    )
    return token


def find(reader: Reader, token: str) -> tuple[User, tuple[str, ...]] | None:
    """Whose token this is and what it grants; None for an unknown one."""
    user = user_table.c
    row = reader.connection.execute(
        select(token_table.c.scopes, user.id, user.actor_id, user.email, user.role, user.created_at)
        .join(user_table, user.id == token_table.c.user_id)
        .where(token_table.c.hash == _hash(token))
    ).first()
    if row is None:
        return None
    scopes, *columns = row
    return User(*columns), tuple(scopes.split())


def _hash(token: str) -> bytes:
    # The token is random through and through: a slow hash would guard nothing.
    return hashlib.sha256(token.encode()).digest()
