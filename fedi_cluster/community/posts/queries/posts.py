"""Reads of posts: rows in, shapes with their authors out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, bindparam, func, select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor, Place
from fedi_cluster.community.posts import rules
from fedi_cluster.community.posts.shapes import (
    Attachment,
    Funding,
    Post,
    Project,
    Tag,
    Tombstone,
)
from fedi_cluster.storage.among import among
from fedi_cluster.storage.glance import RowStamp
from fedi_cluster.storage.prepared import Prepared, fixed
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.unit import Reader

_PLAIN = (
    "id", "uri", "local", "type", "kind", "visibility", "language", "title", "title_map", "summary",
    "summary_map", "content", "content_map", "sensitive", "url", "audience", "in_reply_to", "parent_id",
    "thread_id", "context", "replies_count", "likes_count", "announces_count", "published_at",
    "updated_at", "deleted_at",
)  # fmt: skip

STAMP = RowStamp(
    select(
        tables.post.c.revision,
        tables.post.c.updated_at,
        tables.post.c.deleted_at,
        tables.post.c.visibility,
        tables.post.c.replies_count,
        tables.post.c.likes_count,
        tables.post.c.announces_count,
        actor_table.c.updated_at,
        actor_table.c["keys"],
    )
    .join(actor_table, actor_table.c.id == tables.post.c.author_id)
    .where(tables.post.c.id == bindparam("id", type_=BigId))
)
"""A local post: a version has one text (golden rule 8), totals are no version, the author's key signs."""

POSTS = "post"
"""The family of `Reader.held` that posts are, by id and by uri; whoever writes one lets it be forgotten."""

TOMBSTONES = "tombstone"
"""The family that tombstones are, by uri; whoever writes one lets it be forgotten."""

_ORPHANS = "orphan"

ANSWERED = "answered"
"""The family of whether answers came before a post, by its id: held for a post of this transaction alone."""


class Orphan(NamedTuple):
    """An answer to a post that is not here."""

    id: int
    thread_id: int
    visibility: str
    deleted_at: datetime | None


_NOTHING: Mapping[str, object] = {}
_STAMPS = (
    select(
        tables.post.c.id,
        tables.post.c.visibility,
        tables.post.c.deleted_at,
        tables.post.c.parent_id,
        tables.post.c.revision,
        tables.post.c.updated_at,
        tables.post.c.replies_count,
        tables.post.c.likes_count,
        tables.post.c.announces_count,
        actor_table.c.updated_at,
        actor_table.c.username,
        actor_table.c.name,
        actor_table.c.deleted_at,
    )
    .join(actor_table, actor_table.c.id == tables.post.c.author_id)
    .where(tables.post.c.id.in_(bindparam("ids", expanding=True)))
)


def stamps(reader: Reader, post_ids: Iterable[int]) -> dict[int, Any]:
    """What tells whether a post or its author has changed, by id: equal rows were one and the same card.

    Much cheaper than the posts themselves, whose texts nobody needs to see again.
    """
    wanted = sorted(set(post_ids))
    if not wanted:
        return {}
    return {row.id: row for row in reader.connection.execute(_STAMPS, {"ids": wanted})}


def _project_of(stored: dict[str, Any] | None) -> Project | None:
    if not stored:
        return None
    place = stored.get("place")
    return Project(
        **(
            stored
            | {
                "partners": tuple(stored["partners"]),
                "confirmed_partners": tuple(stored["confirmed_partners"]),
                "funding": tuple(Funding(**row) for row in stored["funding"]),
                "place": Place(**place) if place else None,
            }
        )
    )


def _attachment_of(stored: dict[str, Any]) -> Attachment:
    focal = stored.get("focal_point")
    return Attachment(**(stored | {"focal_point": tuple(focal) if focal else None}))


