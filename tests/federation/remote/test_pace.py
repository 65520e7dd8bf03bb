"""When accepting goes before working: where both are too much, and never for long."""

import asyncio
import time

import pytest

from fedi_cluster.federation.remote import pace
from fedi_cluster.federation.remote.log import InboxLog
from fedi_cluster.federation.remote.pace import LONGEST, PERIOD, Pace
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.settings import load
from fedi_cluster.storage.database import Database

_PERIODS = 6
"""Periods of each rate: the first may still hold some of the one before."""


_NAMES = {"BASE_URL": "https://szczecin.example", "REGION": "szczecin", "REGION_NAME": "Szczecin"}


class _Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at


class _Stream:
    """What arrives at a steady rate."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hand = _Hand()
        self.pace = Pace()
        monkeypatch.setattr(pace, "time", self.hand)

    def flows(self, rate: float, seconds: float = _PERIODS * PERIOD) -> tuple[bool, bool]:
        for _ in range(int(rate * seconds)):
            self.hand.at += 1 / rate
            self.pace.came()
        return self.pace.busy, self.pace.flooded


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> _Stream:
    """Nothing has arrived yet."""
    return _Stream(monkeypatch)


def test_a_flood_is_as_long_as_much_comes(stream: _Stream) -> None:
    assert [stream.flows(rate) for rate in (50, 400, 1000, 1000, 400, 50)] == [
        (False, False),
        (True, False),
        (True, True),
        (True, True),
        (True, False),
        (False, False),
    ]
    assert stream.flows(1000) == (True, True)
    stream.hand.at += 10
    assert (stream.pace.busy, stream.pace.flooded) == (False, False)


def test_a_flood_without_end_holds_working_up_for_a_while_and_then_no_more(stream: _Stream) -> None:
    assert stream.flows(1000, seconds=LONGEST - 1) == (True, True)
    assert stream.flows(1000, seconds=2) == (True, False)
    assert stream.flows(1000, seconds=3 * LONGEST) == (True, False)
    stream.pace.caught_up()
    assert stream.flows(1000) == (True, True)


def test_a_stream_with_pauses_holds_working_up_for_no_more_than_half_of_the_time(stream: _Stream) -> None:
    flooded = []
    for _ in range(600):
        flooded.append(stream.flows(900, seconds=PERIOD)[1])
        if len(flooded) % 20 == 0:
            stream.flows(20, seconds=3 * PERIOD)
            stream.pace.caught_up()
    assert 0.2 < sum(flooded) / len(flooded) < 0.6


def test_a_flood_ends_where_enough_waits(stream: _Stream) -> None:
    stream.flows(1000)
    stream.pace.enough()
    assert stream.flows(1000) == (True, False)


def test_the_end_of_a_flood_lets_all_go_on_at_once(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database(migrated_url, SystemClock(), IdSource())
    settings = load(None, {f"FEDI_CLUSTER_{name}": value for name, value in _NAMES.items()})
    log = InboxLog(db, SystemClock(), settings.limits)
    hand = _Hand()
    monkeypatch.setattr(pace, "time", hand)
    for _ in range(500):
        hand.at += 0.001
        log._pace.came()

    async def twenty_lanes() -> float:
        began = time.monotonic()
        lanes = [asyncio.create_task(log.lull()) for _ in range(20)]
        await asyncio.sleep(0.1)
        assert not any(lane.done() for lane in lanes), "they wait for one another"
        hand.at += 1
        await asyncio.gather(*lanes)
        return time.monotonic() - began

    assert asyncio.run(twenty_lanes()) < 5, "and not for half a second each"
    db.close()
