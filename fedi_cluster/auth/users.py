"""People who sign in: added, found, listed; each owns one actor, of which only the id is known here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select

from fedi_cluster.auth.roles import ROLES
from fedi_cluster.kernel.errors import Conflict, Invalid
from fedi_cluster.storage.tables.auth import user as user_table
from fedi_cluster.storage.unit import Reader, Unit

LONGEST_EMAIL = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets

# The shape alone: only a letter that arrives proves an address.
_EMAIL = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@.<>]+(\.[^\s@.<>]+)*")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who signs in; `role` is one of ROLES, `actor_id` the id of the actor that she writes as."""

    id: int
    actor_id: int
    email: str
    role: str
    created_at: datetime


def add(unit: Unit, actor_id: int, email: str, role: str, password_hash: str) -> User:
    """Gives an actor a person who signs in.

    Raises `Invalid` for an unknown role or what cannot be an e-mail address, `Conflict` where the actor or
    the address has a user already (addresses are compared without case).
    """
    if role not in ROLES:
        raise Invalid(f"“{role}” is no role; use one of {', '.join(ROLES)}.", fields={"role": "unknown"})
    address = normal_email(email)
    if by_email(unit, address):
        raise Conflict(f"The e-mail address {address} belongs to another account here.")
    if by_actor(unit, actor_id):
        raise Conflict("Somebody signs in to this account already.")
    user_id = unit.new_id()
    unit.connection.execute(
        insert(user_table).values(
            id=user_id,
            actor_id=actor_id,
            email=address,
            role=role,
            password_hash=password_hash,
            created_at=unit.now,
        )
    )
    return User(user_id, actor_id, address, role, unit.now)


def normal_email(text: str) -> str:
    """An address in lower case; raises `Invalid` where it cannot be one."""
    address = text.strip().lower()
    if len(address) > LONGEST_EMAIL or not _EMAIL.fullmatch(address):
        raise Invalid(
            f"“{text}” cannot be an e-mail address; write it as ola@szczecin.example.",
            fields={"email": "not an address"},
        )
    return address


def by_actor(reader: Reader, actor_id: int) -> User | None:
    """Who signs in to this actor."""
    return _find(reader, user_table.c.actor_id == actor_id)


def by_email(reader: Reader, email: str) -> User | None:
    """Who has this address, compared without case."""
    return _find(reader, user_table.c.email == email.strip().lower())


def list_users(reader: Reader) -> Sequence[User]:
    """Everybody who signs in here, in the order in which they came."""
    rows = reader.connection.execute(select(*_COLUMNS).order_by(user_table.c.id))
    return [User(*row) for row in rows]


_COLUMNS = (
    user_table.c.id,
    user_table.c.actor_id,
    user_table.c.email,
    user_table.c.role,
    user_table.c.created_at,
)


def _find(reader: Reader, condition: ColumnElement[bool]) -> User | None:
    row = reader.connection.execute(select(*_COLUMNS).where(condition)).first()
    return User(*row) if row else None
