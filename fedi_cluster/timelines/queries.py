"""Reads of timelines: posts newest first, by pages of ids; deleted and hidden posts never appear."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts import rules
from fedi_cluster.community.posts.queries import posts_of
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.paging import Page, PageRequest, page_of
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.tables.cluster import cluster_post
from fedi_cluster.storage.tables.posts import announce as announce_table
from fedi_cluster.storage.tables.posts import hashtag as hashtag_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.tables.timelines import home as home_table
from fedi_cluster.storage.unit import Reader

THREAD_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a post stands in a timeline, without the post: `position` is the id by which it is paged.

    `actor_id` is who passed it on, in the cluster timeline the region.
    """

    post_id: int
    position: int
    actor_id: int | None = None


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


class _Paged:
    """A list of rows by the id `position`, newest first: its three statements, made once at import.

    One row more than asked shows whether there is a further page.
    """

    def __init__(self, statement: Select[Any], position: ColumnElement[Any]) -> None:
        most, border = bindparam("most", type_=Integer), bindparam("border", type_=BigId)
        self._newest = statement.order_by(position.desc()).limit(most)
        self._older = statement.where(position < border).order_by(position.desc()).limit(most)
        self._newer = statement.where(position > border).order_by(position.asc()).limit(most)

    def rows(self, reader: Reader, ask: PageRequest, **values: object) -> list[Any]:
        """The rows of one page; `values` fill the statement's own parameters."""
        said = values | {"most": ask.limit + 1}
        if ask.after is not None:
            statement, said = self._newer, said | {"border": ask.after}
        elif ask.before is not None:
            statement, said = self._older, said | {"border": ask.before}
        else:
            statement = self._newest
        return list(reader.connection.execute(statement, said))


def _spots(rows: Sequence[Any], ask: PageRequest) -> Page[Spot]:
    return page_of([Spot(*row) for row in rows], ask, lambda spot: spot.position)


def _loaded(reader: Reader, page: Page[Spot]) -> Page[Post]:
    posts = post_queries.by_ids(reader, (spot.post_id for spot in page.items))
    return Page([posts[spot.post_id] for spot in page.items], page.older, page.newer)


_CLUSTER = (
    select(cluster_post.c.post_id, cluster_post.c.post_id.label("position"), cluster_post.c.region_id)
    .join(post_table, post_table.c.id == cluster_post.c.post_id)
    .where(rules.open_condition())
)
_CLUSTER_PAGES = _Paged(_CLUSTER, cluster_post.c.post_id)
_REGION_PAGES = _Paged(
    _CLUSTER.where(cluster_post.c.region_id == bindparam("region", type_=BigId)), cluster_post.c.post_id
)


def cluster_spots(reader: Reader, ask: PageRequest, region_id: int | None = None) -> Page[Spot]:
    """What the regions announced, newest first; of one region where `region_id` names its actor."""
    if region_id is None:
        return _spots(_CLUSTER_PAGES.rows(reader, ask), ask)
    return _spots(_REGION_PAGES.rows(reader, ask, region=region_id), ask)


_newest = (
    _CLUSTER.with_only_columns(cluster_post.c.post_id)
    .where(cluster_post.c.region_id == actor_table.c.id)
    .order_by(cluster_post.c.post_id.desc())
    .limit(1)
    .correlate(actor_table)
    .scalar_subquery()
)
_NEWEST = select(actor_table.c.id, _newest).where(actor_table.c.id.in_(bindparam("regions", expanding=True)))


def newest_of_each(reader: Reader, region_ids: Collection[int]) -> list[Spot]:
    """The newest that each of these regions announced; those that announced nothing are left out."""
    if not region_ids:
        return []
    rows = reader.connection.execute(_NEWEST, {"regions": list(region_ids)}).all()
    return [Spot(post_id, post_id, region_id) for region_id, post_id in rows if post_id is not None]


def cluster(reader: Reader, ask: PageRequest, region_id: int | None = None) -> Page[RegionPost]:
    """The same with whole posts and regions."""
    page = cluster_spots(reader, ask, region_id)
    posts = post_queries.by_ids(reader, (spot.post_id for spot in page.items))
    regions = actor_queries.by_ids(reader, (spot.actor_id for spot in page.items if spot.actor_id))
    found = [RegionPost(posts[spot.post_id], regions[spot.actor_id or 0]) for spot in page.items]
    return Page(found, page.older, page.newer)


