"""Reads of timelines: posts newest first, by pages of ids; deleted and hidden posts never appear."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select, union_all

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts import rules
from fedi_cluster.community.posts.queries import posts_of
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.paging import Page, PageRequest, page_of
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.tables.posts import announce as announce_table
from fedi_cluster.storage.tables.posts import hashtag as hashtag_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader

THREAD_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A post in a timeline; `announced_by` where it stands there because somebody passed it on.

    `position` is the id by which the timeline is paged.
    """

    post: Post
    position: int
    announced_by: Actor | None = None


@dataclass(frozen=True, slots=True)
class RegionPost:
    """A post of the cluster timeline with the region that announced it."""

    post: Post
    region: Actor


@dataclass(frozen=True, slots=True)
class Thread:
    """A post with what it answers (oldest first) and all answers below it, by id."""

    ancestors: Sequence[Post]
    post: Post
    descendants: Sequence[Post]


def _window(statement: Select[Any], position: ColumnElement[Any], ask: PageRequest) -> Select[Any]:
    """One row more than asked shows whether there is a further page."""
    if ask.after is not None:
        return statement.where(position > ask.after).order_by(position.asc()).limit(ask.limit + 1)
    if ask.before is not None:
        statement = statement.where(position < ask.before)
    return statement.order_by(position.desc()).limit(ask.limit + 1)


def cluster(reader: Reader, ask: PageRequest, region_id: int | None = None) -> Page[RegionPost]:
    """What the regions announced, newest first; of one region where `region_id` names its actor."""
    statement = (
        select(cluster_post.c.post_id, cluster_post.c.region_id)
        .join(post_table, post_table.c.id == cluster_post.c.post_id)
        .where(rules.open_condition())
    )
    if region_id is not None:
        statement = statement.where(cluster_post.c.region_id == region_id)
    rows = reader.connection.execute(_window(statement, cluster_post.c.post_id, ask)).all()
    posts = post_queries.by_ids(reader, (row.post_id for row in rows))
    regions = actor_queries.by_ids(reader, (row.region_id for row in rows))
    found = [RegionPost(posts[row.post_id], regions[row.region_id]) for row in rows]
    return page_of(found, ask, lambda one: one.post.id)


def region_of_post(reader: Reader, post_id: int) -> Actor | None:
    """The region that announced a post."""
    region_id = reader.connection.execute(
        select(cluster_post.c.region_id).where(cluster_post.c.post_id == post_id)
    ).scalar()
    return actor_queries.by_id(reader, region_id) if region_id is not None else None


def local(reader: Reader, ask: PageRequest) -> Page[Post]:
    """What the accounts of this instance publish, without answers."""
    statement = select(post_table).where(
        post_table.c.local.is_(True), post_table.c.in_reply_to.is_(None), rules.listed_condition()
    )
    return page_of(posts_of(reader, _window(statement, post_table.c.id, ask)), ask, lambda post: post.id)


def profile(reader: Reader, actor: Actor, ask: PageRequest) -> Page[Entry]:
    """What an actor published or passed on, without answers."""
    own = select(
        post_table.c.id.label("position"), post_table.c.id.label("post_id"), literal(False).label("passed")
    ).where(post_table.c.author_id == actor.id, post_table.c.in_reply_to.is_(None), rules.open_condition())
    passed = (
        select(
            announce_table.c.id.label("position"),
            announce_table.c.post_id.label("post_id"),
            literal(True).label("passed"),
        )
        .join(post_table, post_table.c.id == announce_table.c.post_id)
        .where(announce_table.c.actor_id == actor.id, rules.open_condition())
    )
    both = union_all(own, passed).subquery()
    rows = reader.connection.execute(_window(select(both), both.c.position, ask)).all()
    posts = post_queries.by_ids(reader, (row.post_id for row in rows))
    found = [
        Entry(posts[row.post_id], row.position, announced_by=actor if row.passed else None) for row in rows
    ]
    return page_of(found, ask, lambda entry: entry.position)


def tagged(reader: Reader, key: str, ask: PageRequest) -> Page[Post]:
    """Public posts of a hashtag, answers too; `key` as `kernel.text.hashtag_key` folds it."""
    statement = (
        select(post_table)
        .join(hashtag_table, hashtag_table.c.post_id == post_table.c.id)
        .where(hashtag_table.c.tag == key[:100], rules.listed_condition())
    )
    return page_of(posts_of(reader, _window(statement, post_table.c.id, ask)), ask, lambda post: post.id)


def thread(reader: Reader, post: Post) -> Thread:
    """The conversation around a post, as far as it is public and known here.

    A deleted post stays among the descendants, without its text, where an answer to it stays.
    """
    statement = (
        select(post_table)
        .where(post_table.c.thread_id == post.thread_id, rules.open_or_deleted_condition())
        .order_by(post_table.c.id)
        .limit(THREAD_LIMIT)
    )
    known = {one.id: one for one in posts_of(reader, statement)}
    below: dict[int, list[Post]] = {}
    for one in known.values():
        if one.parent_id is not None and one.parent_id != one.id:
            below.setdefault(one.parent_id, []).append(one)
    return Thread(_above(known, post), post, _below(below, post))


def _above(known: Mapping[int, Post], post: Post) -> list[Post]:
    found: list[Post] = []
    seen = {post.id}
    parent = known.get(post.parent_id) if post.parent_id else None
    while parent is not None and parent.id not in seen:
        seen.add(parent.id)
        if parent.deleted_at is None:
            found.insert(0, parent)
        parent = known.get(parent.parent_id) if parent.parent_id else None
    return found


def _below(below: Mapping[int, Sequence[Post]], post: Post) -> list[Post]:
    """Everything under a post by id, which is by time; a deleted one only where something stays under it."""
    found: dict[int, Post] = {}
    waiting = [post.id]
    while waiting:
        fresh = [one for one in below.get(waiting.pop(), ()) if one.id not in found and one.id != post.id]
        found |= {one.id: one for one in fresh}
        waiting += [one.id for one in fresh]
    kept: set[int] = set()
    for one in found.values():
        above: Post | None = one if one.deleted_at is None else None
        while above is not None and above.id not in kept:
            kept.add(above.id)
            above = found.get(above.parent_id) if above.parent_id else None
    return [found[post_id] for post_id in sorted(kept)]
