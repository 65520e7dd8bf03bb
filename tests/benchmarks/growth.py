"""How cost grows: with posts, with instances that follow, with peers that answer late or never.

`growth` is all of it; `growth_posts`, `growth_instances` and `growth_slow` are its parts.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tests.benchmarks.crowd import add_followers
from tests.benchmarks.inbox import inbox_process
from tests.benchmarks.measure import Figure, Round, figure, percentile, tell
from tests.benchmarks.outgoing import publish as publish_posts
from tests.benchmarks.peers import Peers
from tests.benchmarks.place import BOTH, Place, Server, size_mib
from tests.benchmarks.posts import filled
from tests.benchmarks.publishing import enqueue_10k_instances, publish
from tests.benchmarks.reading import cluster_timeline, requested
from tests.benchmarks.scene import Scene
from tests.benchmarks.sizes import Sizes

_LATE = 29.0
_NEVER = -1.0
_SLOW_POSTS = 6
_PATIENCE = 120.0


def growth_posts(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Reading, receiving and publishing with ten times, a hundred times as many posts."""
    fewer = replace(sizes, rounds=1, processed=max(20, sizes.processed // 3))
    parts: list[Callable[[Scene, Sizes, Place], list[Figure]]] = [
        cluster_timeline, partial(requested, ["region_page"]), inbox_process, publish,
    ]  # fmt: skip
    found = []
    for number in sizes.growth_posts:
        tell(f"{number:,} posts ...")
        place = filled(scene, number, sizes.accounts)
        size = Round(size_mib(place))
        found.append(figure(f"database_{number}_posts", "MiB", [size]))
        for part in parts:
            found += [_named(one, f"{number}_posts") for one in part(scene, fewer, place)]
        scene.forget(number)  # gigabytes, and written into
    return found


def growth_instances(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Enqueueing one post for followers on more and more instances."""
    return [
        replace(one, name=f"enqueue_{number}_instances")
        for number in sizes.growth_hosts
        for one in enqueue_10k_instances(scene, sizes, number)
    ]


def growth_slow(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Delivery to many peers of which some answer after 29 seconds and some never: p99 of the time from the
    post's commit to its arrival at the others, each time beside the same with none slow (the floor)."""
    addresses = scene.addresses(sizes.growth_peers)
    found = []
    with scene.peers(addresses) as peers, scene.fresh() as source:
        add_followers(source, addresses)
        hosts = [host for host, _ in addresses]
        for slow in (number for number in sizes.growth_slow if number):
            tell(f"{slow:,} slow among {len(hosts):,} ...")
            chosen = random.Random(slow).sample(hosts, min(slow, len(hosts)))
            rounds = []
            for _ in range(sizes.rounds if slow == 1 else 1):
                floor = _latency(scene, source, peers, hosts, [])
                rounds.append(Round(_latency(scene, source, peers, hosts, chosen), floor))
            found.append(figure(f"deliver_p99_{slow}_slow_of_{len(hosts)}", "ms", rounds))
    return found


def _latency(scene: Scene, source: Place, peers: Peers, hosts: list[str], chosen: list[str]) -> float:
    """p99 in ms over all peers that are not slow (where all are: over all), for a few posts one after the other."""
    slow = {host: _LATE if index % 2 == 0 else _NEVER for index, host in enumerate(chosen)}
    counted = set(hosts) - slow.keys() or set(hosts)
    times: list[float] = []
    with scene.fresh(source) as place, Server(place, BOTH) as server:
        peers.behave()
        peers.take()
        publish_posts(place, 1)
        peers.wait(len(hosts), _PATIENCE)
        server.settle()
        peers.behave(slow)
        # Where all are slow, a second post waits for the first: that is order, not delay by others.
        for _ in range(_SLOW_POSTS if counted.isdisjoint(slow) else 1):
            began = publish_posts(place, 1)
            come = peers.wait(len(counted), _PATIENCE, only=counted)
            times += [(one.at - began) * 1000 for one in come if one.host in counted]
    return percentile(times, 0.99)


def growth(scene: Scene, sizes: Sizes) -> list[Figure]:
    """All three."""
    return [
        *growth_instances(scene, sizes),
        *growth_slow(scene, sizes),
        *growth_posts(scene, sizes),
    ]


def _named(one: Figure, what: str) -> Figure:
    return replace(one, name=f"{one.name}_{what}")
