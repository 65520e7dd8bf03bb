"""What the benchmarks share: an instance in a cluster of two, the sister's keys, and an Announce that it sent.

It is made once for a run. The sister does not run while something is measured: peers stand at its address and
give the documents of its actors, and nothing else.
"""

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.federation.vocab.media_types import ACTIVITY_JSON
from tests.benchmarks.load import fire
from tests.benchmarks.measure import LOAD_CPU, SERVER_CPU, CannotRun, pinned_pool, tell
from tests.benchmarks.peers import Peers
from tests.benchmarks.peers import Place as Address
from tests.benchmarks.place import LOOPBACK, Place, Server, copy_database, drop_database, found, ports
from tests.benchmarks.postgres import Postgres

_TEXT = (
    "The harbour museum and the boat builders of two towns restore a wooden cutter together this winter. "
    "Pupils of both towns build the deck; the sails come from the old sail loft, which opens again for it. "
    "Whoever has tools, time or photographs of the cutter is asked to write to the museum. "
    "The cutter will sail along the coast in June, and everybody may come on board in each harbour."
)
_NEWS = ("--kind", "news", "--title", "A cutter is restored", "--tag", "boats", "--tag", "museum")


@dataclass(slots=True)
class Scene:
    """`home` is measured; `sample` is an Announce (a Create inside) that its sister sent it, byte for byte.

    `loader` is a process where load comes from, `bare` one where floors are measured: on the server's processor.
    """

    folder: Path
    postgres: Postgres | None
    home: Place
    sister: Place
    keys: dict[str, PrivateKeys]
    sample: bytes
    documents: dict[str, bytes]
    peers_port: int
    bare_port: int
    filled: dict[int, Place] = field(default_factory=dict)
    shape: object = None
    made: int = 0
    loader: ProcessPoolExecutor = field(default_factory=lambda: pinned_pool(LOAD_CPU))
    bare: ProcessPoolExecutor = field(default_factory=lambda: pinned_pool(SERVER_CPU))

    @property
    def shared_inbox(self) -> str:
        """Where other servers deliver."""
        return f"{self.home.base}/inbox"

    @contextmanager
    def fresh(self, source: Place | None = None) -> Iterator[Place]:
        """The instance on a copy of its database (of that of `source`), thrown away afterwards."""
        self.made += 1
        copied = copy_database(source or self.home, f"copy{self.made}", self.postgres)
        try:
            yield copied
        finally:
            drop_database(copied, self.postgres)

    def lasting(self, name: str) -> Place:
        """A copy of the database that stays for the run."""
        return copy_database(self.home, name, self.postgres)

    def forget(self, number: int) -> None:
        """Throws the database with so many posts away."""
        drop_database(self.filled.pop(number), self.postgres)

    def addresses(self, count: int, first: int = 0) -> list[Address]:
        """Addresses of loopback on the peers' port: each is an instance of its own to us."""
        return [
            (f"127.0.{1 + number // 250}.{1 + number % 250}", self.peers_port)
            for number in range(first, first + count)
        ]

    def peers(self, addresses: list[Address], documents: dict[str, bytes] | None = None) -> Peers:
        """The other servers, the sister among them."""
        here = [(LOOPBACK, self.sister.port), *addresses]
        return Peers(here, self.documents | (documents or {}))


def _joined(home: Place, sister: Place) -> None:
    link = home.command("cluster", "invite").split()[0]
    sister.command("cluster", "join", link)
    ends = time.monotonic() + 30
    while True:
        with suppress(CannotRun):
            home.command("cluster", "confirm", sister.authority)
            break
        if time.monotonic() > ends:
            raise CannotRun("the sister could not be confirmed")
        time.sleep(0.1)


def _await_members(*places: Place) -> None:
    """Returns when the public list of each names all others, or raises `CannotRun`."""
    ends = time.monotonic() + 30
    for place in places:
        while not _knows(place, len(places)):
            if time.monotonic() > ends:
                raise CannotRun("the two instances did not become a cluster")
            time.sleep(0.1)


def _knows(place: Place, members: int) -> bool:
    with suppress(CannotRun):
        return read(place, "/cluster/members", ACTIVITY_JSON).count(b'"member"') >= members
    return False


def read(place: Place, path: str, accept: str) -> bytes:
    """What a running place gives at a path; `CannotRun` unless it answers 200."""
    import http.client

    connection = http.client.HTTPConnection(LOOPBACK, place.port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": place.authority, "Accept": accept})
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise CannotRun(f"{path} was answered with {answer.status}")
    return body


def _captured(home: Place, sister: Place) -> bytes:
    """What the sister sends when its office publishes: somebody else listens at our address meanwhile."""
    with Peers([(LOOPBACK, home.port)]) as ears:
        ears.behave(keep_bodies=True)
        sister.command("post", _TEXT, "--as", "office", *_NEWS)
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for come in ears.take():
                if b'"Announce"' in come.body and b'"Create"' in come.body:
                    return come.body
            time.sleep(0.1)
    raise CannotRun("the sister announced nothing to us")


@contextmanager
def open_scene(*, on_postgres: bool) -> Iterator[Scene]:
    """Founds both, lets them become a cluster, and hears what the sister says; all is removed afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fc-bench-")))
        postgres = stack.enter_context(Postgres()) if on_postgres else None
        home_port, sister_port, peers_port, bare_port = ports(4)
        tell("founding two instances that are a cluster ...")
        home = found(folder, "home", home_port, postgres)
        sister = found(folder, "sister", sister_port, postgres)
        with Server(sister) as theirs:
            with Server(home) as ours:
                _joined(home, sister)
                _await_members(home, sister)
                ours.settle()
                theirs.settle()
            sample = _captured(home, sister)
            paths = ("/actor", "/actors/region", "/actors/office")
            documents = {sister.base + path: read(sister, path, ACTIVITY_JSON) for path in paths}
        keys = sister.private_keys()
        scene = Scene(folder, postgres, home, sister, keys, sample, documents, peers_port, bare_port)
        with scene.loader, scene.bare:
            yield scene


def post_all(port: int, requests: list[bytes]) -> None:
    """Sends a few requests, one after the other, from here; `CannotRun` unless each is answered 202."""
    fire(port, 1, requests).demand(202)
