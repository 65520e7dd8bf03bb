"""Public keys of strangers: from the rows of their actors, else read at their origin; it verifies nothing.

The row is the truth, for all processes of the database. A key of somebody who has no row yet is held in
memory only: nothing unverified is stored but when it was asked for.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor, Key
from fedi_cluster.federation.remote import key_attempts
from fedi_cluster.federation.remote.actors import RemoteActors
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.remote.key_attempts import Attempt
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.vocab.actors import keys as keys_in
from fedi_cluster.federation.vocab.documents import ActorDocument, KeyDocument, KeyKind
from fedi_cluster.federation.vocab.uris import MAX_IDENTIFIER, same_origin
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import ClusterError, Gone, TooMany, Unauthenticated, Unavailable
from fedi_cluster.kernel.hosts import registrable
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.settings import Limits
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.rate_limits import Rate, RateLimits
from fedi_cluster.storage.unit import Reader

FRESH_FOR = timedelta(hours=24)
TRUSTED_FOR = timedelta(seconds=30)
"""How long memory is believed before the row is looked at again: another process may have changed it."""

_MOST_BYTES = 4 << 20
_WINDOW = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Held:
    """A key as its origin had it at `since`, or why there is none (`gone`: its owner is deleted); `checked`
    against the database."""

    key: PublicKey | None
    since: datetime
    checked: datetime
    reason: str = ""
    gone: bool = False


class KeyRing:
    """Finds the key that a signature names.

    Each key is fetched by one at a time; a failure is remembered (`limits.key_negative`), and a key that did
    not fit is read again at most once in `limits.key_refetch` seconds (a sender may have changed it). From
    one domain at most `limits.key_fetches` keys a minute are read that are unknown or that failed before.
    All this holds over all processes.
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
        self._fetches = Rate(limits.key_fetches, int(_WINDOW.total_seconds()))
        self._rates = RateLimits(db, clock)
        self._held: ByteLru[str, _Held] = ByteLru(_MOST_BYTES)
        self._running: dict[str, asyncio.Task[PublicKey]] = {}

    async def find(self, key_id: str, *, of_the_gone: bool = False) -> PublicKey:
        """The key with this id; raises `Unauthenticated` with the reason, `Gone` for a deleted owner,
        `TooMany` where too many unknown keys of its domain were asked for.

        `of_the_gone` takes the key that we knew where its origin has just deleted it: an account that goes
        says so with that key (federation.md 2.4, 9).
        """
        now = self._clock.now()
        held = self._trusted(key_id, now, of_the_gone=of_the_gone)
        if held is not None:
            return held
        if len(key_id) > MAX_IDENTIFIER or not key_id.isascii():
            raise Unauthenticated("The key of the signature is no address.", detail=key_id[:200])
        owner, attempt = await self._db.read(_known, key_id)
        held = self._trusted(key_id, now, of_the_gone=of_the_gone)  # somebody may have read it meanwhile
        if held is not None:
            return held
        if owner and owner.deleted_at:
            raise Gone("The owner of the key is deleted.", detail=key_id)
        found = self._of_owner(owner, key_id, now) if owner else self._still_held(key_id, now)
        if found:
            return found
        if owner and owner.local:
            raise Unauthenticated("The key of the signature is not its owner's.", detail=key_id)
        last = _pick(owner.keys, key_id) if owner else None
        try:
            return await self._find_at_origin(key_id, owner, attempt, known=last is not None)
        except Gone:
            if last is None or not of_the_gone:
                raise
            return last

    async def _find_at_origin(
        self, key_id: str, owner: Actor | None, attempt: Attempt | None, *, known: bool
    ) -> PublicKey:
        """Reads a key where the last attempt does not forbid that; after one that failed it always counts."""
        now = self._clock.now()
        failed = attempt is not None and attempt.failed
        if attempt and failed and attempt.is_within(self._negative, now):
            self._hold(key_id, _Held(None, attempt.at, now, attempt.reason, attempt.gone))
            raise _refusal(attempt)
        spared = known or (attempt is not None and attempt.is_within(_WINDOW, now))
        return await self._read(key_id, owner, counted=failed or not spared)

    async def find_again(self, wrong: PublicKey) -> PublicKey | None:
        """Another key under the id of one that did not fit: as another process has stored it, else as its
        origin has it now. None where neither differs, or the origin was asked too short a time ago.

        Raises `Unauthenticated` where the origin cannot be read, `Gone` where the owner is deleted.
        """
        owner, attempt = await self._db.read(_known, wrong.id)
        found = _pick(owner.keys, wrong.id) if owner and not owner.deleted_at else None
        if found and found != wrong:
            now = self._clock.now()
            self._hold(wrong.id, _Held(found, now, now))
            return found
        if attempt and attempt.is_within(self._refetch, self._clock.now()):
            return None
        if not await self._claim(wrong.id, self._refetch):
            return None
        return await self._read(wrong.id, owner, fresh=True)

    def _trusted(self, key_id: str, now: datetime, *, of_the_gone: bool) -> PublicKey | None:
        """The key in memory; raises `Unauthenticated` or `Gone` where it is a failure that still counts."""
        held = self._held.get(key_id)
        if held is None:
            return None
        if held.key is None:
            last_word = held.gone and of_the_gone  # for that the row is asked
            if abs(now - held.since) < self._negative and not last_word:
                raise _refusal(held)
            return None
        return held.key if abs(now - held.checked) < TRUSTED_FOR else None

    def _of_owner(self, owner: Actor, key_id: str, now: datetime) -> PublicKey | None:
        """The key in the row, where that is young enough."""
        if not owner.local and not (owner.fetched_at and owner.fetched_at + FRESH_FOR > now):
            return None
        found = _pick(owner.keys, key_id)
        if found:
            self._hold(key_id, _Held(found, owner.fetched_at or now, now))
        return found

    def _still_held(self, key_id: str, now: datetime) -> PublicKey | None:
        """The key in memory of somebody who has no row."""
        held = self._held.get(key_id)
        if held is None or held.key is None or held.since + FRESH_FOR <= now:
            return None
        self._hold(key_id, replace(held, checked=now))
        return held.key

    async def _count(self, key_id: str) -> None:
        domain = registrable(host_of(key_id))
        wait = await self._rates.take(f"key:{domain}", self._fetches)
        if wait:
            raise TooMany(
                "Too many unknown keys of your domain at once; try again later.",
                retry_after=wait,
                detail=f"unknown keys of {domain}",
            )

    async def _claim(self, key_id: str, pause: timedelta) -> bool:
        return await self._db.write_locking(key_attempts.claim, key_id, registrable(host_of(key_id)), pause)

    async def _read(
        self, key_id: str, owner: Actor | None, *, fresh: bool = False, counted: bool = False
    ) -> PublicKey:
        running = self._running.get(key_id)
        if running is None:
            running = asyncio.create_task(self._fetch(key_id, owner, fresh=fresh, counted=counted))
            self._running[key_id] = running
            running.add_done_callback(lambda _task: self._running.pop(key_id, None))
        return await asyncio.shield(running)

    async def _fetch(self, key_id: str, owner: Actor | None, *, fresh: bool, counted: bool) -> PublicKey:
        now = self._clock.now()
        if counted:
            await self._count(key_id)
        if not fresh:
            await self._claim(key_id, timedelta())
        try:
            found, document = await self._fetch_from_origin(key_id, fresh=fresh)
        except Unavailable:
            raise  # that our own database is away is no fault of the key
        except ClusterError as error:
            failure = _Held(None, now, now, error.detail, isinstance(error, Gone))
            await self._fail(key_id, failure, fresh=fresh)
            raise _refusal(failure) from error
        if found is None or document is None:
            await self._fail(key_id, _Held(None, now, now, f"no usable key {key_id}"), fresh=fresh)
            raise Unauthenticated("The key of the signature is not its owner's.", detail=key_id)
        if owner is not None and owner.uri == document.id:
            # Whoever is known is known anew, so that the other processes have this key at once.
            await self._actors.renew(owner, document)
        self._hold(key_id, _Held(found, now, now))
        return found

    async def _fetch_from_origin(
        self, key_id: str, *, fresh: bool
    ) -> tuple[PublicKey | None, ActorDocument | None]:
        """The three forms of federation.md 2.4, 9: in the actor, as a document of its own, as a Multikey."""
        address = key_id.partition("#")[0]
        document = await self._fetcher.part(address)
        named = _pick(keys_in(document), key_id)
        if named is None or not same_origin(named.owner, key_id):
            return None, None
        # Whoever names an owner must be named by it: the actor's own document has the last word.
        if document.get("id") == named.owner == address:
            actor = self._actors.hold(address, document)
        else:
            actor = await self._actors.document(named.owner, fresh=fresh)
        return _pick(actor.keys, key_id), actor

    async def _fail(self, key_id: str, failure: _Held, *, fresh: bool) -> None:
        """A second look that fails takes nothing away: else a forged request could shut its victim out."""
        if fresh:
            return
        self._hold(key_id, failure)
        domain = registrable(host_of(key_id))
        await self._db.write_locking(
            key_attempts.note_failure, key_id, domain, failure.reason, gone=failure.gone
        )

    def _hold(self, key_id: str, held: _Held) -> None:
        # The key's id stands there twice, its owner's, the text of the key, or the reason that there is none.
        material = len(held.key.material) if held.key else len(held.reason)
        self._held.put(key_id, held, 500 + 3 * len(key_id) + material)


def _known(reader: Reader, key_id: str) -> tuple[Actor | None, Attempt | None]:
    return actor_queries.by_uri(reader, key_id.partition("#")[0]), key_attempts.last(reader, key_id)


def _refusal(failure: _Held | Attempt) -> Unauthenticated | Gone:
    if failure.gone:
        return Gone("The owner of the key is deleted.", detail=failure.reason)
    return Unauthenticated("The key of the signature cannot be read.", detail=failure.reason)


def _pick(keys: Iterable[KeyDocument | Key], key_id: str) -> PublicKey | None:
    for key in keys:
        if key.id == key_id:
            kind: KeyKind = "rsa" if key.kind == "rsa" else "ed25519"
            return PublicKey(key.id, key.owner, kind, key.material)
    return None
