"""How the way to an instance is going: what a delivery that arrived, or that failed, changes in its lane."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, bindparam, case, delete, func, select, update

from fedi_cluster.community.instances import actions as instance_actions
from fedi_cluster.federation.remote.lanes import ASIDE, DEAD
from fedi_cluster.jobs import standing
from fedi_cluster.jobs.mending import TOLERANCE
from fedi_cluster.jobs.schedule import DELIVERY_AGE
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.federation import delivery, lane
from fedi_cluster.storage.unit import Reader, Unit

BREAKER_FAILURES = 5
BREAKER_WINDOW = timedelta(minutes=10)
BREAKER_PROBE = timedelta(minutes=30)
"""After so many failures within this window a lane is cut off, and probed after this time (limits.md)."""

_LONGEST_ERROR = 500
_table = delivery.c
_ARRIVED = Prepared(delete(delivery).where(_table.id == bindparam("arrived", type_=BigId)))
_REACHED = Upsert(
    lane,
    ("host",),
    lambda new: {
        "cursor": case((new.cursor > lane.c.cursor, new.cursor), else_=lane.c.cursor),
        "reached_at": new.reached_at,
        "failures": 0,
        "failing_since": None,
        "error": None,
        "burst": 0,
        "burst_since": None,
        "opened_at": None,
        "woken": 0,
        "wake_after": None,
    },
)
_FAILED = Upsert(
    lane,
    ("host",),
    lambda new: {
        name: new[name]
        for name in ("failures", "failing_since", "error", "burst", "burst_since", "opened_at", "wake_after")
    },
)
_STATE = Prepared(
    select(lane.c.failures, lane.c.failing_since, lane.c.burst, lane.c.burst_since, lane.c.wake_after).where(
        lane.c.host == bindparam("host")
    )
)
_ASIDE = Prepared(
    select(func.min(_table.run_at), func.max(_table.decided_at)).where(
        _table.host == bindparam("host"), _table.state == ASIDE
    )
)


@dataclass(frozen=True, slots=True)
class Arrived:
    """One delivery that its instance took.

    `scheme` is how it was signed, where that is to be remembered; `returned`: the lane had failed before, and
    a sister compares what she has.
    """

    id: int
    host: str
    scheme: str | None = None
    returned: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """The state of a lane as its worker reads it; `burst` failures since `burst_since`, within the window."""

    host: str
    failures: int
    failing_since: datetime | None
    burst: int
    burst_since: datetime | None
    wake_after: datetime | None = None

    def after_failure(self, now: datetime) -> "Way":
        """The state after one more failure."""
        again = self.burst_since is not None and now - self.burst_since < BREAKER_WINDOW
        return Way(
            host=self.host,
            failures=self.failures + 1,
            failing_since=self.failing_since or now,
            burst=self.burst + 1 if again else 1,
            burst_since=self.burst_since if again else now,
            wake_after=self.wake_after,
        )

    @property
    def is_open(self) -> bool:
        """Whether the breaker cuts the lane off."""
        return self.burst >= BREAKER_FAILURES


def way(reader: Reader, host: str) -> Way:
    """The state of the lane to `host`, also where it was never used."""
    row = _STATE.first(reader, host=host)
    return Way(host, *row) if row is not None else Way(host, 0, None, 0, None)


def settle(unit: Unit, arrived: Sequence[Arrived]) -> None:
    """Writes down what arrived, of many lanes together; a failing lane is whole again."""
    _ARRIVED.run(unit, [{"arrived": one.id} for one in arrived])
    cursors: dict[str, int] = {}
    for one in arrived:
        cursors[one.host] = max(one.id, cursors.get(one.host, 0))
    _REACHED.run(
        unit,
        [
            {"host": host, "cursor": cursor, "reached_at": unit.now}
            for host, cursor in sorted(cursors.items())
        ],
    )
    instance_actions.reached(unit, {one.host: one.scheme for one in arrived if one.scheme is not None})
    for one in arrived:
        if one.returned:
            standing.stand(unit, "cluster.compare", {f"compare:{one.host}": {"host": one.host}})


def fail(unit: Unit, state: Way, error: str, patience: timedelta | None = None) -> None:
    """Writes down the state after a failure; what waited thirty days is given up, with the reason.

    `patience` is what the instance asked for: no sign of life wakes the lane before.
    """
    _FAILED.run(
        unit,
        [
            {
                "host": state.host,
                "failures": state.failures,
                "failing_since": state.failing_since,
                "error": error[:_LONGEST_ERROR],
                "burst": state.burst,
                "burst_since": state.burst_since,
                "opened_at": unit.now if state.is_open else None,
                "wake_after": unit.now + patience if patience is not None else state.wake_after,
            }
        ],
    )
    unit.connection.execute(
        update(delivery)
        .where(_table.host == state.host, _table.state != DEAD, _table.created_at < unit.now - DELIVERY_AGE)
        .values(state=DEAD, run_at=None, error=f"{error[:_LONGEST_ERROR]}; given up after 30 days")
    )


def give_up(unit: Unit, ids: Iterable[int], reason: str) -> None:
    """These deliveries stay listed with the reason, and their lane goes on without them."""
    unit.connection.execute(
        update(delivery)
        .where(_table.id.in_(list(ids)))
        .values(state=DEAD, run_at=None, error=reason[:_LONGEST_ERROR])
    )


def give_up_all(unit: Unit, host: str, reason: str) -> None:
    """Nothing more goes to this instance."""
    unit.connection.execute(
        update(delivery)
        .where(_table.host == host, _table.state != DEAD)
        .values(state=DEAD, run_at=None, error=reason[:_LONGEST_ERROR])
    )


def put_aside(unit: Unit, delivery_id: int, inbox: str, run_at: datetime, error: str) -> None:
    """One inbox refuses while its instance lives: what goes there waits until `run_at` (aware), in its order,
    and the others of the lane go on."""
    unit.connection.execute(
        update(delivery)
        .where(_table.id == delivery_id)
        .values(tries=_table.tries + 1, error=error[:_LONGEST_ERROR])
    )
    unit.connection.execute(
        update(delivery)
        .where(_of_inbox(inbox), _table.state != DEAD)
        .values(state=ASIDE, run_at=run_at, decided_at=unit.now)
    )


def stand_behind(unit: Unit, delivery_id: int, inbox: str) -> None:
    """A delivery waits with those that are aside for its inbox already."""
    others = delivery.alias("others").c
    first = select(func.min(others.run_at)).where(
        others.host == host_of(inbox), others.inbox == inbox, others.state == ASIDE
    )
    unit.connection.execute(
        update(delivery)
        .where(_table.id == delivery_id)
        .values(state=ASIDE, run_at=func.coalesce(first.scalar_subquery(), unit.now), decided_at=unit.now)
    )


def _of_inbox(inbox: str) -> ColumnElement[bool]:
    return and_(_table.host == host_of(inbox), _table.inbox == inbox)


def next_aside(reader: Reader, host: str) -> datetime | None:
    """When the next delivery that is aside is tried again; now, where a clock decided it that was ahead."""
    run_at, decided_at = _ASIDE.all(reader, host=host)[0]
    return reader.now if decided_at is not None and decided_at > reader.now + TOLERANCE else run_at
