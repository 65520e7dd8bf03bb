"""Foreign digests of a period (golden README, “Digests”): strict, since what they list is fetched or deleted.

It judges no signature and no period: `federation/remote/digests.py` does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from fedi_cluster.federation.vocab.documents import Unreadable
from fedi_cluster.federation.vocab.kinds import kind_of
from fedi_cluster.federation.vocab.uris import identifier
from fedi_cluster.federation.vocab.values import as_list, moment, plain, reference, terms, whole
from fedi_cluster.kernel.json import Json

MOST_ITEMS = 2_000
"""Rows or parts that are read of one document; an honest one has at most 500 rows, or 60 parts."""


@dataclass(frozen=True, slots=True)
class DigestPart:
    """A narrower digest: `id` is the address of its document, `total` the number of its items or rows."""

    id: str
    total: int
    digest: str


@dataclass(frozen=True, slots=True)
class DigestRow:
    """A thing: `version` is its `updated`, else its `published`; of a deleted one when it was deleted.

    `type` is that of the thing, also where it is deleted (empty where a tombstone does not say).
    """

    id: str
    type: str
    published: datetime
    version: datetime
    deleted: bool


@dataclass(frozen=True, slots=True)
class DigestDocument:
    """What `attributed_to` says that `origin` has in a period (two instance actors; the same for its own)."""

    id: str
    attributed_to: str
    origin: str
    updated: datetime
    format: int
    digest: str
    parts: tuple[DigestPart, ...]
    rows: tuple[DigestRow, ...]


def digest(document: Json) -> DigestDocument | Unreadable:
    """A digest document; one item that is not complete, or named twice, makes the whole unreadable."""
    members = terms(document)
    own_id = identifier(members.get("id"))
    owner, origin = reference(members.get("attributedTo")), identifier(members.get("creative:origin"))
    updated = moment(members.get("updated"))
    form = whole(members.get("creative:format"), low=1)
    said = _hex(members.get("creative:digest"))
    if own_id is None or owner is None or origin is None or updated is None or form is None or said is None:
        return Unreadable("The digest lacks id, attributedTo, origin, updated, format or digest.", own_id)
    items = as_list(members.get("orderedItems"))
    if len(items) > MOST_ITEMS:
        return Unreadable("The digest is too long.", own_id)
    parts: list[DigestPart] = []
    rows: list[DigestRow] = []
    for item in items:
        entry = terms(cast(Json, item)) if isinstance(item, dict) else {}
        found = _part(entry) if kind_of(entry) == "OrderedCollection" else _row(entry)
        if isinstance(found, DigestPart):
            parts.append(found)
        elif found is not None:
            rows.append(found)
        else:
            return Unreadable("An entry of the digest is not complete.", own_id)
    named = {part.id for part in parts} | {row.id for row in rows}
    if len(named) < len(items) or (parts and rows):
        return Unreadable("The digest names something twice, or mixes rows and periods.", own_id)
    return DigestDocument(own_id, owner, origin, updated, form, said, tuple(parts), tuple(rows))


def _part(entry: Json) -> DigestPart | None:
    uri, total = identifier(entry.get("id")), whole(entry.get("totalItems"))
    said = _hex(entry.get("creative:digest"))
    if uri is None or total is None or said is None:
        return None
    return DigestPart(uri, total, said)


def _row(entry: Json) -> DigestRow | None:
    uri, kind = identifier(entry.get("id")), plain(entry.get("type"), 32)
    published = moment(entry.get("published"))
    if uri is None or kind is None or published is None:
        return None
    if kind == "Tombstone":
        deleted = moment(entry.get("deleted"))
        former = plain(entry.get("formerType"), 32) or ""
        return DigestRow(uri, former, published, deleted, deleted=True) if deleted else None
    return DigestRow(uri, kind, published, moment(entry.get("updated")) or published, deleted=False)


def _hex(value: object) -> str | None:
    if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
        return None
    return value
