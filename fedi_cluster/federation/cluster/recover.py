"""Takes back from sisters what a restored database lost: our own posts, edits, deletions and profiles.

Neighbours are the backup. Only what our own actors signed is taken, with its id and times as they were;
nothing is sent again, since the others have it. What cannot be taken is told, not passed over.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import cast

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import Profile
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.actions import PublishPost
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.queries import region
from fedi_cluster.community.regions.shapes import Held, Listed
from fedi_cluster.federation.cluster import watch
from fedi_cluster.federation.cluster.compare import is_lacking
from fedi_cluster.federation.cluster.differences import Walk
from fedi_cluster.federation.remote.actors import to_remote_actor
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.digests import DigestReader
from fedi_cluster.federation.remote.objects import to_publish
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.signatures.proofs import proof_key_id, proof_owner, verify_proof
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.kinds import ACTORS
from fedi_cluster.federation.vocab.types import ActorDocument, ObjectDocument
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import ClusterError, NotFound, Refused
from fedi_cluster.kernel.ids import id_within_second, parse_id
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.faults import concerns_all, reason_of
from fedi_cluster.storage.unit import Reader, Unit

_AT_ONCE = 4
_CHUNK = 50
_MOST = 1_000_000

_log = logging.getLogger(__name__)

KINDS = ("posts", "edits", "deletions", "profiles")


@dataclass(frozen=True, slots=True)
class Lost:
    """One thing of ours: the version that a sister holds and we lack; `kind` is one of KINDS."""

    row: Listed
    kind: str
    holders: tuple[Member, ...]


@dataclass(slots=True)
class Survey:
    """What would come back: by sister a count of each kind, in all each thing once; `away`: who failed."""

    by_host: dict[str, Counter[str]] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    away: dict[str, str] = field(default_factory=dict)

    @property
    def in_all(self) -> Counter[str]:
        """How many of each kind."""
        return Counter(one.kind for one in self.lost)


async def survey(federation: Federation, sisters: Sequence[Member]) -> Survey:
    """Reads at each sister what she holds of ours, and compares it with our ledger; changes nothing."""
    told = Survey()
    best: dict[str, Lost] = {}
    for sister in sisters:
        try:
            found = await _lost_at(federation, sister)
        except ClusterError as error:
            told.away[sister.host] = error.public
            continue
        told.by_host[sister.host] = Counter(one.kind for one in found)
        for one in found:
            best[one.row.uri] = _better(best.get(one.row.uri), one)
    told.lost = sorted(best.values(), key=lambda one: (one.row.published_at, one.row.uri))
    return told


async def _lost_at(federation: Federation, sister: Member) -> list[Lost]:
    at, own = Addresses(sister.entry.actor.removesuffix("/actor"), ""), federation.at
    newest = sister.comparison.digest_updated
    reader = DigestReader(
        federation.fetcher, federation.clock, sister, own.instance_actor, at.digest_of(own.host), newest
    )
    walk = Walk(federation.db, reader, own.host, lambda _row, _held: True, _MOST)
    found = await walk.differences()
    return await federation.db.read(_lacking, sister, found.theirs if found else ())


def _lacking(reader: Reader, sister: Member, theirs: Iterable[tuple[Listed, Held | None]]) -> list[Lost]:
    return [Lost(row, _kind(reader, row), (sister,)) for row, held in theirs if is_lacking(reader, row, held)]


def _kind(reader: Reader, row: Listed) -> str:
    if row.deleted:
        return "deletions"
    if row.type in ACTORS:
        return "profiles"
    return "posts" if post_queries.by_uri(reader, row.uri) is None else "edits"


def _better(one: Lost | None, other: Lost) -> Lost:
    """The version to take: a deletion before all, else the later one; who holds the same is asked next."""
    if one is None or (other.row.deleted, other.row.version) > (one.row.deleted, one.row.version):
        return other
    if (other.row.deleted, other.row.version) == (one.row.deleted, one.row.version):
        return replace(one, holders=(*one.holders, *other.holders))
    return one


@dataclass(slots=True)
class Taken:
    """What came back, by kind, and a sentence for each thing that did not."""

    counts: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)


async def take_back(
    federation: Federation, lost: Sequence[Lost], progress: Callable[[int], None] = lambda _count: None
) -> Taken:
    """Fetches each copy, checks that our own actor signed it, and stores it as it was; `progress` is told how
    many are done. Accounts come first, and posts before their answers."""
    taken = Taken()
    ordered = sorted(lost, key=lambda one: (one.kind != "profiles", one.row.published_at, one.row.uri))
    for start in range(0, len(ordered), _CHUNK):
        chunk = ordered[start : start + _CHUNK]
        gate = asyncio.Semaphore(_AT_ONCE)
        copies = await asyncio.gather(*(_copy(federation, gate, one) for one in chunk))
        await federation.db.write(_write, federation, list(zip(chunk, copies, strict=True)), taken)
        progress(start + len(chunk))
    return taken


def compare_all(unit: Unit, sisters: Sequence[Member]) -> None:
    """What came back is compared at once: then `cluster status` says so."""
    for sister in sisters:
        watch.compare_now(unit, sister.host)


async def _copy(federation: Federation, gate: asyncio.Semaphore, one: Lost) -> Json | str:
    """The document from the first holder whose copy fits, else why none does."""
    reason = "nobody holds it"
    async with gate:
        for holder in one.holders:
            at = Addresses(holder.entry.actor.removesuffix("/actor"), "")
            try:
                raw = await federation.fetcher.part(at.copy(one.row.uri))
                await federation.db.read(_check, federation, one.row, raw)
            except NotFound:
                reason = f"{holder.host} has no copy whose proof fits"
            except Exception as error:
                if concerns_all(error):
                    raise
                reason = _told(error, one.row.uri)
            else:
                return raw
    return reason


def _check(reader: Reader, federation: Federation, row: Listed, raw: Json) -> Actor:
    """Our actor who signed the document. Raises `Refused` where it is of something else or nobody's here."""
    if raw.get("id") != row.uri or (raw.get("type") == "Tombstone") != row.deleted:
        raise Refused("The copy is of something else.")
    key_id = proof_key_id(raw)
    if key_id is None:
        raise Refused("The copy has no proof.")
    post = post_queries.by_uri(reader, row.uri)
    named = post.author.uri if post else key_id.partition("#")[0] if row.deleted else proof_owner(raw)
    author = actor_queries.by_uri(reader, named)
    if author is None or not author.local:
        raise Refused(f"Its account {named} does not exist here any more.")
    key = next((one for one in author.keys if one.id == key_id and one.kind == "ed25519"), None)
    if key is None:
        raise Refused(f"It is signed with a key that {named} does not have here.")
    public = PublicKey(key.id, key.owner, "ed25519", key.material)
    verify_proof(raw, public, federation.clock.now(), author=author.uri)
    return author


