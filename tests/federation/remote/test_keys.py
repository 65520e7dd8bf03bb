"""The ring of keys: one read however many ask, failures kept for a while, changed keys read again."""

import asyncio
from dataclasses import dataclass
from itertools import count

import pytest
from starlette.types import Receive, Scope, Send

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.federation.remote.keys import FRESH_FOR, KeyRing
from fedi_cluster.kernel.errors import Gone, Unauthenticated
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio
_NUMBERS = count()


@dataclass(frozen=True, slots=True)
class Scene:
    """A ring that holds nothing yet, and a stranger of its own."""

    sea: Towns
    town: Town
    there: Stranger
    mia: Guest
    ring: KeyRing

    @property
    def key_id(self) -> str:
        """Mia's RSA key."""
        return self.mia.keys.main_key_id

    def reads(self) -> int:
        """How often the stranger was asked."""
        return len(self.sea.network.sent_to(self.there.host))

    async def refused(self, reads: int) -> None:
        """There is no key, and nobody was asked more often than so."""
        with pytest.raises(Unauthenticated):
            await self.ring.find(self.key_id)
        assert self.reads() == reads


@pytest.fixture
def scene(sea: Towns, town: Town) -> Scene:
    there = stranger(sea, f"key{next(_NUMBERS)}.example")
    here = town.house.federation
    ring = KeyRing(here.db, here.clock, here.fetcher, here.actors, here.settings.limits)
    return Scene(sea, town, there, there.person("mia"), ring)


async def test_many_ask_and_one_reads(scene: Scene) -> None:
    async def slowly(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.3)
        await scene.there(scope, receive, send)

    scene.sea.network.add(scene.there.host, slowly)
    found = await asyncio.gather(*(scene.ring.find(scene.key_id) for _ in range(20)))
    assert len(set(found)) == 1
    assert (found[0].id, found[0].owner, found[0].kind) == (scene.key_id, scene.mia.uri, "rsa")
    assert scene.reads() == 1
    await scene.ring.find(scene.key_id)
    assert scene.reads() == 1


async def test_who_gives_up_waiting_takes_nothing_from_the_others(scene: Scene) -> None:
    first, second = (asyncio.create_task(scene.ring.find(scene.key_id)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == scene.key_id
    with pytest.raises(asyncio.CancelledError):
        await first
    assert scene.reads() == 1


async def test_a_failure_is_kept_for_a_while(scene: Scene) -> None:
    scene.sea.network.down(scene.there.host)
    await asyncio.gather(*(scene.refused(1) for _ in range(5)))
    scene.sea.network.down(scene.there.host, down=False)
    seconds = scene.town.house.settings.limits.key_negative
    scene.sea.clock.forward(seconds=seconds - 1)
    await scene.refused(1)
    scene.sea.clock.forward(seconds=1)
    assert (await scene.ring.find(scene.key_id)).id == scene.key_id
    assert scene.reads() == 2


async def test_a_key_that_nobody_has_is_a_failure_too(scene: Scene) -> None:
    for _again in range(3):
        with pytest.raises(Unauthenticated):
            await scene.ring.find(f"{scene.mia.uri}#other")
    assert scene.reads() == 1
    assert (await scene.ring.find(scene.key_id)).id == scene.key_id


async def test_a_key_is_fresh_for_a_day(scene: Scene) -> None:
    await scene.ring.find(scene.key_id)
    scene.sea.clock.moment += FRESH_FOR
    await scene.ring.find(scene.key_id)
    assert scene.reads() == 2


async def test_a_known_actor_s_key_needs_no_read(scene: Scene) -> None:
    await scene.town.house.federation.actors.ensure(scene.mia.uri)
    before = scene.reads()
    assert (await scene.ring.find(scene.key_id)).owner == scene.mia.uri
    assert (await scene.ring.find(scene.mia.keys.ed25519_key_id)).kind == "ed25519"
    assert scene.reads() == before


async def test_a_changed_key_is_asked_for_only_so_often(scene: Scene) -> None:
    old = await scene.ring.find(scene.key_id)
    assert await scene.ring.find_again(old) is None
    other = scene.there.person("noa")
    fresh = scene.there.rsa_key(other) | {"id": scene.key_id, "owner": scene.mia.uri}
    scene.there.person("mia", publicKey=fresh)
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_refetch)
    again = await scene.ring.find_again(old)
    assert again is not None
    assert again.material != old.material
    assert await scene.ring.find(scene.key_id) == again
    assert await scene.ring.find_again(again) is None
    assert scene.reads() == 2


async def test_a_second_look_that_fails_takes_no_key_away(scene: Scene) -> None:
    held = await scene.ring.find(scene.key_id)
    scene.sea.network.down(scene.there.host)
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_refetch)
    with pytest.raises(Unauthenticated):
        await scene.ring.find_again(held)
    assert await scene.ring.find(scene.key_id) == held


async def test_of_a_gone_account_only_its_last_word_is_believed(scene: Scene) -> None:
    here = scene.town.house.federation
    known = await here.actors.ensure(scene.mia.uri)
    scene.sea.clock.moment += FRESH_FOR
    scene.there.serve("/users/mia", b"", 410)
    with pytest.raises(Gone):
        await scene.ring.find(scene.key_id)
    asked = scene.reads()
    for _again in range(2):
        assert (await scene.ring.find(scene.key_id, of_the_gone=True)).owner == scene.mia.uri
        with pytest.raises(Gone):
            await scene.ring.find(scene.key_id)
    assert scene.reads() == asked  # what its origin said is remembered
    await here.db.write(actor_actions.delete_actor, known)
    before = scene.reads()
    for of_the_gone in (False, True):
        with pytest.raises(Gone):
            await scene.ring.find(scene.key_id, of_the_gone=of_the_gone)
    assert scene.reads() == before
