"""Edit a post: a new version replaces the text, and only a later one does."""

from datetime import datetime, timedelta

from sqlalchemy import delete, update

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries, rules
from fedi_cluster.community.posts.actions.publish import PublishPost, content_columns, index
from fedi_cluster.community.posts.facts import PostEdited
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Forbidden
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.unit import Unit


def next_version(post: Post, now: datetime) -> datetime:
    """The second of a new version: now, but later than the one before (golden rule 8)."""
    return max(whole_second(now), post.version + timedelta(seconds=1))


def edit(unit: Unit, author: Actor, post: Post, changed: PublishPost, *, again: bool = False) -> bool:
    """Replaces the text of a post; False where what we have is later, or the same.

    Others may edit twice in one second, and the wire carries whole ones: of the same second, another text
    counts as the newer. Audience and visibility stay as published. `again` as in `publish`. Raises
    `Forbidden` where somebody else wrote it.
    """
    if not rules.may_change(author, post):
        raise Forbidden("Only the author may change a post.")
    version = whole_second(changed.updated_at or changed.published_at)
    same = (changed.content, changed.title, changed.summary) == (post.content, post.title, post.summary)
    if post.deleted_at or version < post.version or (version == post.version and same):
        return False
    unit.connection.execute(
        update(tables.post)
        .where(tables.post.c.id == post.id)
        .values(
            **content_columns(changed),
            url=changed.url,
            updated_at=version,
            revision=tables.post.c.revision + 1,
        )
    )
    unit.connection.execute(delete(tables.hashtag).where(tables.hashtag.c.post_id == post.id))
    unit.connection.execute(delete(tables.mention).where(tables.mention.c.post_id == post.id))
    index(unit, post.id, changed.tags)
    unit.forget(queries.POSTS)
    unit.record(PostEdited(post.id, local=author.local and not again))
    return True
