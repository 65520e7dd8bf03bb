"""The delays between tries, as tables."""

import random
from datetime import timedelta

import pytest

from fedi_cluster.jobs.schedule import delivery_delay, job_delay

RNG = random.Random(1)
YOUNG = timedelta()


@pytest.mark.parametrize(
    ("tries", "delay"),
    [
        (-1, timedelta(seconds=30)),
        (0, timedelta(seconds=30)),
        (1, timedelta(seconds=30)),
        (2, timedelta(minutes=2)),
        (3, timedelta(minutes=8)),
        (4, timedelta(minutes=30)),
        (5, timedelta(hours=2)),
        (6, timedelta(hours=6)),
    ],
)
def test_the_first_deliveries_follow_the_table(tries: int, delay: timedelta) -> None:
    assert delivery_delay(tries, RNG, age=YOUNG) == delay


@pytest.mark.parametrize("tries", [7, 8, 64, 10**9])
def test_later_deliveries_wait_about_twelve_hours_and_drift_apart(tries: int) -> None:
    delays = [delivery_delay(tries, RNG, age=timedelta(days=29)) for _ in range(500)]
    hours = [delay / timedelta(hours=1) for delay in delays if delay is not None]
    assert len(hours) == 500
    assert 9.6 <= min(hours) < 9.9
    assert 14.1 < max(hours) <= 14.4


@pytest.mark.parametrize(
    ("age", "goes_on"),
    [
        (timedelta(days=-1), True),
        (timedelta(), True),
        (timedelta(days=30) - timedelta(microseconds=1), True),
        (timedelta(days=30), False),
        (timedelta(days=4000), False),
    ],
)
def test_age_and_not_tries_ends_a_delivery(age: timedelta, goes_on: bool) -> None:
    for tries in (0, 1, 7, 5000):
        assert (delivery_delay(tries, RNG, age=age) is not None) is goes_on


def test_an_outage_of_thirty_days_costs_some_seventy_tries() -> None:
    age, tries = timedelta(), 1
    while (delay := delivery_delay(tries, RNG, age=age)) is not None:
        age, tries = age + delay, tries + 1
    assert 60 <= tries <= 75
    assert timedelta(days=30) <= age < timedelta(days=31)


@pytest.mark.parametrize(
    ("tries", "seconds"),
    [
        (-5, 5), (0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 640), (9, 1280),
        (10, 2560), (11, 3600), (12, None), (13, None), (10**9, None),
    ],
)  # fmt: skip
def test_ordinary_jobs_are_given_up_after_twelve_tries(tries: int, seconds: int | None) -> None:
    assert job_delay(tries) == (None if seconds is None else timedelta(seconds=seconds))
