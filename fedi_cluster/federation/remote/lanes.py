"""The lanes to other instances: what goes to each, in its order, and how it stands with the way there.

It sends nothing. What is to be sent are rows of `delivery`, one for each inbox; how the way stands is a row
of `lane`; one standing job for each lane works it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, case, delete, func, select, update

from fedi_cluster.jobs import standing
from fedi_cluster.jobs.worker import DELIVERY
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.storage.among import among
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.federation import activity, delivery, inbox_gone, lane
from fedi_cluster.storage.unit import Reader, Unit

WAITING = "waiting"
ASIDE = "aside"
DEAD = "dead"

WAKE_PAUSE = timedelta(seconds=1)
"""How long a probe by a sign of life stays the last one; four times as long after each that was in vain."""

LONGEST_WAKE_PAUSE = timedelta(minutes=30)
_WAKE_STEPS = 6
_LONGEST_PATIENCE = timedelta(hours=25)

_ADD = Prepared(
    delivery.insert(),
    ("id", "host", "inbox", "activity_id", "log_id", "signer_id", "state", "created_at"),
)
_FAILING = Prepared(
    select(lane.c.host, lane.c.woken, lane.c.wake_after).where(
        among(lane.c.host, "hosts"), lane.c.failures > 0
    )
)
_GONE = Upsert(inbox_gone, ("inbox",))
_table = delivery.c
_lane = lane.c


@dataclass(frozen=True, slots=True)
class LaneReport:
    """How it stands with the way to one instance.

    `waiting` deliveries (those aside included) and `dead` ones; `cursor` is the newest that arrived: what is
    older has arrived, was given up, or stands aside. `failures` in a row since `failing_since` with the last
    `error`; `open` where the breaker has cut the lane off until its next probe. Moments are aware.
    """

    host: str
    waiting: int
    dead: int
    oldest: datetime | None
    cursor: int
    reached_at: datetime | None
    failures: int
    failing_since: datetime | None
    open: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One delivery for a person to read; `activity` is None where what strangers said is passed on."""

    id: int
    activity: str | None
    inbox: str
    state: str
    tries: int
    error: str | None


def add(
    unit: Unit,
    inboxes: Iterable[str],
    signer_id: int,
    *,
    activity_id: int | None = None,
    log_id: int | None = None,
) -> None:
    """Puts one activity on the lanes of the instances behind `inboxes`: one of ours, or one of the inbox log
    that is passed on as it came. However many there are, it is one insert."""
    rows = [
        {
            "id": unit.new_id(),
            "host": host_of(inbox),
            "inbox": inbox,
            "activity_id": activity_id,
            "log_id": log_id,
            "signer_id": signer_id,
            "state": WAITING,
            "created_at": unit.now,
        }
        for inbox in sorted(set(inboxes))
    ]
    if rows:
        _ADD.run(unit, rows)
        run(unit, {str(row["host"]) for row in rows})


def run(unit: Unit, hosts: Iterable[str]) -> None:
    """Lanes have something to send: they run, unless they wait after a failure."""
    payloads = {key_of(host): {"host": host} for host in hosts}
    standing.stand(unit, "federation.deliver", payloads, queue=DELIVERY)


def key_of(host: str) -> str:
    """The key of a lane's standing job."""
    return f"out:{host}"


def wake(unit: Unit, hosts: Iterable[str]) -> None:
    """These instances gave a sign of life: lanes that fail are probed now, or when their pause is over.

    Who speaks to us may be out of reach all the same: after a probe in vain the next sign counts later. Only
    a delivery that arrives ends that.
    """
    for host, woken, wake_after in _FAILING.all(unit, hosts=sorted(hosts)):  # as nearly never
        _probe(unit, host, woken, wake_after)


def _probe(unit: Unit, host: str, woken: int, wake_after: datetime | None) -> None:
    # A pause that is longer than any was decided by a clock that was ahead.
    pausing = wake_after is not None and unit.now < wake_after <= unit.now + _LONGEST_PATIENCE
    at = wake_after if pausing and wake_after is not None else unit.now
    if standing.wake(unit, [key_of(host)], at):
        pause = min(WAKE_PAUSE * 4 ** min(woken, _WAKE_STEPS), LONGEST_WAKE_PAUSE)
        unit.connection.execute(
            update(lane).where(_lane.host == host).values(woken=woken + 1, wake_after=at + pause)
        )


