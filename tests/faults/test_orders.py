"""Whatever the order and however often: the same activities leave the same state (threats REL-015 to REL-019)."""

import asyncio
import os
import random
import time
from typing import Any

import pytest
from sqlalchemy import select

from fedi_cluster.storage.tables import metadata
from fedi_cluster.storage.unit import Reader
from tests.faults.orders import INBOX, Parcel, prepared
from tests.faults.rows import put_back, rows
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio

SHUFFLES = int(os.environ.get("FAULTS_SHUFFLES", "20"))
# Among all tests the same orders each time; the campaign looks for new ones.
_FRESH = random.SystemRandom().randrange(10**6) if "FAULTS_SHUFFLES" in os.environ else 1
SEED = int(os.environ.get("FAULTS_SEED") or _FRESH)
_PATIENCE = 1_800
# What met a conflict or a sister that was not ready is tried again after seconds; all before sisters compare.
_TRIES, _PAUSE = 4, 31


async def standing(town: Town) -> dict[str, Any]:
    """What people see of it: posts and what was done with them, follows, blocks, the cluster timeline."""

    def read(reader: Reader) -> dict[str, Any]:
        def all_of(name: str) -> list[Any]:
            return list(reader.connection.execute(select(metadata.tables[name])).all())

        actors = {row.id: row.uri for row in all_of("actor")}
        every = {row.id: row for row in all_of("post")}
        posts = {key: row for key, row in every.items() if row.deleted_at is None}
        return {
            "posts": {
                row.uri: (
                    actors[row.author_id], row.content, row.updated_at, row.visibility, row.in_reply_to,
                    row.likes_count, row.announces_count, row.replies_count,
                    every[row.thread_id].uri if row.thread_id in every else None,
                )
                for row in posts.values()
            },
            "likes": sorted((actors[row.actor_id], every[row.post_id].uri) for row in all_of("like")),
            "announces": sorted((actors[row.actor_id], every[row.post_id].uri) for row in all_of("announce")),
            "follows": sorted(
                (actors[row.follower_id], actors[row.target_id], row.state) for row in all_of("follow")
            ),
            "blocks": sorted((actors[row.blocker_id], actors[row.blocked_id]) for row in all_of("block")),
            "cluster": sorted(
                (posts[row.post_id].uri, actors[row.region_id]) for row in all_of("cluster_post")
            ),
        }  # fmt: skip

    return await town.house.db.read(read)


async def arrive(town: Town, parcels: list[Parcel], chance: random.Random | None = None) -> None:
    """The parcels in this order, some at the same moment; now and then the town works before more come."""
    left = list(parcels)
    while left:
        together = chance.choice((1, 4, 16)) if chance else 1
        await asyncio.gather(*(_post(town, parcel) for parcel in left[:together]))
        del left[:together]
        if chance and chance.random() < 0.3:
            await town.work()
    for _try in range(_TRIES):
        await town.work()
        town.clock.forward(seconds=_PAUSE)


async def _post(town: Town, parcel: Parcel) -> None:
    answer = await town.client.post(INBOX, content=parcel.body, headers=dict(parcel.headers))
    # Whose account is gone cannot be proven any more.
    assert answer.status_code in (202, 401, 410), (parcel.name, answer.text)


def _lines(part: Any) -> set[str]:
    return {str(one) for one in (part.items() if isinstance(part, dict) else part)}


@pytest.mark.timeout(_PATIENCE)
async def test_any_order_with_duplicates_ends_in_the_same_state(
    towns: Towns, request: pytest.FixtureRequest
) -> None:
    on_postgres = request.node.get_closest_marker("postgres") is not None
    shuffles = max(SHUFFLES // 10, 5) if on_postgres else SHUFFLES
    scene = await prepared(towns)
    town, parcels = scene.town, list(scene.parcels)
    assert len(parcels) >= 40
    before, moment = await rows(town), town.clock.moment
    await arrive(town, parcels)
    wanted = await standing(town)
    assert {name: bool(found) for name, found in wanted.items()} == dict.fromkeys(wanted, True)
    print(f"seed {SEED}: {len(parcels)} activities, {shuffles} orders")
    began, began_work = time.monotonic(), time.process_time()
    for number in range(shuffles):
        chance = random.Random(f"{SEED} {number}")
        order = [parcel for parcel in parcels for _copy in range(chance.choice((1, 1, 2, 3)))]
        chance.shuffle(order)
        await put_back(town, before)
        town.clock.moment = moment
        await arrive(town, order, chance)
        found = await standing(town)
        assert found == wanted, f"seed {SEED}, order {number}: {[one.name for one in order]}\n" + "\n".join(
            f"{name}: {sorted(_lines(found[name]) ^ _lines(wanted[name]))}" for name in wanted
        )
    passed, worked = time.monotonic() - began, time.process_time() - began_work
    print(f"{passed / shuffles:.3f} s an order, {worked / shuffles:.3f} s of them at work")
