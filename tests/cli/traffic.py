"""A stranger that a server knows, and its clients: signed deliveries and reads over kept-alive connections.

aiohttp repeats a GET by itself where a kept connection had ended, never a POST: of those each counts.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import aiohttp
import sqlalchemy as sa

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors.actions import RemoteActor
from fedi_cluster.community.actors.shapes import Key
from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair
from fedi_cluster.federation.signatures.sign import sign_cavage
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import dumps
from fedi_cluster.storage.tables.federation import inbox_log
from fedi_cluster.storage.tables.posts import post
from fedi_cluster.storage.unit import Reader
from tests.cli.conftest import Instance
from tests.cli.serving import PATIENCE

T = TypeVar("T")

CONNECTIONS = 8
_BREATH = 0.05  # the servers under test need the processor, too
_PATIENCE = aiohttp.ClientTimeout(total=20)
# Less than the five seconds of the servers: none closes a connection on which a slow test just begins to send.
_KEPT = 2.0


@dataclass
class Traffic:
    """What the clients did: `acknowledged` are the activities that were answered 202."""

    instance: Instance
    address: str
    keys: PrivateKeys
    answers: Counter[int] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    slowest: float = 0.0
    stopping: bool = False
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def actor(self) -> str:
        """The stranger's id."""
        return self.keys.actor_uri

    async def client(self, base: str, *, insist: bool) -> None:
        """Delivers and reads in turn until told to stop. With `insist` what was not answered 202 is delivered
        again until it is, as a peer does it."""
        connector = aiohttp.TCPConnector(keepalive_timeout=_KEPT)
        async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session:
            activity = self._next()
            while not self.stopping:
                if await self._deliver(session, base, activity):
                    self.acknowledged.append(activity)
                    activity = self._next()
                elif insist:
                    await asyncio.sleep(0.1)
                await self._ask(session, "GET", f"{base}/health")
                await asyncio.sleep(_BREATH)

    def _next(self) -> str:
        return f"{self.actor}/activities/{next(self._numbers)}"

    async def _deliver(self, session: aiohttp.ClientSession, base: str, activity: str) -> bool:
        body = dumps(self._create(activity))
        headers = sign_cavage("POST", f"{self.address}/inbox", body, self.keys, datetime.now(UTC))
        return await self._ask(session, "POST", f"{base}/inbox", body, headers) == 202

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> int:
        """The status of the answer; 0, and it is noted as lost, where there was no whole one."""
        begun = time.monotonic()
        try:
            async with session.request(method, url, data=body, headers=headers) as answer:
                await answer.read()
                self.answers[answer.status] += 1
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.lost.append(f"{method}: {error!r}")
            return 0
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)

    def _create(self, activity: str) -> dict[str, object]:
        note = activity.replace("/activities/", "/notes/")
        # It names somebody here, so that it is wanted.
        audience = {"to": [PUBLIC], "cc": [f"{self.address}/actors/region"]}
        said = {"attributedTo": self.actor, "published": to_wire(datetime.now(UTC)), **audience}
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": activity,
            "type": "Create",
            "actor": self.actor,
            **audience,
            "object": {"id": note, "type": "Note", "content": "<p>Dzień dobry</p>", **said},
        }

    def logged(self) -> tuple[list[str], int]:
        """The activities in the inbox log of the server, and how many of them still wait."""

        def read(reader: Reader) -> tuple[list[str], int]:
            rows = reader.connection.execute(sa.select(inbox_log.c.activity_uri, inbox_log.c.state)).all()
            return [row.activity_uri for row in rows], sum(row.state == "open" for row in rows)

        return looked(self.instance, read)

    def posts(self) -> list[str]:
        """The activities whose posts the server has, by the ids of the posts."""

        def read(reader: Reader) -> list[str]:
            uris = reader.connection.scalars(sa.select(post.c.uri).where(post.c.uri.like(f"{self.actor}/%")))
            return [uri.replace("/notes/", "/activities/") for uri in uris]

        return looked(self.instance, read)


@asynccontextmanager
async def flowing(traffic: Traffic, *bases: str, insist: bool = False) -> AsyncIterator[None]:
    """Clients on CONNECTIONS kept-alive connections, shared out over the servers `bases`."""
    places = itertools.cycle(bases)
    clients = [
        asyncio.create_task(traffic.client(base, insist=insist))
        for base in itertools.islice(places, CONNECTIONS)
    ]
    try:
        yield
        traffic.stopping = True
        await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)
    finally:
        traffic.stopping = True
        for one in clients:
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one


def looked(instance: Instance, read: Callable[[Reader], T]) -> T:
    """What `read` finds in the instance's database."""
    house = instance.house()
    try:
        return house.db.read_now(read)
    finally:
        house.db.close()


def known_stranger(instance: Instance) -> Traffic:
    """A stranger whose actor and key the instance has, so that no key needs to be fetched."""
    uri = "https://stranger.example/users/mia"
    keys = PrivateKeys(uri, *generate_pair())
    seen = RemoteActor(
        uri=uri, host="stranger.example", username="mia", handle_host="stranger.example", type="Person",
        kind=None, name="Mia", name_map={}, summary="", summary_map={}, language=None, url=uri,
        inbox=f"{uri}/inbox", shared_inbox=None, outbox=None, followers=None, following=None, featured=None,
        fields=(), icon=None, image=None, tags=(), location=None,
        keys=tuple(Key(one.id, one.owner, one.kind, one.material) for one in keys.public_keys()),
        implements=(), also_known_as=(), moved_to=None, cluster=None, manually_approves=False,
        discoverable=True, indexable=True, published_at=None,
    )  # fmt: skip
    house = instance.house()
    try:
        house.db.write_now(actor_actions.store_remote, seen)
        return Traffic(instance, house.at.base, keys)
    finally:
        house.db.close()
