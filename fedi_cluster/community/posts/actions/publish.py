"""Publish a post: the one door for local and remote posts alike."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, insert, select, update

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.facts import PostPublished, PostRecovered
from fedi_cluster.community.posts.shapes import Attachment, Post, Project, Tag
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.kernel.ids import id_at, id_within_second
from fedi_cluster.kernel.text import hashtag_key
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class PublishPost:
    """A post to be, ready to be stored: HTML is safe, addresses are ActivityPub's, `id` is chosen."""

    id: int
    uri: str
    url: str
    type: str
    kind: str
    visibility: str
    content: str
    published_at: datetime
    to: tuple[str, ...]
    cc: tuple[str, ...]
    audience: str | None = None
    language: str | None = None
    title: str | None = None
    title_map: Mapping[str, str] = field(default_factory=dict)
    summary: str | None = None
    summary_map: Mapping[str, str] = field(default_factory=dict)
    content_map: Mapping[str, str] = field(default_factory=dict)
    sensitive: bool = False
    in_reply_to: str | None = None
    context: str | None = None
    attachments: tuple[Attachment, ...] = ()
    tags: tuple[Tag, ...] = ()
    project: Project | None = None
    updated_at: datetime | None = None


_post = tables.post.c
_AS_GIVEN = ("url", "type", "visibility", "audience", "context", "updated_at")
_INSERT = Upsert(tables.post, ("id",))
_HASHTAG = Prepared(insert(tables.hashtag))
_MENTION = Prepared(insert(tables.mention))
_STEP = bindparam("step", type_=Integer)
_COUNT = {
    column: Prepared(
        update(tables.post)
        .where(_post.id == bindparam("post", type_=BigId), _post[column] + _STEP >= 0)
        .values({column: _post[column] + _STEP})
    )
    for column in ("replies_count", "likes_count", "announces_count")
}
# What the database gives a fresh row by itself.
_UNTOUCHED: Mapping[str, Any] = {
    "replies_count": 0,
    "likes_count": 0,
    "announces_count": 0,
    "deleted_at": None,
}


def id_for(unit: Unit, published_at: datetime) -> int:
    """An id that sorts by the time of publishing, which for a post from elsewhere may be long ago."""
    return id_at(min(published_at, unit.now))


def publish(unit: Unit, author: Actor, new: PublishPost, *, again: bool = False) -> Post | None:
    """Stores a post and records `PostPublished`; `again` for one of ours that others have: it is not sent.

    None, and nothing stored, where the same id is known already or was deleted: a delivery may come
    twice, or after its own Delete. Raises `Conflict` where another post has the number of one of ours.
    """
    if queries.by_uri(unit, new.uri) or queries.tombstone(unit, new.uri):
        return None
    parent = queries.by_uri(unit, new.in_reply_to) if new.in_reply_to else None
    row = {
        "uri": new.uri,
        "local": author.local,
        "author_id": author.id,
        "in_reply_to": new.in_reply_to,
        "parent_id": parent.id if parent else None,
        "received_at": unit.now,
        "published_at": whole_second(new.published_at),
        **content_columns(new),
        **{name: getattr(new, name) for name in _AS_GIVEN},
        "to": list(new.to),
        "cc": list(new.cc),
    }
    thread_id = parent.thread_id if parent else None
    while not _INSERT.is_new(unit, stored := row | {"id": new.id, "thread_id": thread_id or new.id}):
        # Who lives elsewhere chooses numbers, too, and may have chosen this one.
        if author.local:
            raise Conflict("Another post has this number already; publish it again.", detail=new.uri)
        new = replace(new, id=id_within_second(new.published_at))
    queries.hold(unit, queries.post_of({**_UNTOUCHED, **stored}, author))
    queries.hold_unannounced(unit, new.id)
    if parent is None and new.in_reply_to:
        queries.forget_orphans(unit)
    if parent and new.visibility in ("public", "unlisted"):
        count(unit, parent.id, "replies_count", 1)
    index(unit, new.id, new.tags)
    _adopt_orphans(unit, new)
    unit.record(PostPublished(new.id, local=author.local and not again))
    if again:
        unit.record(PostRecovered(new.id))
    return queries.by_id(unit, new.id)


def content_columns(new: PublishPost) -> dict[str, object]:
    """The columns that an edit replaces as a whole."""
    return {
        "kind": new.kind,
        "language": new.language,
        "title": new.title,
        "title_map": dict(new.title_map),
        "summary": new.summary,
        "summary_map": dict(new.summary_map),
        "content": new.content,
        "content_map": dict(new.content_map),
        "sensitive": new.sensitive,
        "attachments": [asdict(one) for one in new.attachments],
        "tags": [{"type": tag.type, "name": tag.name, "href": tag.href} for tag in new.tags],
        "extension": asdict(new.project) if new.project else None,
    }


def index(unit: Unit, post_id: int, tags: Iterable[Tag]) -> None:
    """Makes the hashtags and the known mentioned actors of a post findable."""
    found = list(tags)
    keys = {hashtag_key(tag.name)[:100] for tag in found if tag.type == "Hashtag"}
    mentioned = actor_queries.by_uris(unit, (tag.href for tag in found if tag.type == "Mention"))
    _HASHTAG.later(unit, *({"post_id": post_id, "tag": key} for key in sorted(keys)))
    _MENTION.later(unit, *({"post_id": post_id, "actor_id": actor.id} for actor in mentioned))


def count(unit: Unit, post_id: int, column: str, step: int) -> None:
    """Moves a counter of a post; it never falls below nothing."""
    _COUNT[column].later(unit, {"post": post_id, "step": step})
    queries.hold_counted(unit, post_id, column, step)


def _adopt_orphans(unit: Unit, new: PublishPost) -> None:
    """Answers that arrived before their parent join its thread now."""
    orphans = [one for one in queries.orphans(unit, new.uri) if one.id != new.id]
    unit.hold(queries.ANSWERED, new.id, bool(orphans))
    if not orphans:
        return
    post = tables.post.c
    thread = unit.connection.execute(select(post.thread_id).where(post.id == new.id)).scalar_one()
    for orphan in orphans:
        unit.connection.execute(update(tables.post).where(post.id == orphan.id).values(parent_id=new.id))
        unit.connection.execute(
            update(tables.post).where(post.thread_id == orphan.thread_id).values(thread_id=thread)
        )
    seen = sum(
        orphan.visibility in ("public", "unlisted") and orphan.deleted_at is None for orphan in orphans
    )
    unit.forget(queries.POSTS)
    queries.forget_orphans(unit)
    count(unit, new.id, "replies_count", seen)


def note_recipients(unit: Unit, post_id: int, inboxes: Iterable[str]) -> None:
    """Remembers which inboxes were sent a post, so that its edits and its deletion go there too."""
    table = tables.post_recipient
    fresh = sorted(set(inboxes) - queries.recipients(unit, post_id))
    if fresh:
        unit.connection.execute(
            insert(table).values(post_id=bindparam("post"), inbox=bindparam("to")),
            [{"post": post_id, "to": inbox} for inbox in fresh],
        )