def post_of(row: Mapping[Any, Any], author: Actor) -> Post:
    """A shape from a row of the post table."""
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Post(
        **plain,
        author=author,
        to=tuple(row["to"]),
        cc=tuple(row["cc"]),
        attachments=tuple(_attachment_of(one) for one in row["attachments"]),
        tags=tuple(Tag(**tag) for tag in row["tags"]),
        project=_project_of(row["extension"]),
    )


def posts_of(reader: Reader, statement: Select[Any], values: Mapping[str, object] = _NOTHING) -> list[Post]:
    """Posts of a statement that selects whole rows of the post table, in its order; `values` fill it."""
    return _with_authors(reader, reader.connection.execute(statement, values).mappings().all())


def _with_authors(reader: Reader, rows: Sequence[Mapping[Any, Any]]) -> list[Post]:
    authors = actor_queries.by_ids(reader, (row["author_id"] for row in rows)) if rows else {}
    return [post_of(row, authors[row["author_id"]]) for row in rows]


_COLUMNS = tuple(tables.post.c.keys())
_BY_ID = Prepared(select(tables.post).where(tables.post.c.id == bindparam("id", type_=BigId)))
_BY_URI = Prepared(select(tables.post).where(tables.post.c.uri == bindparam("uri")))
_BY_URIS = Prepared(select(tables.post).where(among(tables.post.c.uri, "uris")))


def _read(reader: Reader, statement: Prepared, **named: object) -> Post | None:
    row = statement.first(reader, **named)
    if row is None:
        return None
    stored = dict(zip(_COLUMNS, row, strict=True))
    post = post_of(stored, actor_queries.by_id(reader, stored["author_id"]))
    hold(reader, post)
    return post


def _held(reader: Reader, key: object, read: Callable[[], Post | None]) -> Post | None:
    post = reader.held(POSTS, key, read)
    if post is None:
        return None
    author = actor_queries.by_id(reader, post.author.id)  # held, too; another one where it has changed since
    return post if author is post.author else replace(post, author=author)


def by_id(reader: Reader, post_id: int) -> Post | None:
    """The post of this id, also a deleted one."""
    return _held(reader, post_id, lambda: _read(reader, _BY_ID, id=post_id))


def by_uri(reader: Reader, uri: str) -> Post | None:
    """The post with this ActivityPub id, also a deleted one."""
    return _held(reader, uri, lambda: _read(reader, _BY_URI, uri=uri))


def author_by_uri(reader: Reader, uri: str) -> Actor | None:
    """Who wrote the post with this id, also a deleted one; None where it was never here."""
    author_id = _AUTHOR.scalar(reader, uri=uri)
    return None if author_id is None else actor_queries.by_id(reader, author_id)


def hold(reader: Reader, post: Post) -> None:
    """The post as this transaction has read or written it: nobody reads it again."""
    reader.hold(POSTS, post.id, post)
    reader.hold(POSTS, post.uri, post)


_orphan = tables.post.c
_ORPHAN = (_orphan.id, _orphan.thread_id, _orphan.visibility, _orphan.deleted_at)
# So written, no engine takes the index of all that have no parent, which are nearly all posts.
_HAS_NO_PARENT = func.coalesce(_orphan.parent_id, fixed(0)) == fixed(0)
_ORPHANS_OF = Prepared(select(*_ORPHAN).where(_orphan.in_reply_to == bindparam("uri"), _HAS_NO_PARENT))
_ALL_ORPHANS = Prepared(
    select(_orphan.in_reply_to, *_ORPHAN).where(among(_orphan.in_reply_to, "uris"), _HAS_NO_PARENT)
)


def orphans(reader: Reader, uri: str) -> list[Orphan]:
    """The answers to a post that came before it."""
    return reader.held(_ORPHANS, uri, lambda: [Orphan(*row) for row in _ORPHANS_OF.all(reader, uri=uri)])


def forget_orphans(reader: Reader) -> None:
    """An answer came before its post, or was given its parent."""
    reader.forget(_ORPHANS)


