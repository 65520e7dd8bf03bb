"""What is read: timelines by their queries, and the addresses that others ask for most over HTTP."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from urllib.parse import quote

import sqlalchemy as sa

from fedi_cluster.auth import users
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.relationships import actions as relationship_actions
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.storage.tables.actors import actor
from fedi_cluster.storage.unit import Reader, Unit
from fedi_cluster.timelines import queries as timeline_queries
from fedi_cluster.wiring import House, close_house, open_house
from tests.benchmarks import floors
from tests.benchmarks.crowd import FIRST_ID
from tests.benchmarks.load import Shot, fire
from tests.benchmarks.measure import CannotRun, Figure, Round, cpu_ms, figure, rss_mib
from tests.benchmarks.place import Place, Server
from tests.benchmarks.posts import filled
from tests.benchmarks.scene import Scene
from tests.benchmarks.sizes import Sizes

ASKED = ("webfinger", "actor_document", "region_page")
_CONNECTIONS = 16
_PAGE = 20


def cluster_timeline(scene: Scene, sizes: Sizes, source: Place | None = None) -> list[Figure]:
    """The first page of the cluster timeline, whole posts and their regions, by its query: microseconds.

    Floor: a bare SELECT of twenty ids by their key through the driver alone.
    """
    place = source or filled(scene, sizes.posts, sizes.accounts)

    def ask(reader: Reader) -> int:
        return len(timeline_queries.cluster(reader, PageRequest(limit=_PAGE)).items)

    with scene.fresh(place) if source is None else nullcontext(source) as copy:
        return [_queried("cluster_timeline", copy, sizes, ask)]


def home_timeline(scene: Scene, sizes: Sizes) -> list[Figure]:
    """The first page of a reader's home timeline from its stored rows, whole posts: microseconds.

    She follows some of many accounts; her rows were made by the acts that make them. Floor: a bare SELECT of
    twenty ids by their key.
    """
    with scene.fresh(filled(scene, sizes.posts, sizes.accounts)) as place:
        asyncio.run(_settled_reader(place, sizes))

        def ask(reader: Reader) -> int:
            office = actor_queries.need_local(reader, "office")
            return len(timeline_queries.home(reader, office, PageRequest(limit=_PAGE)).items)

        return [_queried("home_timeline", place, sizes, ask)]


async def _settled_reader(place: Place, sizes: Sizes) -> None:
    """Somebody signs in to the office and follows accounts, each by the acts."""

    def follow_all(unit: Unit) -> None:
        office = actor_queries.need_local(unit, "office")
        users.add(unit, office.id, "office@home.example", "member", "no password")
        which = [FIRST_ID + index * sizes.accounts // sizes.follows for index in range(sizes.follows)]
        uris = unit.connection.execute(sa.select(actor.c.uri).where(actor.c.id.in_(which))).scalars().all()
        for number, target in enumerate(actor_queries.by_uris(unit, uris)):
            uri = f"{place.base}/activities/{FIRST_ID + number}"
            relationship_actions.follow(unit, office, target, uri)
            asked = relationship_queries.follow_between(unit, office.id, target.id)
            if asked is None:
                raise CannotRun("a follow left no trace")
            relationship_actions.accept(unit, asked, target)

    house = open_house(place.settings())
    try:
        await house.db.write(follow_all)
    finally:
        await close_house(house)


def _queried(name: str, place: Place, sizes: Sizes, ask: Callable[[Reader], int]) -> Figure:
    house = open_house(place.settings())
    try:
        if (found := house.db.read_now(ask)) < min(_PAGE, sizes.posts):
            raise CannotRun(f"{name}: the page has {found} posts only")
        return figure(name, "us", [_asked(house, place, sizes, ask) for _ in range(sizes.rounds)])
    finally:
        asyncio.run(close_house(house))


def _asked(house: House, place: Place, sizes: Sizes, ask: Callable[[Reader], int]) -> Round:
    floor = floors.twenty_ids(place.database_url, sizes.queries)
    for _ in range(10):
        house.db.read_now(ask)
    before, began = cpu_ms(os.getpid()), time.perf_counter()
    for _ in range(sizes.queries):
        house.db.read_now(ask)
    took = (time.perf_counter() - began) / sizes.queries * 1e6
    return Round(took, floor, rss_mib(os.getpid()), (cpu_ms(os.getpid()) - before) / sizes.queries)


def requests_of(place: Place, scene: Scene) -> Mapping[str, bytes]:
    """What others ask for most, by the name of its figure: WebFinger, an actor as ActivityStreams, and the page of
    the sister's region with its posts."""
    resource = quote(f"acct:office@{place.authority}", safe=":@")
    return {
        "webfinger": place.request(f"/.well-known/webfinger?resource={resource}", "application/jrd+json"),
        "actor_document": place.request("/actors/office", ACTIVITY_JSON),
        "region_page": place.request(f"/r/{scene.sister.name}"),
    }


def requested(names: Sequence[str], scene: Scene, sizes: Sizes, source: Place | None = None) -> list[Figure]:
    """Requests a second over sixteen kept connections, one process on one processor, load on the other.

    Floor: a bare server that answers as many ready bytes. All of `names` ask the same server, which has many
    posts.
    """
    place = source or filled(scene, sizes.posts, sizes.accounts)
    found: dict[str, list[Round]] = {name: [] for name in names}
    with (
        scene.fresh(place) if source is None else nullcontext(source) as copy,
        scene.peers([]),
        floors.BareServer("bytes", scene.bare_port) as bare,
        Server(copy) as server,
    ):
        asked = requests_of(copy, scene)
        warm = {name: _fired(scene, copy.port, asked[name], 200) for name in names}
        server.settle()
        for _ in range(sizes.rounds):
            for name in names:
                count = sizes.pages if name == "region_page" else sizes.requests
                ready = bare.request(warm[name].body_bytes)
                floor = _fired(scene, scene.bare_port, ready, count).rate
                before = server.cpu_ms()
                shot = _fired(scene, copy.port, asked[name], count)
                cpu = (server.cpu_ms() - before) / shot.answers
                found[name].append(Round(shot.rate, floor, server.rss_mib(peak=True), cpu))
    return [figure(name, "requests/s", rounds) for name, rounds in found.items()]


def _fired(scene: Scene, port: int, request: bytes, count: int) -> Shot:
    return scene.loader.submit(fire, port, _CONNECTIONS, [request], count).result().demand(200)
