"""What is sent: deliveries to many instances, alone and under readers' eyes, and what it takes to enqueue them."""

import asyncio
import time

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.posts.actions import WritePost, write
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.unit import Unit
from fedi_cluster.wiring import close_house, open_house
from tests.benchmarks import floors
from tests.benchmarks.crowd import add_followers
from tests.benchmarks.load import ask_steadily
from tests.benchmarks.measure import Figure, Round, figure, percentile
from tests.benchmarks.peers import Peers
from tests.benchmarks.place import BOTH, Place, Server
from tests.benchmarks.scene import Scene
from tests.benchmarks.sizes import Sizes

_TEXT = "The swimming hall is open again from Monday, and the first week is free for all pupils. #swimming"
_PATIENCE = 120.0


def publish(place: Place, number: int) -> float:
    """So many posts of the office in one transaction, by a process beside the server, as commands do it; gives
    the moment (`time.monotonic`) of their commit."""

    def write_all(unit: Unit, at: Addresses) -> None:
        office = actor_queries.need_local(unit, "office")
        for _ in range(number):
            write(unit, at, office, WritePost(_TEXT, "en"))

    async def run() -> float:
        house = open_house(place.settings())
        try:
            await house.db.write(write_all, house.at)
            return time.monotonic()
        finally:
            await close_house(house)

    return asyncio.run(run())


def deliver(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Signed POSTs over kept connections, each post to as many hosts: from the posts' commit to the last arrival.

    The server on one processor, the receivers on the other; connections are open before the time begins.
    Floor: bare RSA signatures a second of one core. Then the burst, on both processors: its seconds, and what
    readers of a page notice meanwhile.
    """
    addresses = scene.addresses(sizes.hosts)
    rounds = []
    with scene.peers(addresses) as peers, scene.fresh() as source:
        add_followers(source, addresses)
        for _ in range(sizes.rounds):
            floor = scene.bare.submit(floors.rsa_signatures, sizes.seconds).result()
            with scene.fresh(source) as place, Server(place) as server:
                _warm(place, server, peers, sizes.hosts)
                before = server.cpu_ms()
                number = sizes.hosts * sizes.delivered_posts
                seconds = _sent(place, peers, sizes.delivered_posts, number)
                cpu = (server.cpu_ms() - before) / number
                rounds.append(Round(number / seconds, floor, server.rss_mib(peak=True), cpu))
        with scene.fresh(source) as place:
            burst = _burst(scene, place, peers, sizes)
    return [figure("deliver", "POSTs/s", rounds), *burst]


def _warm(place: Place, server: Server, peers: Peers, hosts: int) -> None:
    """Two posts open the connections; what was sent before is forgotten."""
    peers.take()
    publish(place, 2)
    peers.wait(2 * hosts, _PATIENCE)
    server.settle()
    peers.take()


def _sent(place: Place, peers: Peers, posts: int, number: int) -> float:
    """Seconds from the commit of the posts to the arrival of the last of `number` deliveries."""
    began = publish(place, posts)
    return max(come.at for come in peers.wait(number, _PATIENCE)) - began


def _burst(scene: Scene, place: Place, peers: Peers, sizes: Sizes) -> list[Figure]:
    """Many deliveries at once while a page is asked for twenty times a second; floor of the page: the same
    without the burst."""
    page = place.request(f"/r/{place.name}")
    number = sizes.hosts * sizes.burst_posts
    with Server(place, BOTH) as server:
        _warm(place, server, peers, sizes.hosts)
        quiet = scene.loader.submit(
            ask_steadily, place.port, page, 20.0, max(2 * sizes.seconds, 0.1)
        ).result()
        before, began = server.cpu_ms(), publish(place, sizes.burst_posts)
        times: list[float] = []
        while peers.count() < number and time.monotonic() < began + _PATIENCE:
            times += scene.loader.submit(
                ask_steadily, place.port, page, 20.0, max(sizes.seconds, 0.05)
            ).result()
        seconds = max(come.at for come in peers.wait(number, 1.0)) - began
        cpu = (server.cpu_ms() - before) / number
        peak = server.rss_mib(peak=True)
    calm = percentile(quiet, 0.95)
    return [
        figure("deliver_burst", "s", [Round(seconds, None, peak, cpu)]),
        figure("deliver_burst_page_p95", "ms", [Round(percentile(times, 0.95), calm, peak)]),
    ]
