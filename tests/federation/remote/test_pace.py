"""When much arrives: a flood begins with what is too much, and ends with what is little."""

import pytest

from fedi_cluster.federation.remote import log

_PERIODS = 4
"""Periods of each rate: the first may still hold some of the one before."""


class _Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def monotonic(self) -> float:
        return self.at


def test_a_flood_is_one_until_little_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    hand = _Hand()
    monkeypatch.setattr(log, "time", hand)
    pace = log._Pace()

    def arrive(rate: float) -> tuple[bool, bool]:
        for _ in range(int(rate * _PERIODS * log._PERIOD)):
            hand.at += 1 / rate
            pace.step()
        return pace.busy, pace.flooded

    assert [arrive(rate) for rate in (50, 200, 1000, 200, 120, 200, 50)] == [
        (False, False),
        (True, False),
        (True, True),
        (True, True),
        (True, False),
        (True, False),
        (False, False),
    ]
    hand.at += 10
    assert (pace.busy, pace.flooded) == (False, False)
