"""Acts on what we know of other servers."""

from collections.abc import Iterable, Mapping

from sqlalchemy import case, insert

from fedi_cluster.community.instances import queries
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.tables.instances import instance as instance_table
from fedi_cluster.storage.unit import Unit

_known = instance_table.c
_HEARD = Upsert(instance_table, ("host",), lambda new: {"last_heard_at": new.last_heard_at})
_REACHED = Upsert(
    instance_table,
    ("host",),
    lambda new: {
        "last_reached_at": new.last_reached_at,
        "signature_scheme": new.signature_scheme,
        "scheme_learned_at": case(
            (_known.signature_scheme == new.signature_scheme, _known.scheme_learned_at),
            else_=new.scheme_learned_at,
        ),
    },
)


def heard_from(unit: Unit, hosts: Iterable[str]) -> None:
    """Verified requests came from these instances: they live."""
    now = unit.now
    _HEARD.run(unit, [{"host": host, "first_seen_at": now, "last_heard_at": now} for host in sorted(hosts)])


def reached(unit: Unit, schemes: Mapping[str, str]) -> None:
    """Deliveries to these hosts succeeded; the scheme (`cavage` or `rfc9421`) is how they were signed."""
    now = unit.now
    _REACHED.run(
        unit,
        [
            {
                "host": host,
                "first_seen_at": now,
                "last_reached_at": now,
                "signature_scheme": scheme,
                "scheme_learned_at": now,
            }
            for host, scheme in sorted(schemes.items())
        ],
    )


def remember_identity(unit: Unit, said: Mapping[str, str]) -> None:
    """Writes down what this instance is; raises `Conflict` where it was founded already."""
    if queries.identity_of(unit):
        raise Conflict("This database belongs to an instance already.")
    unit.connection.execute(
        insert(identity), [{"name": name, "value": value} for name, value in said.items()]
    )