def region_of_post(reader: Reader, post_id: int) -> Actor | None:
    """The region that announced a post."""
    region_id = reader.connection.execute(
        select(cluster_post.c.region_id).where(cluster_post.c.post_id == post_id)
    ).scalar()
    return actor_queries.by_id(reader, region_id) if region_id is not None else None


_LOCAL_PAGES = _Paged(
    select(post_table.c.id, post_table.c.id.label("position")).where(
        post_table.c.local.is_(True), post_table.c.in_reply_to.is_(None), rules.listed_condition()
    ),
    post_table.c.id,
)


def local_spots(reader: Reader, ask: PageRequest) -> Page[Spot]:
    """What the accounts of this instance publish, without answers."""
    return _spots(_LOCAL_PAGES.rows(reader, ask), ask)


def local(reader: Reader, ask: PageRequest) -> Page[Post]:
    """The same with whole posts."""
    return _loaded(reader, local_spots(reader, ask))


_ACTOR = bindparam("actor", type_=BigId)
_OWN_PAGES = _Paged(
    select(post_table.c.id, post_table.c.id.label("position")).where(
        post_table.c.author_id == _ACTOR, post_table.c.in_reply_to.is_(None), rules.open_condition()
    ),
    post_table.c.id,
)
_PASSED_PAGES = _Paged(
    select(announce_table.c.post_id, announce_table.c.id, announce_table.c.actor_id)
    .join(post_table, post_table.c.id == announce_table.c.post_id)
    .where(announce_table.c.actor_id == _ACTOR, rules.open_condition()),
    announce_table.c.id,
)


def profile_spots(reader: Reader, actor: Actor, ask: PageRequest) -> Page[Spot]:
    """What an actor published or passed on, without answers; `actor_id` where she passed it on."""
    # One page of each by its own index, merged here: databases would sort all of both.
    rows = _OWN_PAGES.rows(reader, ask, actor=actor.id) + _PASSED_PAGES.rows(reader, ask, actor=actor.id)
    rows.sort(key=lambda row: row[1], reverse=ask.after is None)
    return _spots(rows[: ask.limit + 1], ask)


def profile(reader: Reader, actor: Actor, ask: PageRequest) -> Page[Entry]:
    """The same with whole posts."""
    return _entries(reader, profile_spots(reader, actor, ask))


def _entries(reader: Reader, page: Page[Spot]) -> Page[Entry]:
    posts = post_queries.by_ids(reader, (spot.post_id for spot in page.items))
    boosters = actor_queries.by_ids(reader, (spot.actor_id for spot in page.items if spot.actor_id))
    found = [
        Entry(posts[spot.post_id], spot.position, boosters.get(spot.actor_id or 0)) for spot in page.items
    ]
    return Page(found, page.older, page.newer)


_HOME_PAGES = _Paged(
    select(home_table.c.post_id, home_table.c.position, home_table.c.booster_id).where(
        home_table.c.owner_id == _ACTOR
    ),
    home_table.c.position,
)


def home(reader: Reader, actor: Actor, ask: PageRequest) -> Page[Entry]:
    """What a local reader follows, newest first; who has no account to sign in to has no home timeline."""
    return _entries(reader, _spots(_HOME_PAGES.rows(reader, ask, actor=actor.id), ask))


_TAG_PAGES = _Paged(
    select(hashtag_table.c.post_id, hashtag_table.c.post_id.label("position"))
    .join(post_table, post_table.c.id == hashtag_table.c.post_id)
    .where(hashtag_table.c.tag == bindparam("tag"), rules.listed_condition()),
    hashtag_table.c.post_id,
)


def tagged_spots(reader: Reader, key: str, ask: PageRequest) -> Page[Spot]:
    """Public posts of a hashtag, answers too; `key` as `kernel.text.hashtag_key` folds it."""
    return _spots(_TAG_PAGES.rows(reader, ask, tag=key[:100]), ask)


def tagged(reader: Reader, key: str, ask: PageRequest) -> Page[Post]:
    """The same with whole posts."""
    return _loaded(reader, tagged_spots(reader, key, ask))


_THREAD = (
    select(post_table)
    .where(post_table.c.thread_id == bindparam("thread", type_=BigId), rules.open_or_deleted_condition())
    .order_by(post_table.c.id)
    .limit(THREAD_LIMIT)
)


def thread(reader: Reader, post: Post) -> Thread:
    """The conversation around a post, as far as it is public and known here.

    A deleted post stays among the descendants, without its text, where an answer to it stays.
    """
    known = {one.id: one for one in posts_of(reader, _THREAD, {"thread": post.thread_id})}
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
