"""Acts on what we know of other servers."""

from collections.abc import Mapping

from sqlalchemy import insert, update

from fedi_cluster.community.instances import queries
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.tables.instances import instance as instance_table
from fedi_cluster.storage.unit import Unit


def _know(unit: Unit, host: str, **values: object) -> None:
    insert_new(unit.connection, instance_table, {"host": host, "first_seen_at": unit.now})
    unit.connection.execute(update(instance_table).where(instance_table.c.host == host).values(**values))


def heard_from(unit: Unit, host: str) -> None:
    """A verified request came from this instance: it lives."""
    _know(unit, host, last_heard_at=unit.now)


def reached(unit: Unit, host: str, scheme: str) -> None:
    """A delivery succeeded; `scheme` (`cavage` or `rfc9421`) is how it was signed."""
    known = queries.instance(unit, host)
    learned = {} if known and known.signature_scheme == scheme else {"scheme_learned_at": unit.now}
    _know(unit, host, last_reached_at=unit.now, signature_scheme=scheme, **learned)


def remember_identity(unit: Unit, said: Mapping[str, str]) -> None:
    """Writes down what this instance is; raises `Conflict` where it was founded already."""
    if queries.identity_of(unit):
        raise Conflict("This database belongs to an instance already.")
    unit.connection.execute(
        insert(identity), [{"name": name, "value": value} for name, value in said.items()]
    )
