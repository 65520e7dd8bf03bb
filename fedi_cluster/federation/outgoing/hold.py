"""Holds back what waits to go out, where a database comes from a copy; it drops nothing and sends nothing."""

from sqlalchemy import update

from fedi_cluster.federation.remote.lanes import DEAD
from fedi_cluster.storage.tables.federation import delivery
from fedi_cluster.storage.unit import Unit


def hold_deliveries(unit: Unit, reason: str) -> int:
    """Every delivery that waits is listed as given up with `reason`, until somebody has it sent after all
    (`lanes.requeue`, in the old order and under the old ids). Gives how many."""
    waiting = update(delivery).where(delivery.c.state != DEAD)
    return unit.connection.execute(waiting.values(state=DEAD, run_at=None, error=reason)).rowcount
