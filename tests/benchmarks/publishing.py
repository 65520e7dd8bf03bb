"""What is written here: a post by the act of the community until it is committed, and what it costs to tell all."""

import asyncio
import os
import time
from collections.abc import Coroutine
from contextlib import nullcontext
from datetime import timedelta

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts.actions import WritePost, write
from fedi_cluster.jobs import queue
from fedi_cluster.storage.unit import Unit
from fedi_cluster.wiring import House, close_house, open_house
from tests.benchmarks import floors
from tests.benchmarks.crowd import add_followers
from tests.benchmarks.measure import CannotRun, Figure, Round, cpu_ms, figure, rss_mib, tell
from tests.benchmarks.place import Place
from tests.benchmarks.scene import Scene
from tests.benchmarks.sizes import Sizes

_AT_ONCE = 16
_TEXT = "The old ferry sails again on Sundays, and the first trip leaves at nine. #ferry #sunday"
_KIND = "federation.send_post"


def publish(scene: Scene, sizes: Sizes, source: Place | None = None) -> list[Figure]:
    """Posts a second through the act, each in a commit of its own or of a group: sixteen at once, and one after
    the other (`publish_one_by_one`). Floor: a bare group commit with as many callers.

    With `source` in its database itself.
    """
    found: dict[int, list[Round]] = {_AT_ONCE: [], 1: []}
    with nullcontext(source) if source else scene.fresh() as place:

        async def measure() -> None:
            house = open_house(place.settings())
            try:
                for _ in range(sizes.rounds):
                    for waiting, rounds in found.items():
                        number = sizes.published if waiting > 1 else max(1, sizes.published // 3)
                        rounds.append(await _published(house, place, sizes, number, waiting))
            finally:
                await close_house(house)

        asyncio.run(measure())
    return [
        figure("publish", "posts/s", found[_AT_ONCE]),
        figure("publish_one_by_one", "posts/s", found[1]),
    ]


async def _published(house: House, place: Place, sizes: Sizes, number: int, waiting: int) -> Round:
    floor = await asyncio.to_thread(floors.commits, place.database_url, waiting, sizes.seconds)
    left = number

    def act(unit: Unit) -> None:
        office = actor_queries.need_local(unit, "office")
        write(unit, house.at, office, WritePost(_TEXT, "en", to_region=True))

    async def caller() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            await house.db.write(act)

    await house.db.write(act)
    pid = os.getpid()
    before, began = cpu_ms(pid), time.perf_counter()
    callers: list[Coroutine[object, object, None]] = [caller() for _ in range(waiting)]
    await asyncio.gather(*callers)
    seconds = time.perf_counter() - began
    return Round(number / seconds, floor, rss_mib(pid), (cpu_ms(pid) - before) / number)


def enqueue_10k_instances(scene: Scene, sizes: Sizes, hosts: int | None = None) -> list[Figure]:
    """Milliseconds in which the job of one post writes its deliveries to followers on so many instances, commit
    included; it must be one transaction. Floor: a bare executemany of as many rows in one transaction.
    """
    number = sizes.enqueue_hosts if hosts is None else hosts
    addresses = scene.addresses(number)
    rounds = []
    with scene.fresh() as place:
        add_followers(place, addresses)
        for _ in range(sizes.rounds):
            floor = floors.rows_at_once(place.database_url, number)
            rounds.append(asyncio.run(_enqueued(place, floor)))
    return [figure("enqueue_10k_instances", "ms", rounds)]


async def _enqueued(place: Place, floor: float) -> Round:
    house = open_house(place.settings())
    pid = os.getpid()
    try:
        await house.db.write(_one_post, house)
        jobs = await house.db.write_locking(queue.claim, "benchmark", 10, timedelta(minutes=5))
        job = next((one for one in jobs if one.kind == _KIND), None)
        if job is None:
            raise CannotRun(f"publishing left no job of the kind {_KIND}")
        commits, before, began = house.db.commits, cpu_ms(pid), time.perf_counter()
        outcome = await house.handlers[_KIND](job)
        await house.db.write(outcome)
        took = (time.perf_counter() - began) * 1000
        if house.db.commits - commits != 1:
            tell(f"enqueue_10k_instances: {house.db.commits - commits} transactions instead of one")
        return Round(took, floor, rss_mib(pid, peak=False), cpu_ms(pid) - before)
    finally:
        await close_house(house)


def _one_post(unit: Unit, house: House) -> None:
    write(unit, house.at, actor_queries.need_local(unit, "office"), WritePost(_TEXT, "en"))
