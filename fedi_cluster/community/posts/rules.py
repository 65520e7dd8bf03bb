"""Decisions about posts: who hears of one, who may see it, how it is addressed, how long it may be."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.storage.tables.posts import post as post_table

VISIBILITIES = ("public", "unlisted", "followers", "direct")
KINDS = {"note": "Note", "project": "Note", "news": "Article"}
MOST_SIGNS = {"note": 5_000, "project": 5_000, "news": 50_000}
LONGEST_TITLE = 150


@dataclass(frozen=True, slots=True)
class Addressing:
    """Who a post is for, as ActivityPub writes it."""

    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: str | None


def addressing(visibility: str, followers: str, mentioned: Sequence[str], region: str | None) -> Addressing:
    """The addresses of a local post: public in `to`, followers and region in `cc` (golden `object-note`).

    `followers` is the author's collection, `mentioned` and `region` are actor ids.
    """
    others = tuple(uri for uri in mentioned if uri != region)
    extra = (*((region,) if region else ()), *others)
    match visibility:
        case "public":
            return Addressing((PUBLIC,), (followers, *extra), region)
        case "unlisted":
            return Addressing((followers,), (PUBLIC, *extra), region)
        case "followers":
            return Addressing((followers,), extra, None)
        case "direct":
            return Addressing(extra, (), None)
    raise Invalid(f"“{visibility}” is no visibility; use one of {', '.join(VISIBILITIES)}.")


def visibility_of(to: Sequence[str], cc: Sequence[str], followers: str | None) -> str:
    """How far a remote post was meant to go, as Mastodon reads `to` and `cc` (federation.md 2.7)."""
    if PUBLIC in to:
        return "public"
    if PUBLIC in cc:
        return "unlisted"
    if followers and (followers in to or followers in cc):
        return "followers"
    return "direct"


def is_open(post: Post) -> bool:
    """Whether anybody may read it: one rule for page, feed and federation."""
    return post.deleted_at is None and post.visibility in ("public", "unlisted")


def is_known_to_all(post: Post) -> bool:
    """Whether anybody may know that it is or was there: open posts, also deleted ones; no other ever was."""
    return post.visibility in ("public", "unlisted")


def open_condition() -> ColumnElement[bool]:
    """`is_open` for lists, as an SQL condition on the post table."""
    return post_table.c.deleted_at.is_(None) & post_table.c.visibility.in_(("public", "unlisted"))


def open_or_deleted_condition() -> ColumnElement[bool]:
    """What anybody may know of: open posts, and that an open post was deleted."""
    return post_table.c.visibility.in_(("public", "unlisted"))


def listed_condition() -> ColumnElement[bool]:
    """What public timelines show: public only, since unlisted means not here."""
    return post_table.c.deleted_at.is_(None) & (post_table.c.visibility == "public")


def may_change(author: Actor, post: Post) -> bool:
    """Only the author changes or deletes a post, wherever she lives."""
    return post.author.id == author.id


def may_announce(actor: Actor, post: Post) -> bool:
    """Public and unlisted posts may be passed on, and one's own followers-only ones (as Mastodon does)."""
    return is_open(post) or (
        post.visibility == "followers" and post.author.id == actor.id and post.deleted_at is None
    )


def check_answer(visibility: str, parent: Post) -> None:
    """Raises `Invalid` where an answer to a post that not everybody reads would be read by everybody."""
    if visibility in ("public", "unlisted") and parent.visibility not in ("public", "unlisted"):
        raise Invalid(
            "The post that you answer is not public; answer it to followers or directly.",
            fields={"visibility": "wider than the post that it answers"},
        )


def check_text(kind: str, text: str, title: str | None) -> None:
    """Raises `Invalid` where a local text is empty or too long, or a title is missing."""
    if kind not in KINDS:
        raise Invalid(f"“{kind}” is no kind of post; use one of {', '.join(KINDS)}.")
    if not text.strip():
        raise Invalid("The text is empty: write at least one word.", fields={"text": "empty"})
    if len(text) > MOST_SIGNS[kind]:
        raise Invalid(
            f"The text has {len(text):,} characters; at most {MOST_SIGNS[kind]:,} are possible. Shorten it.",
            fields={"text": "too long"},
        )
    if kind != "note" and not (title and title.strip()):
        raise Invalid("A project or news needs a title.", fields={"title": "missing"})
    if title and len(title) > LONGEST_TITLE:
        raise Invalid(
            f"The title has {len(title)} characters; at most {LONGEST_TITLE} are possible.",
            fields={"title": "too long"},
        )
