"""Signed lists of members: a sister's, checked against the key that we pinned for her, and our own."""

from datetime import datetime, timedelta

from fedi_cluster.community.instances import queries
from fedi_cluster.community.instances.rules import FORMAT
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.community.regions.queries import instance_actor
from fedi_cluster.federation.remote.signing import own_private_keys
from fedi_cluster.federation.render import cluster as render
from fedi_cluster.federation.signatures.keys import key_of_multikey
from fedi_cluster.federation.signatures.proofs import proof_key_id, verify_proof, with_proof
from fedi_cluster.federation.vocab.types import MemberList
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import NotFound, Refused
from fedi_cluster.kernel.json import Json
from fedi_cluster.storage.unit import Reader

_CLOCKS_DIFFER = timedelta(hours=1)


def checked_list(told: MemberList, document: Json, signer: Entry, now: datetime) -> tuple[Entry, ...]:
    """The entries of a list that `signer` (a member that we know) signed with its pinned key.

    Raises `Refused` where the list is another's, in a format of the future, or has an entry of the future;
    `Unauthenticated` where the proof does not fit (golden README, “Members”).
    """
    if told.attributed_to != signer.actor:
        raise Refused("The list of members is signed by another instance.", detail=told.attributed_to)
    if told.format > FORMAT:
        raise Refused("The list of members has a format of a later version; update this server.")
    if any(item.updated > now + _CLOCKS_DIFFER for item in told.items):
        # The later word wins: one from the future could never be taken back.
        raise Refused("The list of members has an entry from the future; check the clocks.", detail=told.id)
    key_id = proof_key_id(document)
    if key_id is None:
        raise Refused("The list of members carries no proof.", detail=told.id)
    verify_proof(document, key_of_multikey(key_id, signer.actor, signer.key), now)
    return tuple(
        Entry(
            actor=item.actor,
            region=item.region or Addresses(item.actor.removesuffix("/actor"), "").region,
            name=item.name,
            key=item.key,
            state=item.state,
            confirmed_by=item.confirmed_by,
            published_at=item.published or item.updated,
            updated_at=item.updated,
        )
        for item in told.items
    )


def own_list(reader: Reader, at: Addresses) -> Json:
    """Our own list of members with the proof of our instance actor; raises `NotFound` without a cluster."""
    cluster = queries.cluster(reader)
    if cluster is None or cluster.version == 0:
        raise NotFound("This instance is not a member of a cluster.")
    entries = [
        one.entry for one in queries.members(reader) if one.entry.state in ("member", "left", "removed")
    ]
    document = render.members(at, cluster.urn, cluster.version, cluster.updated_at, entries)
    return with_proof(document, own_private_keys(reader, instance_actor(reader)), cluster.updated_at)
