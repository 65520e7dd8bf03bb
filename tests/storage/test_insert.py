"""An insert that may meet its twin, and moments that come back as they went in, on both engines."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError, StatementError

from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.tables.instances import instance
from fedi_cluster.storage.tables.posts import post_recipient
from fedi_cluster.storage.unit import Reader, Unit
from tests.builders import FAR, START, Hands


@pytest.fixture
def hands(migrated_url: str) -> Iterator[Hands]:
    """An empty instance."""
    made = Hands.on(migrated_url)
    yield made
    made.db.close()


def put(unit: Unit, host: str, moment: datetime) -> bool:
    return insert_new(unit.connection, instance, {"host": host, "first_seen_at": moment})


def seen(reader: Reader) -> list[tuple[str, datetime]]:
    rows = reader.connection.execute(select(instance.c.host, instance.c.first_seen_at).order_by("host"))
    return [(row.host, row.first_seen_at) for row in rows]


def test_the_later_twin_changes_nothing(hands: Hands) -> None:
    assert hands.do(put, FAR, START)
    assert not hands.do(put, FAR, START + timedelta(days=1))
    assert hands.do(lambda unit: (put(unit, "a.example", START), put(unit, "a.example", START))) == (
        True,
        False,
    )
    assert hands.see(seen) == [("a.example", START), (FAR, START)]


def test_other_rules_of_a_table_still_hold(hands: Hands) -> None:
    values = {"post_id": 1, "inbox": "https://rostock.example/inbox"}
    with pytest.raises(IntegrityError):
        hands.do(lambda unit: insert_new(unit.connection, post_recipient, values))


@pytest.mark.parametrize(
    "moment",
    [
        START,
        START.replace(microsecond=123_456),
        datetime(2026, 11, 25, 1, 0, tzinfo=timezone(timedelta(hours=-11, minutes=-30))),
        datetime(2026, 10, 25, 0, 30, tzinfo=timezone(timedelta(hours=2))),
        START.replace(year=1),
        START.replace(year=9998),
    ],
    ids=str,
)
def test_moments_come_back_in_utc(hands: Hands, moment: datetime) -> None:
    hands.do(put, FAR, moment)
    [(_, back)] = hands.see(seen)
    assert back == moment
    assert back.utcoffset() == timedelta(0)
    later = instance.c.first_seen_at > moment - timedelta(microseconds=1)
    found = hands.see(lambda reader: reader.connection.execute(select(instance.c.host).where(later)).all())
    assert len(found) == 1


def test_moments_sort_by_time_whatever_their_zone(hands: Hands) -> None:
    for hours in (5, -7, 0, 11):
        zone = timezone(timedelta(hours=hours))
        hands.do(put, f"{hours + 10:02}.example", (START + timedelta(minutes=hours)).astimezone(zone))
    ordered = select(instance.c.host).order_by(instance.c.first_seen_at)
    rows = hands.see(lambda reader: reader.connection.execute(ordered).scalars().all())
    assert rows == sorted(rows)


def test_a_moment_without_a_zone_is_refused(hands: Hands) -> None:
    with pytest.raises(StatementError, match="time zone"):
        hands.do(put, FAR, START.replace(tzinfo=None))
    assert hands.see(seen) == []


def test_no_moment_is_none(hands: Hands) -> None:
    values = {"host": FAR, "first_seen_at": START, "last_heard_at": None}
    hands.do(lambda unit: unit.connection.execute(insert(instance).values(**values)) and None)
    heard = hands.see(lambda reader: reader.connection.execute(select(instance.c.last_heard_at)).scalar_one())
    assert heard is None
