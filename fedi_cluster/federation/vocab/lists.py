"""Foreign collections, their pages, and the member list of a cluster; it follows no page."""

import re
from typing import cast

from fedi_cluster.federation.vocab.documents import (
    CollectionDocument,
    CollectionPage,
    Member,
    MemberList,
    MemberState,
    Unreadable,
)
from fedi_cluster.federation.vocab.kinds import COLLECTIONS, PAGES, kind_of
from fedi_cluster.federation.vocab.uris import identifier
from fedi_cluster.federation.vocab.values import as_list, moment, plain, reference, terms, types, whole
from fedi_cluster.kernel.json import Json

MAX_ITEMS = 500
MAX_MEMBERS = 500
MEMBERS_FORMAT = 1

_URN = re.compile(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = re.compile(r"z6Mk[1-9A-HJ-NP-Za-km-z]{40,50}")
_STATES: dict[object, MemberState] = {"member": "member", "left": "left", "removed": "removed"}


def collection(document: Json) -> CollectionDocument | Unreadable:
    """A Collection or OrderedCollection (ActivityStreams Core 5); at most 500 items."""
    members = terms(document)
    own_id = identifier(members.get("id"))
    kind = kind_of(members)
    if own_id is None:
        return Unreadable("The collection has no usable id.")
    if kind is None or kind not in COLLECTIONS:
        return Unreadable("The document is not a collection.", own_id)
    first: str | CollectionPage | None = reference(members.get("first"))
    embedded = members.get("first")
    if isinstance(embedded, dict):
        page_found = page(cast(Json, embedded))
        first = first if isinstance(page_found, Unreadable) else page_found
    return CollectionDocument(own_id, kind, whole(members.get("totalItems")), first, _items(members))


def page(document: Json) -> CollectionPage | Unreadable:
    """A CollectionPage or OrderedCollectionPage; at most 500 items. An embedded one may have no id."""
    members = terms(document)
    own_id = identifier(members.get("id"))
    if kind_of(members) not in PAGES:
        return Unreadable("The document is not a page of a collection.", own_id)
    return CollectionPage(
        own_id,
        reference(members.get("partOf")),
        reference(members.get("next")),
        reference(members.get("prev")),
        _items(members),
    )


def _items(members: Json) -> tuple[str | Json, ...]:
    found: list[str | Json] = []
    for item in as_list(members.get("orderedItems", members.get("items"))):
        if len(found) == MAX_ITEMS:
            break
        if isinstance(item, dict):
            found.append(cast(Json, item))
        elif (uri := identifier(item)) is not None:
            found.append(uri)
    return tuple(found)


def member_list(document: Json) -> MemberList | Unreadable:
    """The members of a cluster (golden README, "Cluster documents").

    Strict where others are read kindly, because keys are pinned by it: a higher format, an entry that is
    not complete, an actor named twice or an entry of another cluster make the whole list unreadable. Terms
    and item types that are not known are ignored.
    """
    members = terms(document)
    own_id = identifier(members.get("id"))
    owner = reference(members.get("attributedTo"))
    updated = moment(members.get("updated"))
    form = whole(members.get("creative:format"), low=1)
    version = whole(members.get("creative:version"), low=1)
    if own_id is None or owner is None or updated is None or kind_of(members) not in COLLECTIONS:
        return Unreadable("The member list lacks id, type, attributedTo or updated.", own_id)
    if form is None or version is None:
        return Unreadable("The member list has no format or version.", own_id)
    if form > MEMBERS_FORMAT:
        return Unreadable(f"The member list has format {form}; this server reads {MEMBERS_FORMAT}.", own_id)
    items = as_list(members.get("items", members.get("orderedItems")))
    if len(items) > MAX_MEMBERS:
        return Unreadable("The member list is too long.", own_id)
    found: dict[str, Member] = {}
    clusters: set[str] = set()
    for item in items:
        entry = terms(cast(Json, item)) if isinstance(item, dict) else {}
        if "Relationship" not in types(entry):
            continue
        urn, member = entry.get("object"), _member(entry)
        if member is None or not isinstance(urn, str) or not _URN.fullmatch(urn):
            return Unreadable("An entry of the member list is not complete.", own_id)
        if member.actor in found:
            return Unreadable("The member list names an actor twice.", own_id)
        found[member.actor] = member
        clusters.add(urn)
    if len(clusters) != 1:
        return Unreadable("The member list does not name one cluster.", own_id)
    return MemberList(own_id, owner, updated, form, version, clusters.pop(), tuple(found.values()))


def _member(entry: Json) -> Member | None:
    actor = identifier(entry.get("subject"))
    confirmed_by = identifier(entry.get("creative:confirmedBy"))
    name = plain(entry.get("name"), 200)
    key, said = entry.get("creative:key"), entry.get("creative:state")
    state = _STATES.get(said) if isinstance(said, str) else None
    updated = moment(entry.get("updated"))
    if actor is None or confirmed_by is None or name is None or state is None or updated is None:
        return None
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        return None
    region = identifier(entry.get("creative:region"))
    return Member(actor, region, name, key, state, confirmed_by, moment(entry.get("published")), updated)
