"""Looks at the proofs of copies, many in one go: what does not fit is read once more, and else not kept.

The post itself stays either way, since it came from its origin; only that we can prove it is lost.
"""

import asyncio
import logging

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Held
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import ask_for_verification
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.signatures.proofs import proof_key_id, proof_owner, verify_proof
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.federation.vocab.values import moment, terms
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import ClusterError, Unauthenticated
from fedi_cluster.kernel.json import Json, dumps, parse_object
from fedi_cluster.storage.unit import Unit

_AT_ONCE = 200

_log = logging.getLogger(__name__)


async def verify(federation: Federation, _job: Job) -> Outcome:
    """The proofs of up to 200 copies; where there are more, it is asked for again."""
    waiting = await federation.db.read(ledger.unverified, _AT_ONCE)
    seen: list[tuple[Held, bytes | None]] = []
    for held in waiting:
        seen.append((held, await _proven(federation, held)))
        await asyncio.sleep(0)  # others get their turn: a proof takes a millisecond

    def write(unit: Unit) -> None:
        for held, document in seen:
            ledger.note_verified(unit, held, document)
        if len(waiting) == _AT_ONCE:
            ask_for_verification(unit)

    return write


async def _proven(federation: Federation, held: Held) -> bytes | None:
    """The bytes of a copy whose proof fits: those that we have, else those that its origin has now."""
    if held.document is None:
        return None
    try:
        await check_copy(federation, held, parse_object(held.document))
    except ClusterError as error:
        _log.info("the copy of %s cannot be verified: %s", held.what.uri, error.detail)
    else:
        return held.document
    try:
        raw = await _read_again(federation, held)
        await check_copy(federation, held, raw)
    except ClusterError as error:
        _log.warning("%s is kept without a copy: %s", held.what.uri, error.detail)
        return None
    return dumps(raw)


async def _read_again(federation: Federation, held: Held) -> Json:
    fetcher = federation.fetcher
    read = fetcher.buried if held.what.deleted else fetcher.document
    return await read(held.what.uri)


async def check_copy(federation: Federation, held: Held, raw: Json) -> None:
    """Raises where a document is not that version of the thing, or its proof is not by who wrote it."""
    members = terms(raw)
    said = moment(members.get("deleted") or members.get("updated") or members.get("published"))
    if members.get("id") != held.what.uri or said is None or whole_second(said) != held.what.version:
        raise Unauthenticated("The document is another version.")
    key_id = proof_key_id(raw)
    if key_id is None:
        raise Unauthenticated("The document has no proof.")
    owner = await _owner(federation, held, raw, key_id)
    key = next((one for one in owner.keys if one.id == key_id and one.kind == "ed25519"), None)
    if key is None:
        raise Unauthenticated("The proof names no key of the author.", detail=key_id)
    public = PublicKey(key.id, key.owner, "ed25519", key.material)
    verify_proof(raw, public, federation.clock.now(), author=owner.uri)


async def _owner(federation: Federation, held: Held, raw: Json, key_id: str) -> Actor:
    """Who must have signed: the author by our own record; of what we never had, who the document names."""
    post = await federation.db.read(post_queries.by_uri, held.what.uri)
    if post is not None:
        return post.author
    # A Tombstone names nobody: where we never had the post, its key must at least be of its own server.
    named = key_id.partition("#")[0] if held.what.deleted else proof_owner(raw)
    if not same_origin(named, held.what.uri):
        raise Unauthenticated("The document is signed by another server.", detail=named)
    known = await federation.db.read(actor_queries.by_uri, named)
    return known or await federation.actors.ensure(named)
