"""kill -9 at random moments, N times on each database: nothing acknowledged is lost, nothing happens twice."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedi_cluster.demo.servers import free_ports
from fedi_cluster.wiring import House
from tests.faults import looking
from tests.faults.acts import Guests, Office
from tests.faults.ledger import Ledger
from tests.faults.machine import READY_WITHIN, Machine, gather, until
from tests.faults.peer import Peer, peer
from tests.plugins.databases import PostgresServer

pytestmark = pytest.mark.anyio

RUNS = int(os.environ.get("FAULTS_RUNS") or 25)
SEED = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(10**6))
SETTLE = 150.0
"""Seconds from the last kill until all is told: a lease of the dead may have to end first."""


@dataclass(eq=False)
class Scene:
    """A victim with a sister and a peer, and those who keep it busy."""

    victim: Machine
    sister: Machine
    there: Peer
    ledger: Ledger
    chance: random.Random

    def busy(self) -> "Sequence[Guests | Office]":
        """Two groups of guests, the victim's own people, and now and then those of the sister."""
        first = [post.uri for post in self.ledger.written if post.uri]
        return [
            *(
                Guests(name, self.there, self.victim, self.ledger, self._chance(name), first)
                for name in ("anna", "bert")
            ),
            Office("victim", self.victim, self.ledger, self._chance("victim")),
            Office("sister", self.sister, self.ledger, self._chance("sister"), cut_off=0),
        ]

    def _chance(self, name: str) -> random.Random:
        return random.Random(f"{SEED} {name}")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    url = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create())
    ports = free_ports(2)
    victim = Machine("victim", ports[0], tmp_path / "victim", url, apart=url is not None)
    sister = Machine("sister", ports[1], tmp_path / "sister")
    async with peer("peer") as there, _running(victim, sister):
        ledger = Ledger(tmp_path / "ledger.jsonl")
        made = Scene(victim, sister, there, ledger, random.Random(SEED))
        await _acquaint(made)
        yield made


@asynccontextmanager
async def _running(*machines: Machine) -> AsyncIterator[None]:
    try:
        await gather(*machines)
        yield
    finally:
        for machine in machines:
            machine.stop()


async def _acquaint(made: Scene) -> None:
    """The office follows mia of the peer, and somebody there follows office and region."""
    victim, there = made.victim, made.there
    await victim.said("follow", "office", there.person("mia"))
    async with victim.client() as client:
        for target in ("office", "region"):
            wish = there.activity(there.person("reader"), "Follow", f"{victim.base}/actors/{target}")
            assert await there.tell(client, victim, wish) == 202

        async def answered() -> bool:
            return len(there.heard("Accept")) == 2

        await until("two Accepts", answered)


@pytest.mark.timeout(60 * 60)
async def test_nothing_is_lost_and_nothing_happens_twice(scene: Scene) -> None:
    print(f"\nseed {SEED}, {RUNS} kills (again: make faults N={RUNS} SEED={SEED})")
    began = time.monotonic()
    busy = scene.busy()
    for number in range(RUNS):
        await _cut(scene, busy)
        lost = [
            one.uri
            for one in scene.ledger.written
            if one.uri and one.token.startswith("victim") and not await _kept(scene, one.uri)
        ]
        assert not lost, f"after kill {number + 1}: {lost}"
    for one in busy:
        if isinstance(one, Guests):
            one.posts = []
            await one.finish()
    killed = time.monotonic() - began
    await _settled(scene)
    assert looking.integrity(scene.victim) == []
    slowest = max(scene.victim.started)
    print(
        f"{scene.ledger.acknowledged} of {scene.ledger.intents} acts acknowledged, kills {killed:.0f} s, "
        f"settled {time.monotonic() - began - killed:.0f} s later, slowest start {slowest:.2f} s"
    )
    assert slowest < READY_WITHIN


async def _cut(scene: Scene, busy: "Sequence[Guests | Office]") -> None:
    """All act; after a random moment the victim dies, and comes back."""
    stop, chance, victim = asyncio.Event(), scene.chance, scene.victim
    acting = [asyncio.create_task(one.act(stop)) for one in busy]
    await _some_acts(scene.ledger, chance.randint(1, 40))
    await asyncio.sleep(chance.uniform(0, 0.1))
    names = list(victim.processes)
    victim.kill(*(chance.choice((names, names[:1], names[1:])) or names))
    stop.set()
    await victim.start()
    await asyncio.gather(*acting)


async def _some_acts(ledger: Ledger, wanted: int) -> None:
    """Returns when so many acts were begun, at the latest after three seconds."""
    ends, until_number = time.monotonic() + 3, ledger.intents + wanted
    while ledger.intents < until_number and time.monotonic() < ends:  # noqa: ASYNC110 - looked at from outside
        await asyncio.sleep(0.005)


async def _kept(scene: Scene, uri: str) -> bool:
    async with scene.victim.client() as client:
        path = uri.removeprefix(scene.victim.base)
        answer = await client.get(path, headers={"Accept": "application/activity+json"})
        return answer.status_code in (200, 410)


async def _settled(scene: Scene) -> None:
    """Waits until everything holds that must; fails with what does not."""
    houses = scene.victim.house(), scene.sister.house()
    try:
        until = time.monotonic() + SETTLE
        while found := await _problems(scene, *houses):
            assert time.monotonic() < until, "\n".join([f"seed {SEED}", *found[:50]])
            await asyncio.sleep(0.5)
        assert await looking.dead_jobs(scene.victim) == []
        assert await looking.dead_jobs(scene.sister) == []
    finally:
        for house in houses:
            house.db.close()


async def _problems(scene: Scene, victim: House, sister: House) -> list[str]:
    own = [one for one in scene.ledger.written if one.token.startswith("victim")]
    base = scene.victim.base
    return [
        *looking.problems(victim, scene.ledger, own),
        *looking.unequal(looking.timeline(victim), looking.timeline(sister)),
        *looking.told(victim, scene.there, f"{base}/actors/office", f"{base}/actors/region"),
        *looking.answered(scene.ledger, scene.there),
    ]
