"""When a failed job is tried again: pure tables of delays; it reads no clock and touches no job."""

import random
from datetime import timedelta

DELIVERY_STEPS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=8),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
DELIVERY_REST = timedelta(hours=12)
DELIVERY_JITTER = 0.2
DELIVERY_AGE = timedelta(days=30)

JOB_FIRST = timedelta(seconds=5)
JOB_LONGEST = timedelta(hours=1)
JOB_TRIES = 12


def delivery_delay(tries: int, rng: random.Random, *, age: timedelta) -> timedelta | None:
    """How long a delivery waits after its `tries`-th run failed (1 = the first); None = give up.

    30 s, 2 m, 8 m, 30 m, 2 h, 6 h, then 12 h give or take a fifth, so that the lanes of an outage part.
    The end is told by `age`, the time since the job was made, and never by the number of runs: every sign
    of life of the other server probes its lane, which would use up a count within minutes. Mitra keeps
    trying for 30 days, too. Total: also for `tries` below 1 and a negative age (clocks differ).
    """
    if age >= DELIVERY_AGE:
        return None
    if tries <= len(DELIVERY_STEPS):
        return DELIVERY_STEPS[max(tries, 1) - 1]
    return DELIVERY_REST * (1 + DELIVERY_JITTER * (2 * rng.random() - 1))


def outage_delay(outage: timedelta, rng: random.Random) -> timedelta:
    """How long a lane waits whose deliveries have failed for `outage`: the table above by time, not by tries.

    A probe at a sign of life comes between and must not make the next one later. Total, never None.
    """
    passed = timedelta()
    for step in DELIVERY_STEPS:
        if outage < passed + step:
            return step
        passed += step
    return DELIVERY_REST * (1 + DELIVERY_JITTER * (2 * rng.random() - 1))


def job_delay(tries: int) -> timedelta | None:
    """How long an ordinary job waits after its `tries`-th run failed: 5 s, doubled up to 1 h; None after 12.

    Total: also for `tries` below 1.
    """
    if tries >= JOB_TRIES:
        return None
    return min(JOB_FIRST * (1 << (max(tries, 1) - 1)), JOB_LONGEST)
