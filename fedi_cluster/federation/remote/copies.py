"""The signed bytes of sisters' public things, kept in the ledger as they arrive, verified where they can be.

It reads nothing from the network: where a proof does not fit, or names a key that we do not have, a job
looks at it again (`federation/cluster/verify.py`), and until then nobody is shown the copy as verified.
"""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances.queries import is_sister
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions import ledger
from fedi_cluster.community.regions.shapes import Listed
from fedi_cluster.federation.signatures.keys import PublicKey
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof
from fedi_cluster.federation.vocab.kinds import kind_of
from fedi_cluster.federation.vocab.values import moment, plain, terms
from fedi_cluster.jobs import standing
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Malformed, Unauthenticated
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.jobs import job as job_table
from fedi_cluster.storage.unit import Unit

_log = logging.getLogger(__name__)

VERIFY = "cluster.verify"
_VERIFIED_WITHIN = timedelta(seconds=3)
_WAITING = Prepared(select(job_table.c.run_at, job_table.c.leased_by).where(job_table.c.key == VERIFY))


def keep_post(unit: Unit, at: Addresses, post: Post, raw: Json, *, taken: bool, listed: bool = False) -> None:
    """Keeps the document of a sister's public post; it is `listed` where its region announces it now.

    `taken` says that the post was stored or edited from this document in this transaction; else only a
    document of the version that we have is kept.
    """
    version = _version(raw)
    if version is None or post.local or post.visibility != "public" or "proof" not in raw:
        return
    if (not taken and version[1] != post.version) or not is_sister(unit, at.host, post.author.host):
        return
    verified = _is_proven(raw, post.author, unit.now)
    _keep(unit, Listed(post.uri, post.type, *version), raw, listed=listed, verified=verified)


def keep_actor(unit: Unit, at: Addresses, who: Actor, raw: Json, *, listed: bool = False) -> None:
    """Keeps the document of a sister's account; one that wants to be found is listed.

    `listed` says that the sister lists it, whatever we think.
    """
    version = _version(raw)
    if version is None or who.local or who.type == "Application":
        return
    if not is_sister(unit, at.host, who.host):
        return
    if listed or who.discoverable or ledger.held(unit, who.uri) is not None:
        _keep(unit, Listed(who.uri, who.type, *version), raw, listed=True)


def keep_tombstone(unit: Unit, at: Addresses, uri: str, raw: Json) -> None:
    """Keeps the tombstone of a sister's thing; the caller knows that its author sent it."""
    members = terms(raw)
    deleted = moment(members.get("deleted"))
    if kind_of(members) != "Tombstone" or deleted is None or members.get("id") != uri:
        return
    known = ledger.held(unit, uri)
    published = moment(members.get("published")) or (known.what.published_at if known else None)
    former = plain(members.get("formerType"), 32) or (known.what.type if known else "")
    gone = Listed(uri, former, whole_second(published or deleted), whole_second(deleted), deleted=True)
    if is_sister(unit, at.host, gone.host):
        _keep(unit, gone, raw, listed=False)


def ask_for_verification(unit: Unit) -> None:
    """The copies that nobody looked at are verified soon; asked for once, however many come meanwhile."""
    unit.held(VERIFY, None, lambda: _ask(unit))


def _ask(unit: Unit) -> None:
    row = _WAITING.first(unit)
    if row is None or row[1] is not None or row[0] <= unit.now:
        standing.stand(unit, VERIFY, {VERIFY: {}}, run_at=unit.now + _VERIFIED_WITHIN)


def _keep(unit: Unit, what: Listed, raw: Json, *, listed: bool, verified: bool = False) -> None:
    document = dumps(raw) if "proof" in raw else None
    kept = ledger.put(unit, what, listed=listed, document=document, verified=verified)
    if kept and document is not None and not verified:
        ask_for_verification(unit)


def check_proof(raw: Json, owner: Actor, now: datetime) -> None:
    """Raises `Unauthenticated` or `Malformed` where the proof is none by a key of `owner` that we have."""
    key_id = proof_key_id(raw)
    if key_id is None:
        raise Unauthenticated("The document has no proof.")
    key = next((one for one in owner.keys if one.id == key_id and one.kind == "ed25519"), None)
    if key is None:
        raise Unauthenticated("The proof names no key of the author.", detail=key_id)
    verify_proof(raw, PublicKey(key.id, key.owner, "ed25519", key.material), now, author=owner.uri)


def _is_proven(raw: Json, owner: Actor, now: datetime) -> bool:
    try:
        check_proof(raw, owner, now)
    except (Unauthenticated, Malformed):
        return False
    except Exception:  # by a fault of ours the post must not be lost, only that we can prove it
        _log.exception("a copy cannot be looked at as it comes")
        return False
    return True


def _version(raw: Json) -> tuple[datetime, datetime] | None:
    """When a thing was published, and its version; None where it does not say."""
    members = terms(raw)
    published, updated = moment(members.get("published")), moment(members.get("updated"))
    if published is None:
        return None
    return whole_second(published), whole_second(updated or published)
