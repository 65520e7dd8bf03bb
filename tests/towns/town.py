"""A whole instance in this process: real database, real signatures, no sockets, a movable clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from fedi_cluster.app import build_app
from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import NewActor
from fedi_cluster.community.actors.shapes import Actor, Key, OwnKeys
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.actions import membership
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.actions import WritePost
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions.founding import Founding, KeyPair, found
from fedi_cluster.community.regions.queries import own_entry
from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair
from fedi_cluster.jobs import queue
from fedi_cluster.jobs.worker import Worker
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.settings import load
from fedi_cluster.storage.unit import Reader, Unit
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.wiring import House, open_house
from tests.towns.transport import TownTransport

AS2 = "application/activity+json"


@dataclass(slots=True)
class TownClock:
    """A clock that stands still until the test moves it."""

    moment: datetime = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        """The moment that the test set."""
        return self.moment

    def forward(self, **by: float) -> None:
        """Moves on by a `timedelta`."""
        self.moment += timedelta(**by)


_PAIRS: dict[str, tuple[str, str]] = {}


def pair_for(uri: str) -> tuple[str, str]:
    """RSA and Ed25519 keys of an actor; made once for each name in a test run, since RSA takes its time."""
    if uri not in _PAIRS:
        _PAIRS[uri] = generate_pair()
    return _PAIRS[uri]


def keys_for(uri: str) -> tuple[OwnKeys, tuple[Key, ...]]:
    """The keys of a local actor as its row wants them."""
    rsa, ed25519 = pair_for(uri)
    public = PrivateKeys(uri, rsa, ed25519).public_keys()
    return OwnKeys(rsa, ed25519), tuple(Key(key.id, key.owner, key.kind, key.material) for key in public)


@dataclass(slots=True)
class Town:
    """One instance among others; `host` is its name in the transport."""

    slug: str
    host: str
    house: House
    network: TownTransport
    worker: Worker
    clock: TownClock
    client: httpx.AsyncClient
    people: dict[str, Actor] = field(default_factory=dict)
    asleep: bool = False

    def sleep(self, asleep: bool = True) -> None:
        """From now on the instance is switched off: it answers nobody, and `settle` leaves it alone."""
        self.asleep = asleep
        self.network.down(self.host, asleep)

    async def start(self) -> None:
        """What a server does first when it starts: it greets its sisters."""
        await self.house.db.write(lambda unit: queue.enqueue(unit, "cluster.greet_all", {}))

    async def work(self) -> int:
        """Everything that is due here, until nothing is."""
        return await self.worker.drain()

    async def person(self, name: str, type_: str = "Person") -> Actor:
        """A local actor, made at the first call."""
        if name not in self.people:
            own, public = keys_for(self.house.at.actor(name))
            new = NewActor(name, type_, name.title(), own, public, language=self.house.settings.language)
            self.people[name] = await self.house.db.write(actor_actions.create, self.house.at, new)
        return self.people[name]

    async def post(self, name: str, text: str, **more: object) -> Post:
        """What a local actor writes; `more` are fields of `WritePost`."""
        author = await self.person(name)
        values: dict[str, object] = {"language": self.house.settings.language, **more}
        command = WritePost(text, **values)  # type: ignore[arg-type]
        return await self.house.db.write(post_actions.write, self.house.at, author, command)

    async def edit(self, post: Post, text: str, **more: object) -> Post:
        """A new text for an own post."""
        values: dict[str, object] = {"language": self.house.settings.language, **more}
        command = WritePost(text, **values)  # type: ignore[arg-type]
        return await self.house.db.write(post_actions.rewrite, self.house.at, post.author, post, command)

    async def erase(self, post: Post) -> None:
        """An own post goes."""
        await self.house.db.write(post_actions.erase, post.author, post)

    async def find(self, uri: str) -> Post | None:
        """The post as this instance has it."""
        return await self.house.db.read(post_queries.by_uri, uri)

    async def cluster_uris(self) -> list[str]:
        """The ids of the cluster timeline, newest first."""

        def read(reader: Reader) -> list[str]:
            return [one.post.uri for one in timelines.cluster(reader, PageRequest(limit=500)).items]

        return await self.house.db.read(read)

    async def region(self) -> Actor:
        """The region's Group."""
        return await self.house.db.read(actor_queries.need_local, "region")

    async def sisters(self) -> list[str]:
        """The hosts of the present sisters."""
        found = await self.house.db.read(instance_queries.sisters, self.host)
        return [one.host for one in found]

    async def document(self, uri: str, status: int = 200) -> Json:
        """What this instance serves at an id to a machine."""
        answer = await self.client.get(uri, headers={"Accept": AS2})
        assert answer.status_code == status, answer.text
        return parse_object(answer.content)

    async def page(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """What this instance serves to a browser."""
        return await self.client.get(path, headers={"Accept": "text/html", **(headers or {})})


class Towns:
    """Several instances with one clock and one network."""

    def __init__(self, folder: Path, new_database: Callable[[str], str]) -> None:
        self.folder = folder
        self.new_database = new_database
        self.clock = TownClock()
        self.network = TownTransport()
        self.towns: dict[str, Town] = {}

    async def found(self, slug: str, language: str = "en", **settings: str) -> Town:
        """Founds an instance and puts it on the network as SLUG.example."""
        host = f"{slug}.example"
        environ = {
            "FEDI_CLUSTER_BASE_URL": f"https://{host}",
            "FEDI_CLUSTER_REGION": slug,
            "FEDI_CLUSTER_REGION_NAME": slug.title(),
            "FEDI_CLUSTER_LANGUAGE": language,
            "FEDI_CLUSTER_DATABASE_URL": self.new_database(slug),
            "FEDI_CLUSTER_DATA_DIR": str(self.folder),
            **settings,
        }
        house = open_house(load(None, environ), clock=self.clock, transport=self.network)
        await house.db.write(_found, house)
        app = build_app(house)
        self.network.add(host, app)
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"https://{host}")
        worker = Worker(house.db, house.handlers, self.clock, name=slug)
        town = Town(slug, host, house, self.network, worker, self.clock, client)
        self.towns[slug] = town
        return town

    async def settle(self, rounds: int = 50) -> None:
        """Lets all work until nobody has anything due; time passes by a second a round."""
        for _round in range(rounds):
            done = 0
            for town in self.towns.values():
                done += 0 if town.asleep else await town.work()
            if not done:
                return
            self.clock.forward(seconds=1)
        raise AssertionError("the towns do not come to rest")

    async def invite(self, inviter: Town) -> str:
        """A fresh invitation link."""
        token, _expires = await inviter.house.db.write(lambda unit: membership.invite(unit, own_entry(unit)))
        return f"{inviter.house.at.base}/cluster/invitations/{token}"

    async def ask(self, newcomer: Town, inviter: Town, link: str | None = None) -> None:
        """The newcomer asks to join with an invitation."""
        link = link or await self.invite(inviter)
        entry = await inviter.house.db.read(own_entry)
        cluster = await inviter.house.db.read(instance_queries.cluster)
        assert cluster is not None

        def write(unit: Unit) -> None:
            membership.await_confirmation(unit, cluster.urn, entry, newcomer.host)
            payload = {"link": link, "actor": entry.actor}
            queue.enqueue(unit, "cluster.ask", payload)

        await newcomer.house.db.write(write)
        await self.settle()

    async def join(self, newcomer: Town, inviter: Town) -> None:
        """The newcomer becomes a member, as the commands do it."""
        await self.ask(newcomer, inviter)
        await inviter.house.db.write(lambda unit: membership.confirm(unit, newcomer.host, own_entry(unit)))
        await self.settle()

    async def close(self) -> None:
        """Closes all databases."""
        for town in self.towns.values():
            await town.client.aclose()
            await town.house.federation.outbound.close()
            town.house.db.close()


def _found(unit: Unit, house: House) -> None:
    at, settings = house.at, house.settings
    found(
        unit,
        at,
        Founding(
            region=settings.region,
            region_name=settings.region_name,
            language=settings.language,
            editorial="office",
            instance_keys=KeyPair(*keys_for(at.instance_actor)),
            region_keys=KeyPair(*keys_for(at.region)),
            editorial_keys=KeyPair(*keys_for(at.actor("office"))),
        ),
    )
