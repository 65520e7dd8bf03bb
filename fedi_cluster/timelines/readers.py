"""Who has a home timeline and follows whom: conditions for many at once, and quick answers for one."""

from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select

from fedi_cluster.storage.prepared import Prepared, fixed
from fedi_cluster.storage.tables.auth import user as user_table
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.relationships import follow as follow_table
from fedi_cluster.storage.unit import Reader

READERS = "home.readers"
"""The family of `Reader.held` that the answers are; follows that change let it be forgotten."""


def parameter(name: str) -> ColumnElement[int]:
    """An id that a statement is given under this name."""
    return bindparam(name, type_=BigId)


def readers_of(target: ColumnElement[int]) -> Select[Any]:
    """The local followers of an actor who sign in: who has no home timeline gets no rows.

    That somebody was here within 30 days will be one more condition on the user, once sign-ins are noted.
    """
    return (
        select(follow_table.c.follower_id.label("owner_id"))
        .join(user_table, user_table.c.actor_id == follow_table.c.follower_id)
        .where(follow_table.c.target_id == target, follow_table.c.state == "accepted")
    )


def oneself(actor: ColumnElement[int]) -> Select[Any]:
    """An actor, where she signs in here."""
    return select(user_table.c.actor_id.label("owner_id")).where(user_table.c.actor_id == actor)


_ANY_READER = Prepared(readers_of(parameter("target")).limit(fixed(1)))
_SIGNS_IN = Prepared(oneself(parameter("actor")))


def has_reader(reader: Reader, actor_id: int) -> bool:
    """Whether anybody who signs in here follows this actor; of most others nobody does."""
    return reader.held(READERS, actor_id, lambda: _ANY_READER.first(reader, target=actor_id) is not None)


def signs_in(reader: Reader, actor_id: int) -> bool:
    """Whether this actor has a home timeline here."""
    return reader.held(
        READERS, ("self", actor_id), lambda: _SIGNS_IN.first(reader, actor=actor_id) is not None
    )
