"""Servers that answer each request late: what must hold, whatever the wait is."""

import json
import random
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import delete

from fedi_cluster.demo.servers import free_ports
from fedi_cluster.storage.tables.federation import delivery
from fedi_cluster.storage.tables.jobs import job
from fedi_cluster.storage.unit import Unit
from tests.faults.machine import Machine, gather, until
from tests.faults.peer import WELL, Manner, Peer, peer
from tests.faults.proxy import Proxy

_POSTS = 3
_READINGS = 14
"""A sister's account, three digests and a post, one after the other, twice; and what she has of ours."""


async def follow(machine: Machine, one: Peer) -> None:
    """A reader at a peer follows the office, and was accepted."""
    wish = one.activity(one.person("reader"), "Follow", f"{machine.base}/actors/office")
    async with machine.client() as client:
        assert await one.tell(client, machine, wish) == 202

    async def accepted() -> bool:
        return bool(one.heard("Accept"))

    await until(f"an Accept at {one.slug}", accepted)


def texts(one: Peer) -> list[str]:
    """The texts of the posts that a peer was told of, in order."""
    found = []
    for activity in one.heard("Create"):
        post = activity["object"]
        assert isinstance(post, dict)
        found.append(str(post["content"]))
    return found


async def each_post_comes_once(machine: Machine, late: Peer, wait: float) -> None:
    """A peer that answers after `wait` seconds is told of each post in order and once; another does not wait."""
    await machine.start()
    async with peer("well") as well:
        for one in (late, well):
            await follow(machine, one)
        late.manner = Manner(wait=wait)
        wanted = []
        for number in range(_POSTS):
            began = time.monotonic()
            await machine.said("post", "--no-region", f"News {number}")
            wanted.append(f"<p>News {number}</p>")

            async def arrived() -> bool:
                return texts(well) == wanted

            await until(f"post {number} at the other", arrived, within=15)
            print(f"post {number} at the other after {time.monotonic() - began:.2f} s")

        async def emptied() -> bool:
            lanes = (await machine.said("deliveries", "lanes", "--json")).splitlines()
            return all(json.loads(line)["waiting"] == 0 for line in lanes)

        await until("the lane is empty", emptied, within=_POSTS * (wait + 3) + 15)
        assert texts(late) == wanted
        assert {uri: len(tries) for uri, tries in late.times.items()} == dict.fromkeys(late.taken, 1)
        late.manner = WELL


async def sisters_get_in_step(folder: Path, wait: float, variables: Mapping[str, str]) -> None:
    """What a sister that answers after `wait` seconds has in public comes by comparison, with no delivery."""
    (outer, *inner) = free_ports(3)
    quick = Machine("quick", inner[0], folder / "quick")
    late = Machine("late", inner[1], folder / "late", reached_by=outer)
    way = Proxy(outer, inner[1], random.Random(1))
    with ExitStack() as stack:
        await way.start()
        stack.callback(way.close)
        for one in (quick, late):
            one.variables |= variables
            stack.callback(one.stop)
        await gather(quick, late)
        quick.stop()
        late.stop()
        page = (await late.said("post", "News that was never delivered")).split()[0]
        _empty_the_queue(late)
        await late.start()
        way.wait = wait
        began = time.monotonic()
        await quick.start()

        async def there() -> bool:
            async with quick.client() as client:
                return "News that was never delivered" in (await client.get("/")).text

        await until(f"the post {page} of the late sister", there, within=_READINGS * wait + 30)
        print(f"a sister that answers after {wait:g} s: its post came after {time.monotonic() - began:.0f} s")

        async def in_step() -> bool:
            return "in step" in await quick.said("cluster", "status")

        await until("in step", in_step, within=_READINGS * wait + 30)
        # The account, the month, the day and the post are read one after the other.
        assert time.monotonic() - began > 3 * wait, "it came by another way"
        print(f"in step after {time.monotonic() - began:.0f} s")


def _empty_the_queue(machine: Machine) -> None:
    """Nobody is told any more of what just happened."""
    house = machine.house()
    try:
        house.db.write_now(_forget)
    finally:
        house.db.close()


def _forget(unit: Unit) -> None:
    unit.connection.execute(delete(delivery))
    unit.connection.execute(delete(job).where(job.c.kind.startswith("federation.")))
