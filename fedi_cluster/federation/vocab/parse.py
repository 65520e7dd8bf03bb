"""The door of the vocabulary: foreign JSON in, typed shapes or `Unreadable` out; it never raises on JSON.

Callers hand in what `kernel.json.parse_object` gave, so depth and size are bounded already.
"""

from fedi_cluster.federation.vocab.activities import activity, head
from fedi_cluster.federation.vocab.actors import actor, keys
from fedi_cluster.federation.vocab.digests import digest
from fedi_cluster.federation.vocab.lists import collection, member_list, page
from fedi_cluster.federation.vocab.objects import obj
from fedi_cluster.federation.vocab.uris import PUBLIC, identifier, is_public, origin, same_origin
from fedi_cluster.federation.vocab.values import reference, references

__all__ = [
    "PUBLIC",
    "activity",
    "actor",
    "collection",
    "digest",
    "head",
    "identifier",
    "is_public",
    "keys",
    "member_list",
    "obj",
    "origin",
    "page",
    "reference",
    "references",
    "same_origin",
]
