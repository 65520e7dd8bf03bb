"""Digests of the ledger, period by period; a day's is kept until a row of that day changes."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Select, null, select, update

from fedi_cluster.community.regions import periods
from fedi_cluster.community.regions.ledger import COLUMNS, STALE, held_of, listed_of
from fedi_cluster.community.regions.periods import DAY, MONTH, MOST_ROWS, SECOND
from fedi_cluster.community.regions.shapes import Held, Listed, Part, Period
from fedi_cluster.storage.tables.cluster import cluster_day, cluster_object
from fedi_cluster.storage.unit import Reader, Unit

_row, _day = cluster_object.c, cluster_day.c


# A day may have a hundred thousand rows: their documents stay where they are.
_HELD = tuple(null() if one is _row.document else one for one in COLUMNS)
_HASHED = COLUMNS[:6]


def rows(reader: Reader, host: str, name: str) -> list[Held]:
    """What is listed of an instance within a period (a day or shorter), by id; `document` is left out."""
    found = (held_of(row) for row in reader.connection.execute(_within(select(*_HELD), host, name)))
    return sorted(found, key=lambda one: one.what.uri)


def _listed(reader: Reader, host: str, name: str) -> list[Listed]:
    """The same with only what its digest tells."""
    found = (listed_of(row) for row in reader.connection.execute(_within(select(*_HASHED), host, name)))
    return sorted(found, key=lambda one: one.uri)


def _within(statement: Select[Any], host: str, name: str) -> Select[Any]:
    start, end = periods.span(name)
    return statement.where(
        _row.host == host, _row.published_at >= start, _row.published_at < end, _row.listed
    )


def days(unit: Unit, host: str, month: str = "") -> list[Part]:
    """The days on which an instance has something, all or those of a month; stale digests are computed."""
    statement = select(_day.day, _day.total, _day.digest).where(_day.host == host)
    if month:
        statement = statement.where(_day.day.like(f"{month}-%"))
    found = []
    for row in unit.connection.execute(statement.order_by(_day.day)).all():
        part = (
            Part(row.day, row.total, row.digest) if row.digest is not None else _computed(unit, host, row.day)
        )
        if part.total:
            found.append(part)
    return found


def _computed(unit: Unit, host: str, day: str) -> Part:
    unit.forget(STALE)
    listed = _listed(unit, host, day)
    part = Part(day, len(listed), periods.digest_of_rows(listed))
    unit.connection.execute(
        update(cluster_day)
        .where(_day.host == host, _day.day == day)
        .values(total=part.total, digest=part.digest)
    )
    return part


def period(unit: Unit, host: str, prefix: str, name: str) -> Period:
    """The digest of a period of an instance; all time has no name.

    `prefix` is the id of the root document, by which parts are named: another holder's differs from the
    origin's, days and what is shorter agree. Raises ValueError for what is no name.
    """
    if len(name) < DAY:
        if name:
            periods.span(name)
        parts = days(unit, host, name) if name else months(unit, host, prefix)
        return Period(name, periods.digest_of_parts(prefix, parts), parts=tuple(parts))
    return of_rows(name, _listed(unit, host, name))


def months(unit: Unit, host: str, prefix: str) -> list[Part]:
    """The months on which an instance has something."""
    found = []
    for name, group in groupby(days(unit, host), key=lambda day: day.name[:MONTH]):
        parts = list(group)
        found.append(Part(name, len(parts), periods.digest_of_parts(prefix, parts)))
    return found


def of_rows(name: str, listed: Sequence[Listed]) -> Period:
    """A day or less: its rows, or where they are many the narrower periods."""
    digest = periods.digest_of_rows(listed)
    if len(listed) <= MOST_ROWS or len(name) == SECOND:
        return Period(name, digest, rows=tuple(listed))
    length = periods.narrower(name)
    by_name: dict[str, list[Listed]] = {}
    for one in listed:
        by_name.setdefault(periods.name_at(one.published_at, length), []).append(one)
    return Period(name, digest, parts=tuple(_parts(by_name.items())))


def _parts(groups: Iterable[tuple[str, list[Listed]]]) -> list[Part]:
    return [Part(name, len(group), periods.digest_of_rows(group)) for name, group in sorted(groups)]


def count(reader: Reader, host: str) -> int:
    """How many rows an instance lists, as far as its days were counted."""
    statement = select(_day.total).where(_day.host == host)
    return sum(reader.connection.execute(statement).scalars())
