"""Looks again at copies that were not verified as they came: what does not fit is read once more, or dropped.

The post itself stays either way, since it came from its origin; only that we can prove it is lost.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, groupby

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Held
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.federation.remote.copies import ask_for_verification, check_proof
from fedi_cluster.federation.signatures.proofs import proof_key_id, proof_owner
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.federation.vocab.values import moment, terms
from fedi_cluster.jobs.queue import Job
from fedi_cluster.jobs.worker import Outcome
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import ClusterError, Unauthenticated
from fedi_cluster.kernel.json import Json, dumps, parse_again
from fedi_cluster.storage.faults import concerns_all
from fedi_cluster.storage.unit import Reader, Unit

_AT_ONCE = 200
# For the copies of one instance; what is left is looked at in the next run.
_SECONDS = 30.0
# Then others get their turn: after each single copy would cost as much as the proofs.
_TURN = 0.002

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A copy that was looked at: whether a proof `fits`, and the `document` to keep, if any."""

    held: Held
    fits: bool
    document: bytes | None


async def verify(federation: Federation, _job: Job) -> Outcome:
    """The proofs of up to 200 copies, of all instances side by side; what is left is asked for again."""
    waiting = await federation.db.read(_waiting)
    by_host = groupby(waiting, key=lambda one: one[0].what.host)
    looks = await asyncio.gather(*(_look(federation, list(some)) for _host, some in by_host))

    def write(unit: Unit) -> None:
        ledger.note_verified(unit, [(one.held, one.document, one.fits) for one in chain.from_iterable(looks)])
        if ledger.unverified(unit, 1):
            ask_for_verification(unit)

    return write


def _waiting(reader: Reader) -> list[tuple[Held, Actor | None]]:
    found = ledger.unverified(reader, _AT_ONCE)
    return [(held, post_queries.author_by_uri(reader, held.what.uri)) for held in found]


async def copy(federation: Federation, uri: str) -> bytes | None:
    """The bytes of a sister's thing whose proof fits, None where we have none.

    Who asks does not wait for the next run: what was not proven yet is looked at now, and its origin not
    asked for another.
    """
    held = await federation.db.read(ledger.held, uri)
    if held is None or held.document is None:
        return None
    if not held.verified:
        author = await federation.db.read(post_queries.author_by_uri, uri)
        try:
            await check_copy(federation, held, author, parse_again(held.document))
        except ClusterError as error:
            if concerns_all(error):
                raise
            _log.info("the copy of %s cannot be verified: %s", uri, error.detail)
            return None
        await federation.db.write(ledger.note_verified, [(held, held.document, True)])
    return held.document


async def _look(federation: Federation, waiting: Sequence[tuple[Held, Actor | None]]) -> list[_Seen]:
    """Looks at the copies of one instance, as many as there is time for; one harms no other."""
    ends = asyncio.get_running_loop().time() + _SECONDS
    began = time.monotonic()
    seen: list[_Seen] = []
    for held, author in waiting:
        try:
            async with asyncio.timeout_at(ends):
                seen.append(await _judged(federation, held, author))
            if time.monotonic() - began > _TURN:
                await asyncio.sleep(0)
                began = time.monotonic()
        except TimeoutError:
            _log.warning("%s takes too long to say whether %s is right", held.what.host, held.what.uri)
            seen.append(_Seen(held, fits=False, document=held.document))
            break
        except Exception as error:
            if concerns_all(error):
                raise
            _log.exception("the copy of %s cannot be looked at", held.what.uri)
            seen.append(_Seen(held, fits=False, document=held.document))
    return seen


async def _judged(federation: Federation, held: Held, author: Actor | None) -> _Seen:
    """With the bytes that we have, else those that the origin has now.

    What cannot be judged now is kept as it is: `copy` looks at it again.
    """
    assert held.document is not None, "what has no document has no proof that waits"
    try:
        await check_copy(federation, held, author, parse_again(held.document))
    except ClusterError as error:
        if error.again:
            if concerns_all(error):
                raise
            _log.warning("the copy of %s cannot be verified now: %s", held.what.uri, error.detail)
            return _Seen(held, fits=False, document=held.document)
        _log.info("the copy of %s cannot be verified: %s", held.what.uri, error.detail)
    else:
        return _Seen(held, fits=True, document=held.document)
    try:
        raw = await _read_again(federation, held)
        await check_copy(federation, held, author, raw)
    except ClusterError as error:
        if concerns_all(error):
            raise
        _log.warning("%s is kept without a copy: %s", held.what.uri, error.detail)
        return _Seen(held, fits=False, document=None)
    return _Seen(held, fits=True, document=dumps(raw))


async def _read_again(federation: Federation, held: Held) -> Json:
    fetcher = federation.fetcher
    read = fetcher.buried if held.what.deleted else fetcher.document
    return await read(held.what.uri)


async def check_copy(federation: Federation, held: Held, author: Actor | None, raw: Json) -> None:
    """Raises where a document is not that version of the thing, or its proof is not by who wrote it.

    `author` is that by our own record, None of what we never had.
    """
    members = terms(raw)
    said = moment(members.get("deleted") or members.get("updated") or members.get("published"))
    if members.get("id") != held.what.uri or said is None or whole_second(said) != held.what.version:
        raise Unauthenticated("The document is another version.")
    key_id = proof_key_id(raw)
    if key_id is None:
        raise Unauthenticated("The document has no proof.")
    owner = author or await _named_owner(federation, held, raw, key_id)
    check_proof(raw, owner, federation.clock.now())


async def _named_owner(federation: Federation, held: Held, raw: Json, key_id: str) -> Actor:
    """Who must have signed what we never had: whom the document names."""
    # A Tombstone names nobody: where we never had the post, its key must at least be of its own server.
    named = key_id.partition("#")[0] if held.what.deleted else proof_owner(raw)
    if not same_origin(named, held.what.uri):
        raise Unauthenticated("The document is signed by another server.", detail=named)
    known = await federation.db.read(actor_queries.by_uri, named)
    return known or await federation.actors.ensure(named)
