"""What holds over all processes of a database: failures, second looks, changed keys, floods of unknown keys."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from fedi_cluster.federation.remote import key_attempts
from fedi_cluster.federation.remote.keys import FRESH_FOR, TRUSTED_FOR, KeyRing
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.errors import Gone, TooMany, Unauthenticated
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.storage.database import Database
from tests.towns.stranger import Guest, Stranger, stranger
from tests.towns.town import Town, Towns

pytestmark = pytest.mark.anyio
_NUMBERS = count()


class Scene:
    """A stranger of its own, and rings that share nothing but the database: each is another process."""

    def __init__(self, sea: Towns, town: Town) -> None:
        self.sea = sea
        self.town = town
        self.there: Stranger = stranger(sea, f"flood{next(_NUMBERS)}.example")
        self.mia: Guest = self.there.person("mia")
        self.key_id = self.mia.keys.main_key_id
        self.one, self.other = self.ring(), self.ring()

    def ring(self) -> KeyRing:
        """A process that has just started."""
        here = self.town.house.federation
        return KeyRing(here.db, here.clock, here.fetcher, here.actors, here.settings.limits)

    def reads(self) -> int:
        """How often the stranger was asked."""
        return len(self.sea.network.sent_to(self.there.host))

    def change_key(self) -> None:
        """Mia takes another key under the same id."""
        fresh = self.there.rsa_key(self.there.person("noa"))
        self.there.person("mia", publicKey=fresh | {"id": self.key_id, "owner": self.mia.uri})


@pytest.fixture
def scene(sea: Towns, town: Town) -> Scene:
    return Scene(sea, town)


async def test_a_failure_of_one_spares_the_other_the_read(scene: Scene) -> None:
    scene.sea.network.down(scene.there.host)
    for ring in (scene.one, scene.other, scene.one):
        with pytest.raises(Unauthenticated):
            await ring.find(scene.key_id)
    assert scene.reads() == 1
    scene.sea.network.down(scene.there.host, down=False)
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_negative)
    assert (await scene.other.find(scene.key_id)).id == scene.key_id


async def test_a_gone_owner_is_remembered_by_all(scene: Scene) -> None:
    scene.there.serve("/users/mia", b"", 410)
    for ring in (scene.one, scene.other, scene.one, scene.ring()):
        for of_the_gone in (False, True):  # nobody here knew its key
            with pytest.raises(Gone):
                await ring.find(scene.key_id, of_the_gone=of_the_gone)
    assert scene.reads() == 1
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_negative)
    with pytest.raises(Gone):
        await scene.other.find(scene.key_id)
    assert scene.reads() == 2
    scene.there.person("mia")
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_negative)
    assert (await scene.one.find(scene.key_id)).id == scene.key_id


@pytest.mark.parametrize("known", [False, True])
async def test_what_failed_counts_each_time(scene: Scene, known: bool) -> None:
    """Where nothing is remembered (`key_negative` 0), the bound of the domain is what holds."""
    here = scene.town.house.federation
    limits = replace(here.settings.limits, key_negative=0)
    ring = KeyRing(here.db, here.clock, here.fetcher, here.actors, limits)
    if known:
        await here.actors.ensure(scene.mia.uri)
        scene.sea.clock.moment += FRESH_FOR
    scene.there.serve("/users/mia", b"", 410)
    before = scene.reads()
    said: list[type[Exception]] = []
    for _ in range(limits.key_fetches + 5):
        with pytest.raises((Gone, TooMany)) as refusal:
            await ring.find(scene.key_id)
        said.append(refusal.type)
    first = int(known)  # of a known owner the first look is no flood
    assert scene.reads() - before == limits.key_fetches + first
    assert said.index(TooMany) == limits.key_fetches + first


async def test_only_one_looks_again(scene: Scene) -> None:
    old = await scene.one.find(scene.key_id)
    assert await scene.other.find_again(old) is None
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_refetch)
    before = scene.reads()
    found = await asyncio.gather(*(ring.find_again(old) for ring in (scene.one, scene.other, scene.ring())))
    assert sorted(map(str, found)) == sorted(map(str, (old, None, None)))
    assert scene.reads() == before + 1


async def test_a_key_that_one_saw_change_the_others_know(scene: Scene) -> None:
    await scene.town.house.federation.actors.ensure(scene.mia.uri)
    old = await scene.one.find(scene.key_id)
    assert await scene.other.find(scene.key_id) == old
    scene.change_key()
    scene.sea.clock.forward(seconds=scene.town.house.settings.limits.key_refetch)
    fresh = await scene.one.find_again(old)
    assert fresh is not None
    assert fresh.material != old.material
    before = scene.reads()
    # A request with the new key does not fit the old one in memory: the row is asked, not the network.
    assert await scene.other.find_again(old) == fresh
    assert await scene.other.find(scene.key_id) == fresh
    assert scene.reads() == before


async def test_a_key_that_was_taken_back_is_not_believed_for_long(scene: Scene) -> None:
    here = scene.town.house.federation
    await here.actors.ensure(scene.mia.uri)
    old = await scene.one.find(scene.key_id)
    scene.change_key()
    scene.sea.clock.forward(minutes=2)
    await here.actors.ensure(scene.mia.uri, fresh=True)  # as an Update does, in any process
    scene.sea.clock.forward(seconds=TRUSTED_FOR.total_seconds())
    assert (await scene.one.find(scene.key_id)).material != old.material


async def test_a_flood_of_invented_keys_is_not_followed(scene: Scene) -> None:
    most = scene.town.house.settings.limits.key_fetches
    await scene.town.house.federation.actors.ensure(scene.mia.uri)
    before = scene.reads()
    rings = (scene.one, scene.other)

    async def invent(number: int) -> int:
        try:
            await rings[number % 2].find(f"https://{scene.there.host}/users/bot{number}#main-key")
        except Unauthenticated:
            return 0
        except TooMany as error:
            return error.retry_after
        raise AssertionError("an invented key was found")

    waits = [await invent(number) for number in range(most + 20)]
    assert [wait for wait in waits if wait] == [60] * 20
    assert scene.reads() == before + most
    # The known ones of that domain are heard as ever, and so are the unknown ones of another.
    assert (await scene.other.find(scene.key_id)).owner == scene.mia.uri
    elsewhere = stranger(scene.sea, f"calm{next(_NUMBERS)}.example").person("ola")
    assert (await scene.one.find(elsewhere.keys.main_key_id)).owner == elsewhere.uri
    scene.sea.clock.forward(seconds=60)
    assert await invent(most + 20) == 0


async def test_a_flood_is_answered_429_with_the_time_to_wait(scene: Scene) -> None:
    answers = []
    for number in range(scene.town.house.settings.limits.key_fetches + 1):
        bot = scene.there.person(f"bot{number}", keys_of="mia")
        scene.there.serve(f"/users/bot{number}", b"", 404)
        like = scene.there.activity(bot, "Like", scene.town.house.at.base)
        answers.append(await scene.there.post(scene.town, bot, like))
    assert {one.status_code for one in answers[:-1]} == {401}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


async def test_what_is_no_address_is_asked_of_nobody(scene: Scene) -> None:
    for name in ("ü", "a" * 2000):
        with pytest.raises(Unauthenticated):
            await scene.one.find(f"https://{scene.there.host}/{name}#main-key")
    assert scene.reads() == 0


async def test_one_claims_an_attempt(migrated_url: str) -> None:
    databases = [Database(migrated_url, SystemClock(), IdSource()) for _ in range(3)]
    key_id, pause = "https://a.example/users/mia#main-key", timedelta(minutes=5)
    try:
        claims = [
            db.write_locking(key_attempts.claim, key_id, "a.example", pause)
            for db in databases
            for _ in range(5)
        ]
        assert sum(await asyncio.gather(*claims)) == 1
        await databases[0].write_locking(key_attempts.note_failure, key_id, "a.example", "x" * 2000)
        last = await databases[1].read(key_attempts.last, key_id)
        assert last is not None
        assert (last.failed, len(last.reason)) == (True, 500)
        assert last.is_within(pause, datetime.now(UTC))
        await databases[2].write_locking(key_attempts.trim)
        assert await databases[1].read(key_attempts.last, key_id) == last
    finally:
        for db in databases:
            db.close()
