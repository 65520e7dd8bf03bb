"""Remote actors: read, checked against their origin and their handle's domain, and kept."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import RemoteActor
from fedi_cluster.community.actors.shapes import Actor, Field, Key, Picture, Place
from fedi_cluster.federation.remote.copies import keep_actor
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import ActorDocument, Unreadable
from fedi_cluster.federation.vocab.values import plain
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import ClusterError, NotFound, Unreachable
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.kernel.text import clean_html, plain_text
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit

FRESH_FOR = timedelta(hours=24)
_HELD_FOR = timedelta(minutes=1)
_MOST_BYTES = 2 << 20
_TAKEN_APART = 4
"""How often the size of a document is held where it is taken apart: as it came, and as an actor."""


@dataclass(frozen=True, slots=True)
class ReadActor:
    """An actor as its server told of it, and the document as it came: the proof is over that."""

    at: datetime
    document: ActorDocument
    raw: Json


class RemoteActors:
    """Makes actors known; one fetch at a time for each id, however many ask."""

    def __init__(self, at: Addresses, db: Database, clock: Clock, fetcher: Fetcher) -> None:
        self._at = at
        self._db = db
        self._clock = clock
        self._fetcher = fetcher
        self._held: ByteLru[str, ReadActor] = ByteLru(_MOST_BYTES)
        self._running: dict[str, asyncio.Task[ReadActor]] = {}

    async def ensure(self, uri: str, *, fresh: bool = False) -> Actor:
        """The actor with this id, read anew where what we have is older than a day or `fresh` is asked.

        Raises `NotFound`, `Gone` or `Unreachable` where it cannot be read and is not known, or where another
        actor stands there: who redirects to somebody must not act as her (threats ORI-004). A known actor
        whose server does not answer is taken as it is. Who was deleted is asked for anew each time: what she
        did before may arrive late, and counts no more.
        """
        known = await self._db.read(actor_queries.by_uri, uri)
        if known and known.local:
            return known
        if self._at.is_ours(uri):
            raise NotFound("There is no such account here.", detail=uri)
        now = self._clock.now()
        fallback = None if fresh or (known and known.deleted_at) else known
        if fallback and fallback.fetched_at and fallback.fetched_at + FRESH_FOR > now:
            return fallback
        try:
            read = await self.read(uri)
        except Unreachable:
            if fallback:
                return fallback
            raise
        if read.document.id != uri:
            raise Unreachable("Another account stands at this address.", permanent=True, detail=uri)
        seen = to_remote_actor(read.document, await self._handle_host(read.document))
        return await self._db.write(self._store, seen, read.raw)

    def _store(self, unit: Unit, seen: RemoteActor, raw: Json, *, listed: bool = False) -> Actor:
        stored = actor_actions.store_remote(unit, seen)
        keep_actor(unit, self._at, stored, raw, listed=listed)
        return stored

    async def read_listed(self, uri: str) -> Actor:
        """An account that a sister's digest lists, read anew though we may have read it a moment ago.

        Raises as `ensure`.
        """
        raw = await self._fetcher.document(uri)
        document = self.hold(uri, raw)
        if document.id != uri:
            raise Unreachable("Another account stands at this address.", permanent=True, detail=uri)
        seen = to_remote_actor(document, await self._handle_host(document))
        return await self._db.write(self._store, seen, raw, listed=True)

    async def at_address(self, address: str) -> Actor:
        """The actor at an address that a person gave: its id, or its page on the same server.

        Raises as `ensure`.
        """
        known = await self._db.read(actor_queries.by_uri, address)
        if known or self._at.is_ours(address):
            return await self.ensure(address)
        return await self.ensure((await self.document(address)).id)

    async def document(self, uri: str, *, fresh: bool = False) -> ActorDocument:
        """What the actor's own server says of it, at most a minute old; nothing is stored."""
        return (await self.read(uri, fresh=fresh)).document

    async def read(self, uri: str, *, fresh: bool = False) -> ReadActor:
        """The same, with the document as it came."""
        held = self._held.get(uri)
        if held and not fresh and held.at + _HELD_FOR > self._clock.now():
            return held
        running = self._running.get(uri)
        if running is None:
            running = asyncio.create_task(self._fetch(uri))
            self._running[uri] = running
            running.add_done_callback(lambda _task: self._running.pop(uri, None))
        return await asyncio.shield(running)

    async def _fetch(self, uri: str) -> ReadActor:
        return self._hold(uri, await self._fetcher.document(uri))

    def hold(self, uri: str, document: Json) -> ActorDocument:
        """Keeps for a minute what was just read at `uri`; raises `Unreachable` where it is no actor."""
        return self._hold(uri, document).document

    def _hold(self, uri: str, raw: Json) -> ReadActor:
        found = parse.actor(raw)
        if isinstance(found, Unreadable):
            raise Unreachable("The account cannot be read.", permanent=True, detail=f"{uri}: {found.reason}")
        read = ReadActor(self._clock.now(), found, raw)
        self._held.put(uri, read, len(dumps(raw)) * _TAKEN_APART)
        return read

    async def by_handle(self, handle: str) -> Actor:
        """The actor behind `name@host`; raises `NotFound`, `Unreachable`."""
        name, _, host = handle.strip().removeprefix("@").partition("@")
        host = (host or self._at.handle_domain).lower()
        known = await self._db.read(actor_queries.by_handle, name, host)
        if known or host == self._at.handle_domain.lower():
            if known is None:
                raise NotFound(f"There is no account “{name}” here.")
            return known
        uri = await self._fetcher.webfinger(f"acct:{name}@{host}", host)
        return await self.ensure(uri)

    async def renew(self, known: Actor, document: ActorDocument) -> Actor:
        """Keeps what a known actor's own server just said of it; another handle only where that is true."""
        claimed = (document.webfinger or "").rpartition("@")[2].lower() or host_of(document.id)
        same = claimed == known.handle_host
        seen = to_remote_actor(document, known.handle_host if same else await self._handle_host(document))
        return await self._db.write(actor_actions.store_remote, seen)

    async def _handle_host(self, document: ActorDocument) -> str:
        """The domain behind the @: another than the id's host only where that domain agrees (FEP-2c59)."""
        own = host_of(document.id)
        claimed = (document.webfinger or "").rpartition("@")[2].lower()
        if not claimed or claimed == own:
            return own
        try:
            confirmed = await self._fetcher.webfinger(f"acct:{document.username}@{claimed}", claimed)
        except ClusterError:
            return own
        return claimed if confirmed == document.id else own


