"""Reads of posts: rows in, shapes with their authors out."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor, Place
from fedi_cluster.community.posts import rules
from fedi_cluster.community.posts.shapes import (
    Attachment,
    Funding,
    Post,
    Project,
    Reaction,
    Tag,
    Tombstone,
)
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.unit import Reader

_PLAIN = (
    "id", "uri", "local", "type", "kind", "visibility", "language", "title", "title_map", "summary",
    "summary_map", "content", "content_map", "sensitive", "url", "audience", "in_reply_to", "parent_id",
    "thread_id", "context", "replies_count", "likes_count", "announces_count", "published_at",
    "updated_at", "deleted_at",
)  # fmt: skip


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


def _post_of(row: RowMapping, author: Actor) -> Post:
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


def posts_of(reader: Reader, statement: Select[Any]) -> list[Post]:
    """Posts of a statement that selects whole rows of the post table, in its order."""
    rows = reader.connection.execute(statement).mappings().all()
    authors = actor_queries.by_ids(reader, (row["author_id"] for row in rows))
    return [_post_of(row, authors[row["author_id"]]) for row in rows]


def _one(reader: Reader, condition: ColumnElement[bool]) -> Post | None:
    found = posts_of(reader, select(tables.post).where(condition))
    return found[0] if found else None


def by_id(reader: Reader, post_id: int) -> Post | None:
    """The post of this id, also a deleted one."""
    return _one(reader, tables.post.c.id == post_id)


def by_uri(reader: Reader, uri: str) -> Post | None:
    """The post with this ActivityPub id, also a deleted one."""
    return _one(reader, tables.post.c.uri == uri)


def by_ids(reader: Reader, post_ids: Iterable[int]) -> dict[int, Post]:
    """Posts by id; unknown ids are left out."""
    wanted = sorted(set(post_ids))
    if not wanted:
        return {}
    return {
        post.id: post for post in posts_of(reader, select(tables.post).where(tables.post.c.id.in_(wanted)))
    }


def tombstone(reader: Reader, uri: str) -> Tombstone | None:
    """What stays of a deleted object, local or remote."""
    row = reader.connection.execute(
        select(
            tables.tombstone.c.uri,
            tables.tombstone.c.former_type,
            tables.tombstone.c.published_at,
            tables.tombstone.c.deleted_at,
        ).where(tables.tombstone.c.uri == uri)
    ).first()
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


def count_of_author(reader: Reader, author_id: int) -> int:
    """How many public posts an actor has."""
    return int(
        reader.connection.execute(
            select(func.count())
            .select_from(tables.post)
            .where(tables.post.c.author_id == author_id, rules.listed_condition())
        ).scalar_one()
    )


def _reaction(reader: Reader, table: Any, condition: ColumnElement[bool]) -> Reaction | None:
    row = reader.connection.execute(
        select(table.c.id, table.c.uri, table.c.actor_id, table.c.post_id, table.c.created_at).where(
            condition
        )
    ).first()
    return Reaction(*row) if row else None


def like_by_id(reader: Reader, like_id: int) -> Reaction | None:
    """The like of this id, None where it was taken back."""
    return _reaction(reader, tables.like, tables.like.c.id == like_id)


def like_between(reader: Reader, actor_id: int, post_id: int) -> Reaction | None:
    """The like of a post by an actor."""
    return _reaction(
        reader, tables.like, (tables.like.c.actor_id == actor_id) & (tables.like.c.post_id == post_id)
    )


def announce_by_id(reader: Reader, announce_id: int) -> Reaction | None:
    """The announce of this id, None where it was taken back."""
    return _reaction(reader, tables.announce, tables.announce.c.id == announce_id)


def announce_between(reader: Reader, actor_id: int, post_id: int) -> Reaction | None:
    """The announce of a post by an actor."""
    return _reaction(
        reader,
        tables.announce,
        (tables.announce.c.actor_id == actor_id) & (tables.announce.c.post_id == post_id),
    )


def reaction_by_uri(reader: Reader, uri: str) -> tuple[str, Reaction] | None:
    """The like or announce that began with this activity, with `like` or `announce`."""
    for name, table in (("like", tables.like), ("announce", tables.announce)):
        found = _reaction(reader, table, table.c.uri == uri)
        if found:
            return name, found
    return None


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
