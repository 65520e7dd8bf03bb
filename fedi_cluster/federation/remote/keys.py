"""Public keys of strangers: from what we know, else read at their origin; held in memory only."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Key
from fedi_cluster.federation.remote.actors import RemoteActors
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.vocab.actors import keys as keys_in
from fedi_cluster.federation.vocab.documents import KeyDocument, KeyKind
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import ClusterError, Gone, Unauthenticated
from fedi_cluster.settings import Limits
from fedi_cluster.storage.database import Database

FRESH_FOR = timedelta(hours=24)
_MOST_HELD = 20_000


@dataclass(frozen=True, slots=True)
class _Held:
    key: PublicKey | None
    since: datetime
    reason: str = ""


class KeyRing:
    """Finds the key that a signature names.

    Each key is fetched by one at a time; a failure is remembered (`limits.key_negative`), and a key that did
    not fit is read again at most once in `limits.key_refetch` seconds (a sender may have changed it).
    """

    def __init__(
        self, db: Database, clock: Clock, fetcher: Fetcher, actors: RemoteActors, limits: Limits
    ) -> None:
        self._db = db
        self._clock = clock
        self._fetcher = fetcher
        self._actors = actors
        self._negative = timedelta(seconds=limits.key_negative)
        self._refetch = timedelta(seconds=limits.key_refetch)
        self._held: dict[str, _Held] = {}
        self._refetched: dict[str, datetime] = {}
        self._running: dict[str, asyncio.Task[PublicKey]] = {}

    async def find(self, key_id: str, *, of_the_gone: bool = False) -> PublicKey:
        """The key with this id; raises `Unauthenticated` with the reason, `Gone` for a deleted owner.

        `of_the_gone` takes the key that we knew where its origin has just deleted it: an account that goes
        says so with that key (federation.md 2.4, 9).
        """
        now = self._clock.now()
        held = self._fresh(key_id, now)
        if held is not None:
            return held
        owner = await self._db.read(actor_queries.by_uri, key_id.partition("#")[0])
        held = self._fresh(key_id, now)  # somebody else may have read it meanwhile
        if held is not None:
            return held
        if owner and owner.deleted_at:
            raise Gone("The owner of the key is deleted.", detail=key_id)
        if owner and (owner.local or (owner.fetched_at and owner.fetched_at + FRESH_FOR > now)):
            found = _pick(owner.keys, key_id)
            if found:
                self._hold(key_id, _Held(found, now))
                return found
        try:
            return await self._read(key_id, fresh=False)
        except Gone:
            last = _pick(owner.keys, key_id) if owner and of_the_gone else None
            if last is None:
                raise
            return last

    def _fresh(self, key_id: str, now: datetime) -> PublicKey | None:
        """The key in memory; raises `Unauthenticated` where it is a failure that still counts."""
        held = self._held.get(key_id)
        if held and held.key and held.since + FRESH_FOR > now:
            return held.key
        if held and held.key is None and held.since + self._negative > now:
            raise Unauthenticated("The key of the signature cannot be read.", detail=held.reason)
        return None

    async def find_again(self, key_id: str) -> PublicKey | None:
        """The key as its origin has it now, None where that was asked too short a time ago."""
        now = self._clock.now()
        last = self._refetched.get(key_id)
        if last and last + self._refetch > now:
            return None
        self._note_read(key_id, now)
        return await self._read(key_id, fresh=True)

    async def _read(self, key_id: str, *, fresh: bool) -> PublicKey:
        running = self._running.get(key_id)
        if running is None:
            running = asyncio.create_task(self._fetch(key_id, fresh=fresh))
            self._running[key_id] = running
            running.add_done_callback(lambda _task: self._running.pop(key_id, None))
        return await asyncio.shield(running)

    async def _fetch(self, key_id: str, *, fresh: bool) -> PublicKey:
        now = self._clock.now()
        try:
            found = await self._fetch_from_origin(key_id, fresh=fresh)
        except Gone:
            raise
        except ClusterError as error:
            self._hold_failure(key_id, _Held(None, now, error.detail), fresh=fresh)
            raise Unauthenticated("The key of the signature cannot be read.", detail=error.detail) from error
        if found is None:
            self._hold_failure(key_id, _Held(None, now, f"no usable key {key_id}"), fresh=fresh)
            raise Unauthenticated("The key of the signature is not its owner's.", detail=key_id)
        self._hold(key_id, _Held(found, now))
        self._note_read(key_id, now)
        return found

    async def _fetch_from_origin(self, key_id: str, *, fresh: bool) -> PublicKey | None:
        """The three forms of federation.md 2.4, 9: in the actor, as a document of its own, as a Multikey."""
        address = key_id.partition("#")[0]
        document = await self._fetcher.part(address)
        named = _pick(keys_in(document), key_id)
        if named is None or not same_origin(named.owner, key_id):
            return None
        # Whoever names an owner must be named by it: the actor's own document has the last word.
        if document.get("id") == named.owner == address:
            actor = self._actors.hold(address, document)
        else:
            actor = await self._actors.document(named.owner, fresh=fresh)
        return _pick(actor.keys, key_id)

    def _note_read(self, key_id: str, now: datetime) -> None:
        if len(self._refetched) >= _MOST_HELD:
            self._refetched.clear()
        self._refetched[key_id] = now

    def _hold_failure(self, key_id: str, failure: _Held, *, fresh: bool) -> None:
        """A second look that fails takes nothing away: else a forged request could shut its victim out."""
        if not fresh:
            self._hold(key_id, failure)

    def _hold(self, key_id: str, held: _Held) -> None:
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        self._held[key_id] = held


def _pick(keys: Iterable[KeyDocument | Key], key_id: str) -> PublicKey | None:
    for key in keys:
        if key.id == key_id:
            kind: KeyKind = "rsa" if key.kind == "rsa" else "ed25519"
            return PublicKey(key.id, key.owner, kind, key.material)
    return None
