"""How much each benchmark does: as a host wants to know it, or as little as shows that it runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of things, and seconds where something is repeated for a time."""

    rounds: int = 3
    seconds: float = 1.0
    accepted: int = 4_000
    processed: int = 3_000
    hosts: int = 200
    delivered_posts: int = 30
    burst_posts: int = 50
    enqueue_hosts: int = 10_000
    posts: int = 100_000
    accounts: int = 2_000
    follows: int = 200
    queries: int = 500
    requests: int = 4_000
    pages: int = 2_000
    published: int = 300
    idle_seconds: float = 30.0
    growth_posts: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    growth_hosts: tuple[int, ...] = (10, 100, 1_000, 10_000)
    growth_slow: tuple[int, ...] = (0, 1, 10, 100, 1_000)
    growth_peers: int = 1_000


SMALL = Sizes(
    rounds=1,
    seconds=0.05,
    accepted=40,
    processed=20,
    hosts=5,
    delivered_posts=2,
    burst_posts=2,
    enqueue_hosts=20,
    posts=100,
    accounts=20,
    follows=5,
    queries=20,
    requests=50,
    pages=20,
    published=20,
    idle_seconds=0.2,
    growth_posts=(50, 100),
    growth_hosts=(5, 10),
    growth_slow=(0, 1),
    growth_peers=10,
)
"""For the test that keeps the benchmarks running: figures of it mean nothing."""
