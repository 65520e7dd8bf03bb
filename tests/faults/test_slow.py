"""A peer and a sister that answer late, on a shorter scale than the campaign's 29 seconds (`fault_peers.py`)."""

from pathlib import Path

import pytest

from tests.faults.machine import Machine
from tests.faults.peer import Peer
from tests.faults.slow import each_post_comes_once, sisters_get_in_step

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

WAIT = 1.0
SCALED = {
    "FEDI_CLUSTER_LIMITS_SLOW": "0.4",
    "FEDI_CLUSTER_LIMITS_READ": "3",
    "FEDI_CLUSTER_LIMITS_TOTAL": "4",
    "FEDI_CLUSTER_LIMITS_DELIVERY_TOTAL": "4",
}


async def test_a_peer_that_answers_late_gets_each_post_once(machine: Machine, there: Peer) -> None:
    machine.variables |= SCALED
    await each_post_comes_once(machine, there, WAIT)


async def test_a_sister_that_answers_late_is_in_step(tmp_path: Path) -> None:
    await sisters_get_in_step(tmp_path, WAIT, SCALED)
