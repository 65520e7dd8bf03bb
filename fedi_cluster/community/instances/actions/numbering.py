"""Where the ids of an instance go on after its database came from a copy."""

from sqlalchemy import delete, insert

from fedi_cluster.community.instances.queries import IDS_AFTER
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.unit import Unit


def begin_ids_after(unit: Unit, identifier: int) -> None:
    """From the next start on no id up to `identifier` is given: the lost ones stand at other servers."""
    unit.connection.execute(delete(identity).where(identity.c.name == IDS_AFTER))
    unit.connection.execute(insert(identity).values(name=IDS_AFTER, value=str(identifier)))
