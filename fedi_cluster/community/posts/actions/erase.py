"""Delete a post: its texts go, a tombstone stays so that no late copy brings it back."""

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries, rules
from fedi_cluster.community.posts.actions.edit import next_version
from fedi_cluster.community.posts.actions.publish import count
from fedi_cluster.community.posts.facts import PostDeleted
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Forbidden
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.unit import Unit


def erase(
    unit: Unit, author: Actor, post: Post, deleted_at: datetime | None = None, *, again: bool = False
) -> None:
    """Deletes a post of `author`; `deleted_at` is what a Tombstone says; `again` as in `publish`.

    Raises `Forbidden` where somebody else wrote it; a second time changes nothing.
    """
    if not rules.may_change(author, post):
        raise Forbidden("Only the author may delete a post.")
    if post.deleted_at:
        return
    moment = whole_second(deleted_at) if deleted_at else next_version(post, unit.now)
    unit.connection.execute(
        update(tables.post)
        .where(tables.post.c.id == post.id)
        .values(
            deleted_at=moment,
            content="",
            content_map={},
            title=None,
            title_map={},
            summary=None,
            summary_map={},
            attachments=[],
            tags=[],
            extension=None,
        )
    )
    for table in (tables.hashtag, tables.mention, tables.like, tables.announce):
        unit.connection.execute(delete(table).where(table.c.post_id == post.id))
    unit.forget(queries.POSTS)
    queries.forget_reactions(unit)
    if post.parent_id and rules.is_open(post):
        count(unit, post.parent_id, "replies_count", -1)
    _bury(unit, post.uri, post.type, post.published_at, moment)
    unit.record(PostDeleted(post.id, local=author.local and not again))


def erase_all(unit: Unit, author: Actor) -> None:
    """Deletes every post of `author`, whose account goes."""
    posts = tables.post.c
    left = select(tables.post).where(posts.author_id == author.id, posts.deleted_at.is_(None))
    for post in queries.posts_of(unit, left.order_by(posts.id)):
        erase(unit, author, post)


def forget(unit: Unit, uri: str, former_type: str | None, deleted_at: datetime | None) -> None:
    """Keeps the tombstone of a post that we never had: its Create may still be on the way."""
    if queries.tombstone(unit, uri) is None:
        _bury(unit, uri, former_type, None, whole_second(deleted_at or unit.now))


def _bury(
    unit: Unit, uri: str, former_type: str | None, published_at: datetime | None, deleted_at: datetime
) -> None:
    unit.connection.execute(
        insert(tables.tombstone).values(
            uri=uri,
            host=host_of(uri),
            former_type=former_type,
            published_at=published_at,
            deleted_at=deleted_at,
        )
    )
    unit.forget(queries.TOMBSTONES)
