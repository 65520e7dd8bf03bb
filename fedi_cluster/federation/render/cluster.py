"""What members publish for each other, unsigned (golden `cluster-members`, `cluster-digest`); no merging."""

from collections.abc import Sequence
from datetime import datetime

from fedi_cluster.community.instances.rules import FORMAT
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.community.regions import periods
from fedi_cluster.community.regions.shapes import Listed, Period
from fedi_cluster.federation.render import contexts
from fedi_cluster.federation.render.values import stated
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json

_IS_MEMBER = "https://www.w3.org/ns/activitystreams#IsMember"


def members(at: Addresses, urn: str, version: int, updated: datetime, entries: Sequence[Entry]) -> Json:
    """The member list, for the instance actor to sign.

    `urn` names the cluster (`urn:uuid:…`), `version` is at least 1, `updated` aware. Entries are sorted by
    host, so that the same list is the same document; those who left or were removed stay in it.
    """
    items = sorted(((f"{at.members}#{host_of(one.actor)}", one) for one in entries), key=lambda pair: pair[0])
    return {
        "@context": [*contexts.MEMBERS],
        "id": at.members,
        "type": "Collection",
        "attributedTo": at.instance_actor,
        "updated": to_wire(updated),
        "creative:format": FORMAT,
        "creative:version": version,
        "totalItems": len(items),
        "items": [_entry(uri, urn, one) for uri, one in items],
    }


def digest(prefix: str, period: Period, holder: str, origin: str, updated: datetime) -> Json:
    """What `origin` has in a period, for `holder` to sign (both instance actors; the same for its own).

    `prefix` is the id of the root document; `updated` is now: a reader refuses what is older than it saw.
    """
    items = [
        {
            "id": periods.address(prefix, part.name),
            "type": "OrderedCollection",
            "totalItems": part.total,
            "creative:digest": part.digest,
        }
        for part in period.parts
    ] or [_listed(row) for row in sorted(period.rows, key=lambda row: row.uri)]
    return {
        "@context": [*contexts.MEMBERS],
        "id": periods.address(prefix, period.name),
        "type": "OrderedCollection",
        "attributedTo": holder,
        "updated": to_wire(updated),
        "creative:format": FORMAT,
        "creative:origin": origin,
        "creative:digest": period.digest,
        "totalItems": len(items),
        "orderedItems": items,
    }


def _listed(row: Listed) -> Json:
    if row.deleted:
        told: Json = {
            "id": row.uri,
            "type": "Tombstone",
            "formerType": row.type or None,
            "published": to_wire(row.published_at),
            "deleted": to_wire(row.version),
        }
        return stated(told)
    edited = to_wire(row.version) if row.version > row.published_at else None
    return stated(
        {"id": row.uri, "type": row.type, "published": to_wire(row.published_at), "updated": edited}
    )


def _entry(uri: str, urn: str, one: Entry) -> Json:
    return stated(
        {
            "id": uri,
            "type": "Relationship",
            "name": one.name,
            "subject": one.actor,
            "relationship": _IS_MEMBER,
            "object": urn,
            "published": to_wire(one.published_at),
            "updated": to_wire(one.updated_at),
            "creative:state": one.state,
            "creative:region": one.region,
            "creative:key": one.key,
            "creative:confirmedBy": one.confirmed_by,
        }
    )
