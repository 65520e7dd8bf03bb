"""Foreign WebFinger documents (RFC 7033): the one link that we use of them."""

from typing import cast

from fedi_cluster.federation.vocab.media_types import is_activity_type
from fedi_cluster.federation.vocab.uris import identifier
from fedi_cluster.federation.vocab.values import as_list
from fedi_cluster.kernel.json import Json


def self_link(document: Json) -> str | None:
    """The id of the actor: the first link `self` of a media type of ActivityPub."""
    for link in as_list(document.get("links"))[:100]:
        if isinstance(link, dict):
            members = cast(Json, link)
            if members.get("rel") == "self" and is_activity_type(str(members.get("type"))):
                return identifier(members.get("href"))
    return None


def subscribe_link(document: Json) -> str | None:
    """The template of the link `subscribe` (OStatus), with `{uri}` in it; None where there is none."""
    for link in as_list(document.get("links"))[:100]:
        if isinstance(link, dict):
            members = cast(Json, link)
            template = members.get("template")
            if members.get("rel") == "http://ostatus.org/schema/1.0/subscribe" and isinstance(template, str):
                return template if "{uri}" in template and len(template) <= 2_000 else None
    return None
