"""Collections of actors and posts (golden `collection-*`), without proofs; it does not ask who may read.

The first page is `?page=true`, further ones `?page=true&before=ID`; others only follow `next`.
"""

from collections.abc import Sequence

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.render import contexts
from fedi_cluster.federation.render.activity import bare
from fedi_cluster.federation.render.values import hashtags, stated
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.json import Json


def outbox(who: Actor, total: int) -> Json:
    """The outbox with the number of its activities and the address of its first page."""
    uri = f"{who.uri}/outbox"
    return _ordered(uri, total) | {"first": page_address(uri)}


def outbox_page(
    who: Actor, activities: Sequence[Json], before: int | None = None, next_before: int | None = None
) -> Json:
    """A page of the outbox, newest first.

    `activities` are whole documents, signed or not, a region's Announce by reference; proofs are left out
    and the page's context holds the terms of all. `before` is the id that the page was asked with,
    `next_before` the one to ask the next with (its last activity), None where nothing is older.
    """
    context = contexts.union([_context_of(one) for one in activities])
    items: list[Json | str] = [bare(one) for one in activities]
    return {"@context": context} | _page(f"{who.uri}/outbox", items, before, next_before)


def followers(who: Actor, total: int) -> Json:
    """How many follow; strangers see no names."""
    return _ordered(f"{who.uri}/followers", total)


def following(who: Actor, total: int) -> Json:
    """How many are followed; strangers see no names."""
    return _ordered(f"{who.uri}/following", total)


def featured(who: Actor, posts: Sequence[str]) -> Json:
    """The pinned posts by their ids."""
    return _ordered(f"{who.uri}/featured", len(posts)) | {"orderedItems": [*posts]}


def tags(at: Addresses, who: Actor) -> Json:
    """The hashtags of a profile (`featuredTags`)."""
    return {
        "@context": [*contexts.TAGS],
        "id": f"{who.uri}/tags",
        "type": "Collection",
        "totalItems": len(who.tags),
        "items": hashtags(at, who.tags),
    }


def moderators(group: Actor, actors: Sequence[str]) -> Json:
    """The ids of those who moderate a Group: its `attributedTo` (FEP-1b12)."""
    return _ordered(f"{group.uri}/moderators", len(actors)) | {"orderedItems": [*actors]}


def replies(
    at: Addresses, to: Post, posts: Sequence[str], total: int, next_before: int | None = None
) -> Json:
    """Answers to a post by their ids, the author's own first; the first page is inside.

    `next_before` is the id to ask the next page with, None where no more follow.
    """
    uri = f"{at.object(to.id)}/replies"
    return _ordered(uri, total) | {"first": _page(uri, posts, None, next_before)}


def replies_page(
    at: Addresses, to: Post, posts: Sequence[str], before: int, next_before: int | None = None
) -> Json:
    """A further page of the answers, asked with `before`."""
    return _further(f"{at.object(to.id)}/replies", posts, before, next_before)


def context(
    at: Addresses, root: Post, posts: Sequence[str], total: int, next_before: int | None = None
) -> Json:
    """A whole thread by the ids of its posts, by time, from the author of its first post (FEP-f228)."""
    uri = f"{at.object(root.id)}/context"
    return {
        "@context": [*contexts.COLLECTION],
        "id": uri,
        "type": "OrderedCollection",
        "attributedTo": root.author.uri,
        "totalItems": total,
        "first": _page(uri, posts, None, next_before),
    }


def context_page(
    at: Addresses, root: Post, posts: Sequence[str], before: int, next_before: int | None = None
) -> Json:
    """A further page of a thread, asked with `before`."""
    return _further(f"{at.object(root.id)}/context", posts, before, next_before)


def likes(at: Addresses, of: Post) -> Json:
    """How many like a post; no names."""
    return _counted(f"{at.object(of.id)}/likes", of.likes_count)


def shares(at: Addresses, of: Post) -> Json:
    """How many announced a post; no names."""
    return _counted(f"{at.object(of.id)}/shares", of.announces_count)


def page_address(collection: str, before: int | None = None) -> str:
    """The address of a page of a collection: the first, or the one asked with `before`."""
    return f"{collection}?page=true" + (f"&before={before}" if before is not None else "")


def _ordered(uri: str, total: int) -> Json:
    return {
        "@context": [*contexts.COLLECTION],
        "id": uri,
        "type": "OrderedCollection",
        "totalItems": total,
    }


def _counted(uri: str, total: int) -> Json:
    return {"@context": [*contexts.COLLECTION], "id": uri, "type": "Collection", "totalItems": total}


def _further(uri: str, posts: Sequence[str], before: int, next_before: int | None) -> Json:
    return {"@context": [*contexts.COLLECTION]} | _page(uri, posts, before, next_before)


def _page(uri: str, items: Sequence[Json | str], before: int | None, next_before: int | None) -> Json:
    return stated(
        {
            "id": page_address(uri, before),
            "type": "OrderedCollectionPage",
            "partOf": uri,
            "next": page_address(uri, next_before) if next_before is not None else None,
            "orderedItems": [*items],
        }
    )


def _context_of(activity: Json) -> contexts.Context:
    """The terms that an item needs: an activity that only names its object needs none of its own."""
    found = activity.get("@context")
    whole = isinstance(activity.get("object"), dict)
    return found if whole and isinstance(found, list) else []