def one_line(markup: str) -> str:
    """A name as plain text; what an entity hid (marks of direction, controls) is taken out again."""
    return plain(plain_text(markup)) or ""


def to_remote_actor(seen: ActorDocument, handle_host: str) -> RemoteActor:
    """A document as what we keep: texts cleaned, keys as they are, pictures by their address."""
    languages = tuple(seen.summary_map) or tuple(seen.name_map)
    return RemoteActor(
        uri=seen.id,
        host=host_of(seen.id),
        username=seen.username,
        handle_host=handle_host,
        type=seen.type,
        kind=seen.kind,
        name=one_line(seen.name or "") or seen.username,
        name_map={tag: one_line(name) for tag, name in seen.name_map.items()},
        summary=clean_html(seen.summary_html or ""),
        summary_map={tag: clean_html(text) for tag, text in seen.summary_map.items()},
        language=seen.language or (languages[0] if languages else None),
        url=seen.url or seen.id,
        inbox=seen.inbox,
        shared_inbox=seen.shared_inbox,
        outbox=seen.outbox,
        followers=seen.followers,
        following=seen.following,
        featured=seen.featured,
        fields=tuple(Field(one_line(name), clean_html(value)) for name, value in seen.fields),
        icon=Picture(seen.icon_url, "", "") if seen.icon_url else None,
        image=Picture(seen.image_url, "", "") if seen.image_url else None,
        tags=tuple(tag.name for tag in seen.hashtags),
        location=Place(seen.location.name or "", seen.location.latitude, seen.location.longitude)
        if seen.location
        else None,
        keys=tuple(Key(key.id, key.owner, key.kind, key.material) for key in seen.keys),
        implements=seen.implements,
        also_known_as=seen.also_known_as,
        moved_to=seen.moved_to,
        cluster=seen.cluster,
        manually_approves=seen.manually_approves,
        discoverable=seen.discoverable,
        indexable=seen.indexable,
        published_at=seen.published,
    )
