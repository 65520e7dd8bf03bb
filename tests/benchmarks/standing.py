"""The server that just stands there: how soon it answers, and what it holds in memory, idle and after work."""

import time

from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from tests.benchmarks import floors
from tests.benchmarks.crowd import add_followers
from tests.benchmarks.load import fire
from tests.benchmarks.measure import Figure, Round, figure
from tests.benchmarks.outgoing import publish
from tests.benchmarks.place import BOTH, Server
from tests.benchmarks.scene import Scene
from tests.benchmarks.signed import announces
from tests.benchmarks.sizes import Sizes

_CONNECTIONS = 16


def cold_start(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Milliseconds from the start of the process to its first answer; floor: the same of a bare uvicorn with uvloop
    and httptools, which imports nothing of ours."""
    rounds = []
    with scene.fresh() as place, scene.peers([]):
        for _ in range(2 * sizes.rounds - 1):
            with floors.BareServer("bytes", scene.bare_port) as bare:
                floor = bare.answered_ms
            with Server(place, BOTH) as server:
                rounds.append(Round(server.answered_ms, floor, server.rss_mib(), server.cpu_ms()))
    return [figure("cold_start", "ms", rounds)]


def idle(scene: Scene, sizes: Sizes) -> list[Figure]:
    """MiB of memory half a minute after the start, with nothing to do; its processor time is that of one second.

    Then `loaded`: ten seconds after news arrived, posts were sent out and pages read. Floor: a bare
    interpreter that has uvicorn and SQLAlchemy imported.
    """
    addresses = scene.addresses(sizes.hosts)
    floor = floors.idle_interpreter()
    with scene.peers(addresses) as peers, scene.fresh() as place:
        add_followers(place, addresses)
        with Server(place, BOTH) as server:
            server.settle()
            time.sleep(sizes.idle_seconds * 0.67)
            before, began = server.cpu_ms(), time.monotonic()
            time.sleep(sizes.idle_seconds * 0.33)
            cpu = (server.cpu_ms() - before) / (time.monotonic() - began)
            at_rest = Round(server.rss_mib(), floor, server.rss_mib(peak=True), cpu)
            made = announces(scene.shared_inbox, scene.sample, scene.keys, 1, sizes.processed)
            scene.loader.submit(fire, place.port, _CONNECTIONS, made).result().demand(202)
            page = place.request(f"/r/{scene.sister.name}")
            document = place.request("/actors/office", ACTIVITY_JSON)
            scene.loader.submit(
                fire, place.port, _CONNECTIONS, [page, document], sizes.pages
            ).result().demand(200)
            publish(place, sizes.delivered_posts)
            peers.wait(sizes.hosts * sizes.delivered_posts, 120)
            server.settle(patience=180)
            time.sleep(sizes.idle_seconds * 0.33)
            after = Round(server.rss_mib(), floor, server.rss_mib(peak=True))
    return [figure("idle", "MiB", [at_rest]), figure("loaded", "MiB", [after])]
