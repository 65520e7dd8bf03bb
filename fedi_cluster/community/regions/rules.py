"""Decisions of a region: what its Group announces, and which of two versions the ledger keeps."""

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.community.regions.shapes import Listed


def is_addressed(post: Post, region: str) -> bool:
    """Whether a post names the region (an actor id): as audience, by address or by a mention."""
    return (
        post.audience == region
        or region in post.to
        or region in post.cc
        or any(tag.type == "Mention" and tag.href == region for tag in post.tags)
    )


def announces(post: Post, region: str) -> bool:
    """A region announces a local member's public top-level post that is addressed to it.

    Never an answer (threads flooded the followers of groups elsewhere, product.md 3.3) and never the post
    of a sister, whose own region does that.
    """
    return (
        post.local
        and post.deleted_at is None
        and post.visibility == "public"
        and post.in_reply_to is None
        and post.author.uri != region
        and is_addressed(post, region)
    )


def supersedes(new: Listed, known: Listed, *, with_document: bool) -> bool:
    """Whether a row of the ledger becomes `new`: the later version wins, and a deletion is never undone.

    Of the same version, one that comes `with_document` wins: it was signed anew, or we had no copy.
    """
    if known.deleted != new.deleted:
        return new.deleted
    return new.version > known.version or (new.version == known.version and with_document)