def read_ahead(reader: Reader, uris: Iterable[str]) -> None:
    """Reads at once what `by_uri`, `tombstone` and `orphans` will be asked; what is not there, too."""
    things = sorted(set(uris))
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in _BY_URIS.all(reader, uris=things)]
    for post in _with_authors(reader, rows):
        hold(reader, post)
    buried = {row[0]: Tombstone(*row) for row in _TOMBSTONES_OF.all(reader, uris=things)}
    answers: dict[str, list[Orphan]] = {}
    for parent, *orphan in _ALL_ORPHANS.all(reader, uris=things):
        answers.setdefault(parent, []).append(Orphan(*orphan))
    for uri in things:
        reader.held(POSTS, uri, lambda: None)
        reader.hold(TOMBSTONES, uri, buried.get(uri))
        reader.hold(_ORPHANS, uri, answers.get(uri, []))


def hold_counted(reader: Reader, post_id: int, column: str, step: int) -> None:
    """A counter of a post has moved by `step`: that of a held one does as well."""
    post = reader.holds(POSTS, post_id)
    if post is not None and getattr(post, column) + step >= 0:
        hold(reader, replace(post, **{column: getattr(post, column) + step}))


def by_ids(reader: Reader, post_ids: Iterable[int]) -> dict[int, Post]:
    """Posts by id; unknown ids are left out."""
    wanted = sorted(set(post_ids))
    if not wanted:
        return {}
    return {
        post.id: post for post in posts_of(reader, select(tables.post).where(tables.post.c.id.in_(wanted)))
    }


_stone = tables.tombstone.c
_TOMBSTONES = select(_stone.uri, _stone.former_type, _stone.published_at, _stone.deleted_at)
_TOMBSTONE = Prepared(_TOMBSTONES.where(_stone.uri == bindparam("uri")))
_TOMBSTONES_OF = Prepared(_TOMBSTONES.where(among(_stone.uri, "uris")))


def tombstone(reader: Reader, uri: str) -> Tombstone | None:
    """What stays of a deleted object, local or remote."""
    return reader.held(TOMBSTONES, uri, lambda: _tombstone(reader, uri))


def _tombstone(reader: Reader, uri: str) -> Tombstone | None:
    row = _TOMBSTONE.first(reader, uri=uri)
    return Tombstone(*row) if row else None


def open_replies(reader: Reader, post_id: int, limit: int, after: int = 0) -> list[Post]:
    """Public answers to a post, oldest first, from id `after` (exclusive) on."""
    return posts_of(
        reader,
        select(tables.post)
        .where(tables.post.c.parent_id == post_id, rules.open_condition(), tables.post.c.id > after)
        .order_by(tables.post.c.id)
        .limit(limit),
    )


def open_thread(reader: Reader, thread_id: int, limit: int) -> list[Post]:
    """All public posts of a thread by time."""
    return posts_of(
        reader,
        select(tables.post)
        .where(tables.post.c.thread_id == thread_id, rules.open_condition())
        .order_by(tables.post.c.published_at, tables.post.c.id)
        .limit(limit),
    )


_COUNT = (
    select(func.count())
    .select_from(tables.post)
    .where(tables.post.c.author_id == bindparam("author", type_=BigId), rules.listed_condition())
)


def count_of_author(reader: Reader, author_id: int) -> int:
    """How many public posts an actor has."""
    return int(reader.connection.execute(_COUNT, {"author": author_id}).scalar_one())


_AUTHOR = Prepared(select(tables.post.c.author_id).where(tables.post.c.uri == bindparam("uri")))


def mentioned(reader: Reader, post_id: int) -> Sequence[Actor]:
    """The actors that a post names."""
    ids = reader.connection.execute(
        select(tables.mention.c.actor_id).where(tables.mention.c.post_id == post_id)
    ).scalars()
    return list(actor_queries.by_ids(reader, ids).values())


def recipients(reader: Reader, post_id: int) -> set[str]:
    """The inboxes that were sent the Create of a post, or an Announce of it."""
    table = tables.post_recipient
    return set(reader.connection.execute(select(table.c.inbox).where(table.c.post_id == post_id)).scalars())