def close_inbox(unit: Unit, inbox: str) -> None:
    """An inbox is gone (410): what waits for it is given up, and nothing is sent there until it returns."""
    host = host_of(inbox)
    unit.connection.execute(
        update(delivery)
        .where(_table.host == host, _table.inbox == inbox, _table.state != DEAD)
        .values(state=DEAD, run_at=None, error="The inbox is gone (410).")
    )
    _GONE.run(unit, [{"inbox": inbox, "host": host, "gone_at": unit.now}])


def closed_inboxes(reader: Reader) -> frozenset[str]:
    """The inboxes that said that they are gone."""
    return frozenset(reader.connection.execute(select(inbox_gone.c.inbox)).scalars())


def revive(unit: Unit, hosts: Sequence[str]) -> None:
    """Who speaks to us lives: inboxes of these instances that were gone may have come back."""
    unit.connection.execute(delete(inbox_gone).where(inbox_gone.c.host.in_(hosts)))


def requeue(unit: Unit, *, host: str | None = None, delivery_id: int | None = None) -> int:
    """Brings deliveries back that were given up: one, those of an instance, or all. Gives how many.

    They go before what came later, and their thirty days begin anew.
    """
    which = [_table.state == DEAD]
    if host is not None:
        which.append(_table.host == host)
    if delivery_id is not None:
        which.append(_table.id == delivery_id)
    back = unit.connection.execute(
        update(delivery)
        .where(*which)
        .values(state=WAITING, tries=0, error=None, run_at=None, created_at=unit.now)
        .returning(_table.host)
    ).scalars()
    hosts = list(back)
    run(unit, set(hosts))
    return len(hosts)


def listed(reader: Reader, host: str | None = None, *, dead: bool = False, limit: int = 50) -> list[Listed]:
    """What waits or was given up, in the order in which it goes; of one instance or all, or only the dead."""
    query = (
        select(_table.id, activity.c.uri, _table.inbox, _table.state, _table.tries, _table.error)
        .select_from(delivery.outerjoin(activity, activity.c.id == _table.activity_id))
        .order_by(_table.id)
        .limit(limit)
    )
    if host is not None:
        query = query.where(_table.host == host)
    if dead:
        query = query.where(_table.state == DEAD)
    return [Listed(*row) for row in reader.connection.execute(query)]


def report(reader: Reader, host: str | None = None, *, limit: int = 500) -> list[LaneReport]:
    """The lanes that were ever used, by host; or the one to `host`."""
    counted = (
        select(
            _table.host,
            func.count(case((_table.state != DEAD, 1))).label("waiting"),
            func.count(case((_table.state == DEAD, 1))).label("dead"),
            func.min(case((_table.state != DEAD, _table.created_at))).label("oldest"),
        )
        .group_by(_table.host)
        .subquery()
    )
    known = select(_lane.host).union(select(_table.host)).subquery()
    joined = known.outerjoin(counted, counted.c.host == known.c.host).outerjoin(
        lane, _lane.host == known.c.host
    )
    query = (
        select(known.c.host, counted.c.waiting, counted.c.dead, counted.c.oldest, *_state_columns())
        .select_from(joined)
        .where(*([known.c.host == host] if host is not None else []))
        .order_by(known.c.host)
        .limit(limit)
    )
    return [_reported(row) for row in reader.connection.execute(query).mappings()]


def _state_columns() -> Sequence[ColumnElement[object]]:
    return (_lane.cursor, _lane.reached_at, _lane.failures, _lane.failing_since, _lane.opened_at, _lane.error)


def _reported(row: RowMapping) -> LaneReport:
    values = {str(name): value for name, value in row.items()}
    opened = values.pop("opened_at")
    for name in ("waiting", "dead", "cursor", "failures"):
        values[name] = values[name] or 0
    return LaneReport(open=opened is not None, **values)
