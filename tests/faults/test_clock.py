"""A clock that is wrong and is put right: ids stay unique and in order, and what waited goes its way (REL-026)."""

from datetime import timedelta

import pytest

from fedi_cluster.kernel.ids import IdSource
from tests.towns.stranger import stranger
from tests.towns.town import Town, TownClock, Towns

pytestmark = pytest.mark.anyio

JUMPS = [timedelta(hours=2), timedelta(hours=-2), timedelta(days=365)]
_NAMES = ["2 h ahead", "2 h behind", "1 year ahead"]


async def _with_own_clock(towns: Towns, slug: str) -> tuple[Town, TownClock]:
    """A town whose clock is not that of the others."""
    true, towns.clock = towns.clock, TownClock(towns.clock.moment)
    town = await towns.found(slug)
    own, towns.clock = towns.clock, true
    return town, own


@pytest.mark.parametrize("jump", JUMPS, ids=_NAMES)
def test_ids_grow_whatever_the_clock_does(jump: timedelta) -> None:
    clock, ids = TownClock(), IdSource()
    made = []
    for moment in (clock.moment, clock.moment + jump, clock.moment, clock.moment + timedelta(minutes=1)):
        made += [ids.new(moment) for _number in range(1_000)]
    assert made == sorted(set(made))


@pytest.mark.parametrize("jump", JUMPS, ids=_NAMES)
async def test_a_wrong_clock_that_is_put_right_loses_nothing(towns: Towns, jump: timedelta) -> None:
    right = await towns.found("rostock", "de")
    wrong, clock = await _with_own_clock(towns, "szczecin")
    await towns.join(wrong, right)
    there = stranger(towns)
    mia = there.person("mia")
    clock.moment = towns.clock.moment + jump
    posts = [await wrong.post("ola", "Z błędnym zegarem", to_region=True)]
    posts.append(await right.post("eva", "Mit richtiger Uhr", to_region=True))
    wish = there.activity(mia, "Follow", wrong.house.at.region)
    refused = await there.post(wrong, mia, wish)
    assert refused.status_code == 401, "what was signed hours ago or ahead is not believed"
    await wrong.work()
    await right.work()
    clock.moment = towns.clock.moment
    assert (await there.post(wrong, mia, wish)).status_code == 202, "signatures are right at once"
    for _minute in range(15):
        for moved in (clock, towns.clock):
            moved.forward(minutes=1)
        await wrong.work()
        await right.work()
    posts.append(await wrong.post("ola", "Po poprawce", to_region=True))
    await wrong.work()
    await right.work()
    assert len({post.id for post in posts}) == len(posts)
    for town in (wrong, right):
        assert sorted(await town.cluster_uris()) == sorted(post.uri for post in posts), town.slug
