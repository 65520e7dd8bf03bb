"""Slow servers: those who answer late are waited for, a few at once, and the others never notice; real sockets."""

import asyncio
import time

import pytest

from fedi_cluster.federation.inbox import process
from fedi_cluster.federation.outgoing import deliver
from fedi_cluster.jobs.queue import MAIN
from fedi_cluster.jobs.worker import CAPACITY, DEADLINE, DELIVERY
from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound import client as outbound_client
from fedi_cluster.outbound.patience import MOST_OF_ONE, Patience
from tests.outbound.strangers import Heard, client, say, settings, stranger

pytestmark = pytest.mark.anyio

LONG = {"LIMITS_READ": "3", "LIMITS_TOTAL": "3", "LIMITS_DELIVERY_TOTAL": "3", "LIMITS_SLOW": "0.15"}


async def _late(_heard: Heard, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.5)
    say(writer, 202)


async def test_a_late_answer_counts() -> None:
    async with stranger(_late) as server, client(settings(**LONG)) as outbound:
        assert (await outbound.post(server.url(), b"{}")).status == 202
        assert (await outbound.get(server.url())).status == 202
        assert len(server.heard) == 2


@pytest.mark.parametrize("reading", [True, False])
async def test_one_slow_server_is_waited_for_by_few(reading: bool) -> None:
    async with stranger(_late) as server, client(settings(**LONG)) as outbound:

        async def ask() -> tuple[str, float]:
            began = time.monotonic()
            try:
                await (outbound.get(server.url()) if reading else outbound.post(server.url(), b"{}"))
            except Unreachable as error:
                return error.detail, time.monotonic() - began
            return "answered", time.monotonic() - began

        found = await asyncio.gather(*(ask() for _ in range(MOST_OF_ONE + 2)))
        answered = [seconds for how, seconds in found if how == "answered"]
        refused = [seconds for how, seconds in found if how != "answered"]
        assert (len(answered), len(refused)) == (MOST_OF_ONE, 2)
        assert all(0.1 < seconds < 0.4 for seconds in refused)
        assert {how for how, _ in found} == {"answered", "no answer soon, and too many are slow"}
        # The places are free again.
        assert (await ask())[0] == "answered"


async def test_the_places_of_all_are_bounded_and_who_is_quick_needs_none() -> None:
    patience = Patience(0.1, most=3)

    async def wait(host: str, seconds: float) -> bool:
        try:
            async with patience.wait_for(host):
                await asyncio.sleep(seconds)
        except TimeoutError:
            return False
        return True

    slow = [wait(f"slow{number}.example", 0.3) for number in range(5)]
    quick = [wait(f"quick{number}.example", 0.0) for number in range(50)]
    found = await asyncio.gather(*slow, *quick)
    assert sum(found[:5]) == 3
    assert all(found[5:])
    assert await wait("slow0.example", 0.2)


async def test_an_error_in_the_block_gives_its_place_back() -> None:
    patience = Patience(0.05, most=1)

    async def fail_late() -> None:
        async with patience.wait_for("slow.example"):
            await asyncio.sleep(0.1)
            raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await fail_late()


def test_the_bounds_agree() -> None:
    """What is waited for ends before the job that waits, and slow servers leave half of the places."""
    limits = settings(LIMITS_READ="30", LIMITS_TOTAL="40", LIMITS_DELIVERY_TOTAL="40").limits
    knocks = 2
    assert knocks * limits.total < process._LONGEST_READING < DEADLINE.total_seconds()
    assert deliver._TURN + knocks * limits.delivery_total < DEADLINE.total_seconds()
    assert limits.slow < process._READING_IN_ORDER
    assert CAPACITY[DELIVERY] >= 2 * outbound_client._MOST_SLOW_DELIVERED
    assert CAPACITY[MAIN] >= 2 * outbound_client._MOST_SLOW_READ
