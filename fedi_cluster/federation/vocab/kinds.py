"""To which family a document belongs by its type; a document of two families is refused, never guessed."""

from fedi_cluster.federation.vocab.values import types
from fedi_cluster.kernel.json import Json

ACTORS = frozenset({"Person", "Organization", "Group", "Application", "Service"})
COLLECTIONS = frozenset({"Collection", "OrderedCollection"})
PAGES = frozenset({"CollectionPage", "OrderedCollectionPage"})
POSTS = frozenset({"Note", "Article", "Page", "Event", "Question", "Image", "Video", "Audio", "Document"})
OTHERS = frozenset({"Tombstone", "Place", "Profile", "Relationship", "Link", "Mention"})
ACTIVITIES = frozenset(
    {"Accept", "Add", "Announce", "Arrive", "Block", "Create", "Delete", "Dislike", "EmojiReact", "Flag"}
    | {"Follow", "Ignore", "Invite", "Join", "Leave", "Like", "Listen", "Move", "Offer", "QuoteRequest"}
    | {"Read", "Reject", "Remove", "TentativeAccept", "TentativeReject", "Travel", "Undo", "Update", "View"}
)

_FAMILY_OF = {
    kind: family
    for family, kinds in enumerate((ACTORS, COLLECTIONS, PAGES, POSTS, ACTIVITIES))
    for kind in kinds
} | {kind: 100 + place for place, kind in enumerate(sorted(OTHERS))}


def kind_of(members: Json) -> str | None:
    """The type of a document (members under short names), None where it has none or contradicts itself.

    Of several types the first that we know counts: `["foaf:Person", "Person"]` is a Person. Types of two
    families are nothing: `["Person", "Note"]` (threats ORI-051). Where we know none, the first.
    """
    plain = members.get("type")
    if isinstance(plain, str) and plain in _FAMILY_OF:  # as nearly always
        return plain
    found = types(members)
    known = [kind for kind in found if kind in _FAMILY_OF]
    if len({_FAMILY_OF[kind] for kind in known}) > 1:
        return None
    return next(iter(known or found), None)
