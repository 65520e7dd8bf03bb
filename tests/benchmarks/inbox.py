"""What arrives: signed Creates accepted, and a sister's Announces worked to the end."""

import time
from contextlib import nullcontext
from pathlib import Path

import sqlalchemy as sa

from fedi_cluster.federation.signatures.keys import public_pem
from fedi_cluster.kernel.json import dumps
from fedi_cluster.storage.engine import READ_ONLY, open_engine
from fedi_cluster.storage.tables.cluster import cluster_post
from tests.benchmarks import floors
from tests.benchmarks.load import fire, write_requests
from tests.benchmarks.measure import CannotRun, Figure, Round, figure
from tests.benchmarks.place import BOTH, Place, Server
from tests.benchmarks.scene import Scene
from tests.benchmarks.signed import announces, creates, strangers
from tests.benchmarks.sizes import Sizes

_CONNECTIONS = 16


def inbox_accept(scene: Scene, sizes: Sizes) -> list[Figure]:
    """Distinct signed Creates (RSA, draft-cavage, known keys) from sixteen kept connections until each is answered 202.

    One process on one processor, load on the other; each round a fresh server, so that no earlier backlog is
    worked meanwhile. Floor: a bare handler under the same uvicorn, which verifies with a held key, appends in
    a group commit and answers.
    """
    senders = strangers(scene.addresses(_CONNECTIONS))
    documents = {one.keys.actor_uri: dumps(one.document()) for one in senders}
    pem = scene.folder / "stranger.pem"
    pem.write_text(public_pem(senders[0].keys.rsa_pem), "ascii")
    rounds, first = [], 1
    with scene.peers([one.address for one in senders], documents):
        for _ in range(sizes.rounds):
            warm = creates(scene.shared_inbox, senders, first, 10 * _CONNECTIONS)
            first += len(warm)
            made = creates(scene.shared_inbox, senders, first, sizes.accepted)
            first += len(made)
            file = write_requests(scene.folder / "creates", made)
            floor = _bare_rate(scene, pem, warm, file)
            with scene.fresh() as place, Server(place) as server:
                scene.loader.submit(fire, place.port, _CONNECTIONS, warm).result()
                server.settle()
                before = server.cpu_ms()
                shot = scene.loader.submit(fire, place.port, _CONNECTIONS, file).result().demand(202)
                cpu = (server.cpu_ms() - before) / shot.answers
                rounds.append(Round(shot.rate, floor, server.rss_mib(peak=True), cpu))
    return [figure("inbox_accept", "requests/s", rounds)]


def _bare_rate(scene: Scene, pem: Path, warm: list[bytes], requests: Path) -> float:
    for ending in (".sqlite", ".sqlite-wal", ".sqlite-shm"):
        pem.with_suffix(ending).unlink(missing_ok=True)
    with floors.BareServer("inbox", scene.bare_port, pem):
        scene.loader.submit(fire, scene.bare_port, _CONNECTIONS, warm).result().demand(202)
        return scene.loader.submit(fire, scene.bare_port, _CONNECTIONS, requests).result().demand(202).rate


def inbox_process(scene: Scene, sizes: Sizes, source: Place | None = None) -> list[Figure]:
    """Announces of a sister's region, each with another Create inside, until all stand in the cluster timeline.

    Posts a second from the first POST to the last post that stands there, on both processors; the server's
    processor time is that of accepting and working together. Floor: bare RSA verifications a second of one
    core. With `source` in its database itself.
    """
    rounds, first = [], 1
    with scene.peers([]):
        for _ in range(sizes.rounds):
            warm = announces(scene.shared_inbox, scene.sample, scene.keys, first, 20)
            made = announces(scene.shared_inbox, scene.sample, scene.keys, first + 20, sizes.processed)
            first += 20 + sizes.processed
            file = write_requests(scene.folder / "announces", made)
            floor = scene.bare.submit(floors.rsa_verifications, sizes.seconds).result()
            with nullcontext(source) if source else scene.fresh() as place, Server(place, BOTH) as server:
                rounds.append(_processed(scene, place, server, warm, file, len(made), floor))
    return [figure("inbox_process", "posts/s", rounds)]


def _processed(
    scene: Scene,
    place: Place,
    server: Server,
    warm: list[bytes],
    file: Path,
    number: int,
    floor: float,
) -> Round:
    counting = Standing(place)
    try:
        there = counting.now()
        scene.loader.submit(fire, place.port, _CONNECTIONS, warm).result().demand(202)
        counting.wait(there + len(warm), 30)
        server.settle()
        there, before = counting.now(), server.cpu_ms()
        began = time.perf_counter()
        shot = scene.loader.submit(fire, place.port, _CONNECTIONS, file)
        seconds = counting.wait(there + number, 60 + number / 20) - began
        shot.result().demand(202)
    finally:
        counting.close()
    cpu = (server.cpu_ms() - before) / number
    return Round(number / seconds, floor, server.rss_mib(peak=True), cpu)


class Standing:
    """Counts the posts of the cluster timeline in the server's own database, beside the server."""

    def __init__(self, place: Place) -> None:
        self._engine = open_engine(place.database_url, connections=1)
        self._held = self._engine.connect().execution_options(**{READ_ONLY: True})

    def now(self) -> int:
        """How many stand there."""
        with self._held.begin():
            return int(self._held.execute(sa.select(sa.func.count()).select_from(cluster_post)).scalar_one())

    def wait(self, number: int, patience: float) -> float:
        """Returns when so many stand there, with the moment (`perf_counter`); `CannotRun` where it takes too long."""
        ends = time.perf_counter() + patience
        while (there := self.now()) < number:
            if time.perf_counter() > ends:
                raise CannotRun(
                    f"only {there} of {number} posts stood in the timeline after {patience:.0f} s"
                )
            time.sleep(0.02)
        return time.perf_counter()

    def close(self) -> None:
        """Lets go of the database."""
        self._held.close()
        self._engine.dispose()