def _write(
    unit: Unit, federation: Federation, chunk: Sequence[tuple[Lost, Json | str]], taken: Taken
) -> None:
    counts, troubles = Counter(taken.counts), list(taken.troubles)
    for one, copy in chunk:
        if isinstance(copy, str):
            troubles.append(f"{one.row.uri}: {copy}")
            continue
        try:
            with unit.attempt():
                _store(unit, federation, one.row, copy)
        except Exception as error:
            if concerns_all(error):
                raise
            troubles.append(f"{one.row.uri}: {_told(error, one.row.uri)}")
        else:
            counts[one.kind] += 1
    # Set, not added: the function may run again after a conflict, on a fresh copy of what was before.
    unit.on_commit(lambda: _note(taken, counts, troubles))


def _told(error: Exception, uri: str) -> str:
    """Why one thing does not come back: what its own fault is, or that it is ours."""
    if isinstance(error, ClusterError):
        return error.public
    _log.error("%s cannot be taken back", uri, exc_info=error)
    return f"it cannot be stored here ({reason_of(error)})"


def _note(taken: Taken, counts: Counter[str], troubles: list[str]) -> None:
    taken.counts, taken.troubles = counts, troubles


def _as_it_was(ready: PublishPost, found: ObjectDocument, raw: Json) -> PublishPost:
    """Our own texts and times to the letter: a stranger's would be cleaned, but this we made and signed."""
    project = ready.project
    if project is not None and found.project is not None:
        project = replace(
            project,
            body_map=found.project.body_map,
            start=cast("str | None", raw.get("startTime")),
            end=cast("str | None", raw.get("endTime")),
        )
    return replace(
        ready, content=found.content_html or "", content_map=dict(found.content_map), project=project
    )


def _store(unit: Unit, federation: Federation, row: Listed, raw: Json) -> None:
    author = _check(unit, federation, row, raw)
    post = post_queries.by_uri(unit, row.uri)
    if row.deleted:
        if post is not None:
            post_actions.erase(unit, author, post, row.version, again=True)
        else:
            post_actions.forget(unit, row.uri, row.type or None, row.version)
        ledger.put(unit, row, listed=True, document=dumps(raw), verified=True)
        return
    if row.type in ACTORS:
        seen = parse.actor(raw)
        if not isinstance(seen, ActorDocument):
            raise Refused("The copy cannot be read.")
        profile = to_remote_actor(seen, author.handle_host)
        said = Profile(**{one.name: getattr(profile, one.name) for one in fields(Profile)})
        actor_actions.change(unit, author, said, again=row.version)
        return
    found = parse.obj(raw)
    if not isinstance(found, ObjectDocument):
        raise Refused("The copy cannot be read.")
    ready = _as_it_was(to_publish(found, author, unit.now), found, raw)
    if post is not None:
        post_actions.edit(unit, author, post, ready, again=True)
    else:
        own_id = parse_id(row.uri.rpartition("/")[2])
        if own_id is None or federation.at.object(own_id) != row.uri:
            raise Refused("It is no post of this instance.")
        post = post_actions.publish(unit, author, replace(ready, id=own_id), again=True)
    if post is not None and post.in_reply_to is None:
        # It was announced, or would not be listed; under which id is lost.
        announced = federation.at.activity(id_within_second(row.published_at))
        post_actions.announce(unit, region(unit), post, announced, again=True)
    ledger.put(unit, row, listed=True, verified=True)
