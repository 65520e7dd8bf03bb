"""What stands in the database at this moment, read for a scrape and never kept: numbers and no names."""

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select

from fedi_cluster.community.instances.queries import sisters
from fedi_cluster.jobs.queue import DEAD, READY
from fedi_cluster.kernel.ids import moment_of
from fedi_cluster.storage.tables.federation import delivery, inbox_log, lane
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.unit import Reader
from fedi_cluster.telemetry.metrics import Gauge

_WAITING = "waiting"
_ASIDE = "aside"  # waits too, for an inbox that refuses


def gauges(reader: Reader, own_host: str) -> list[Gauge]:
    """All of them, from one moment of the database; `own_host` is no sister of its own."""
    return [*_queue(reader), *_lanes(reader), *_inbox(reader), _sisters(reader, own_host)]


def _queue(reader: Reader) -> list[Gauge]:
    which = (job.c.queue, job.c.kind, job.c.state)
    number: Counter[tuple[str, ...]] = Counter()
    for queue, kind, state, found in reader.connection.execute(select(*which, func.count()).group_by(*which)):
        number[queue, kind, "dead" if state == DEAD else _WAITING] += found
    # While a job runs its run_at is the end of its lease: what is overdue is worked by nobody.
    due = select(job.c.queue, func.min(job.c.run_at)).where(job.c.state == READY, job.c.run_at <= reader.now)
    ages: dict[tuple[str, ...], float] = {("main",): 0.0}
    for queue, since in reader.connection.execute(due.group_by(job.c.queue)):
        ages[(queue,)] = _age(reader, since)
    return [
        Gauge("queue_jobs", "Jobs that wait or run, or were given up.", ("queue", "kind", "state"), number),
        Gauge("queue_age_seconds", "How long the oldest due job has been waiting.", ("queue",), ages),
    ]


def _lanes(reader: Reader) -> list[Gauge]:
    hosts = func.count(delivery.c.host.distinct())
    query = select(delivery.c.state, func.count(), hosts, func.min(delivery.c.id)).group_by(delivery.c.state)
    number: Counter[tuple[str, ...]] = Counter({(_WAITING,): 0, ("given_up",): 0})
    lanes: dict[tuple[str, ...], float] = {(_WAITING,): 0.0}
    oldest = reader.now
    for state, found, receivers, first in reader.connection.execute(query):
        waits = state in (_WAITING, _ASIDE)
        number[(_WAITING if waits else "given_up",)] += found
        if waits:
            oldest = min(oldest, moment_of(first))
        if state == _WAITING:
            lanes[(_WAITING,)] = receivers
    broken = select(func.count()).where(lane.c.opened_at.is_not(None))
    lanes[("broken",)] = reader.connection.execute(broken).scalar_one()
    return [
        Gauge("deliveries", "Deliveries that wait, or were given up.", ("state",), number),
        Gauge("delivery_age_seconds", "Age of the oldest that waits.", (), {(): _age(reader, oldest)}),
        Gauge("lanes", "Instances for which deliveries wait, or whose breaker is open.", ("state",), lanes),
    ]


def _inbox(reader: Reader) -> list[Gauge]:
    query = select(func.count(), func.min(inbox_log.c.received_at)).where(inbox_log.c.state == "open")
    number, oldest = reader.connection.execute(query).one()
    age = _age(reader, oldest or reader.now)
    # One without a body cannot be worked again, and is no longer listed.
    given_up = select(func.count()).where(inbox_log.c.state == "dead", inbox_log.c.raw.is_not(None))
    dead = reader.connection.execute(given_up).scalar_one()
    return [
        Gauge("inbox_waiting", "Activities that were accepted and are not worked yet.", (), {(): number}),
        Gauge("inbox_age_seconds", "Age of the oldest of them.", (), {(): age}),
        Gauge(
            "inbox_dead", "Activities given up by a fault of ours that can be worked again.", (), {(): dead}
        ),
    ]


def _sisters(reader: Reader, own_host: str) -> Gauge:
    number: Counter[tuple[str, ...]] = Counter({("in_step",): 0, ("behind",): 0, ("away",): 0})
    for sister in sisters(reader, own_host):
        number[("away" if sister.comparison.away_since else sister.comparison.state,)] += 1
    return Gauge("sisters", "Sister instances, by how their news and our copies compare.", ("state",), number)


def _age(reader: Reader, since: datetime) -> float:
    return max((reader.now - since).total_seconds(), 0.0)
