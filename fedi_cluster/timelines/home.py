"""Keeps each local reader's home timeline as rows, in the transaction of what happened; it reads no page.

Who sees what is as in Mastodon: own posts, posts of the followed, their answers only to themselves, to the
reader or to somebody she follows, and what they pass on; each post once.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    delete,
    literal,
    null,
    or_,
    select,
    union_all,
)

from fedi_cluster.community.actors.facts import ActorDeleted
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import Announced, PostDeleted, PostPublished, Unannounced
from fedi_cluster.community.relationships.facts import Blocked, Followed, FollowRefused, Unfollowed
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.storage.prepared import Prepared, fixed
from fedi_cluster.storage.tables.auth import user as user_table
from fedi_cluster.storage.tables.posts import announce as announce_table
from fedi_cluster.storage.tables.posts import mention as mention_table
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.tables.relationships import block as block_table
from fedi_cluster.storage.tables.relationships import follow as follow_table
from fedi_cluster.storage.tables.timelines import home
from fedi_cluster.storage.unit import Unit
from fedi_cluster.timelines.readers import READERS, has_reader, oneself, parameter, readers_of, signs_in

MOST_ROWS = 800
"""Posts that a home timeline keeps, as Mastodon does."""
FROM_HISTORY = 100
"""Posts, and announces, of a newly followed actor that join a home timeline at once."""
_TRIM_EVERY = 64
"""A home timeline is trimmed with about every 64th post that it gets: no post pays for all readers."""
_MOST_ANSWERS_BEFORE = 20
_MOST_OTHER_BOOSTS = 5

_POST, _AUTHOR, _PARENT_AUTHOR = "post", "author", "parent_author"
_OWNER, _TARGET, _BOOSTER, _POSITION = "owner", "target", "booster", "position"

_p = post_table.alias("p")
_parent = post_table.alias("parent")


def _follows(follower: ColumnElement[int], target: ColumnElement[int]) -> ColumnElement[bool]:
    other = follow_table.alias("other")
    return (
        select(literal(1))
        .where(other.c.follower_id == follower, other.c.target_id == target, other.c.state == "accepted")
        .exists()
    )


def _rows(owners: Any, position: ColumnElement[int], booster: ColumnElement[Any]) -> Select[Any]:
    owner = owners.subquery("owners")
    # Without a WHERE, SQLite would take ON CONFLICT for the condition of a join.
    return select(owner.c.owner_id, position, parameter(_POST), booster).where(owner.c.owner_id.is_not(None))


_FOLLOWER = follow_table.c.follower_id
_NAMED = (
    select(literal(1))
    .where(mention_table.c.post_id == parameter(_POST), mention_table.c.actor_id == _FOLLOWER)
    .exists()
)
_ANSWER_FOR_HER = or_(parameter(_PARENT_AUTHOR) == _FOLLOWER, _follows(_FOLLOWER, parameter(_PARENT_AUTHOR)))
_NO_BLOCK = ~(
    select(literal(1))
    .where(
        or_(
            (block_table.c.blocker_id == _FOLLOWER) & (block_table.c.blocked_id == parameter(_AUTHOR)),
            (block_table.c.blocker_id == parameter(_AUTHOR)) & (block_table.c.blocked_id == _FOLLOWER),
        )
    )
    .exists()
)

_SELECTS: dict[str, Select[Any]] = {
    "own": _rows(oneself(parameter(_AUTHOR)), parameter(_POST), null()),
    "post": _rows(readers_of(parameter(_AUTHOR)), parameter(_POST), null()),
    "answer": _rows(readers_of(parameter(_AUTHOR)).where(_ANSWER_FOR_HER), parameter(_POST), null()),
    "named": _rows(readers_of(parameter(_AUTHOR)).where(_NAMED), parameter(_POST), null()),
    "announce": _rows(
        union_all(oneself(parameter(_BOOSTER)), readers_of(parameter(_BOOSTER)).where(_NO_BLOCK)),
        parameter(_POSITION),
        parameter(_BOOSTER),
    ),
    "history": (
        select(parameter(_OWNER), _p.c.id, _p.c.id, null())
        .select_from(_p.outerjoin(_parent, _parent.c.id == _p.c.parent_id))
        .where(
            _p.c.author_id == parameter(_TARGET),
            _p.c.deleted_at.is_(None),
            _p.c.visibility != "direct",
            or_(
                _p.c.in_reply_to.is_(None),
                _parent.c.author_id == parameter(_TARGET),
                _parent.c.author_id == parameter(_OWNER),
                _follows(parameter(_OWNER), _parent.c.author_id),
            ),
        )
        .order_by(_p.c.id.desc())
        .limit(FROM_HISTORY)
    ),
    "boosts": (
        select(parameter(_OWNER), announce_table.c.id, announce_table.c.post_id, announce_table.c.actor_id)
        .join(post_table, post_table.c.id == announce_table.c.post_id)
        .where(
            announce_table.c.actor_id == parameter(_TARGET),
            post_table.c.deleted_at.is_(None),
            ~select(literal(1))
            .where(
                or_(
                    (block_table.c.blocker_id == parameter(_OWNER))
                    & (block_table.c.blocked_id == post_table.c.author_id),
                    (block_table.c.blocker_id == post_table.c.author_id)
                    & (block_table.c.blocked_id == parameter(_OWNER)),
                )
            )
            .exists(),
        )
        .order_by(announce_table.c.id.desc())
        .limit(FROM_HISTORY)
    ),
    "own history": (
        select(parameter(_OWNER), post_table.c.id, post_table.c.id, null())
        .where(post_table.c.author_id == parameter(_OWNER), post_table.c.deleted_at.is_(None))
        .order_by(post_table.c.id.desc())
        .limit(FROM_HISTORY)
    ),
}


@lru_cache(maxsize=2 * len(_SELECTS))
def _insert(dialect: str, what: str) -> Prepared:
    """INSERT … SELECT that passes over what stands there already; each process loads its one dialect."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert
    else:
        from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]
    columns = ("owner_id", "position", "post_id", "booster_id")
    return Prepared(insert(home).from_select(columns, _SELECTS[what]).on_conflict_do_nothing())


def _fill(unit: Unit, what: str, **ids: int) -> int:
    return _insert(unit.dialect.name, what).run(unit, [ids])


class _Facts(NamedTuple):
    """What decides who sees a post, as `_FACTS_OF_POST` selects it."""

    id: int
    author_id: int
    local: bool
    visibility: str
    in_reply_to: str | None
    deleted_at: datetime | None
    parent_author_id: int | None


_FACTS_OF_POST = (
    select(
        _p.c.id,
        _p.c.author_id,
        _p.c.local,
        _p.c.visibility,
        _p.c.in_reply_to,
        _p.c.deleted_at,
        _parent.c.author_id.label("parent_author_id"),
    )
    .select_from(_p.outerjoin(_parent, _parent.c.id == _p.c.parent_id))
)  # fmt: skip
_ANSWERS_TO = Prepared(
    _FACTS_OF_POST.where(_p.c.parent_id == parameter(_POST))
    .order_by(_p.c.id)
    .limit(fixed(_MOST_ANSWERS_BEFORE))
)
_OTHER_BOOSTS = (
    select(announce_table.c.id)
    .where(announce_table.c.post_id == parameter(_POST))
    .order_by(announce_table.c.id)
    .limit(_MOST_OTHER_BOOSTS)
)


def add_published(unit: Unit, _at: Addresses, published: PostPublished) -> None:
    """A post joins the home timelines of its readers; so do its answers that were here before it."""
    facts = _facts(unit, published.post_id)
    if facts is None:
        return
    fresh = _spread(unit, facts)
    if unit.holds(post_queries.ANSWERED, published.post_id) is not False:
        for answer in _ANSWERS_TO.all(unit, post=published.post_id):
            _spread(unit, _Facts(*answer))
    if fresh:
        _trim_some(unit, published.post_id)


def _facts(unit: Unit, post_id: int) -> _Facts | None:
    post = post_queries.by_id(unit, post_id)
    if post is None:
        return None
    parent = post_queries.by_id(unit, post.parent_id) if post.parent_id is not None else None
    return _Facts(
        post.id,
        post.author.id,
        post.local,
        post.visibility,
        post.in_reply_to,
        post.deleted_at,
        parent.author.id if parent is not None else None,
    )


def _spread(unit: Unit, row: _Facts) -> int:
    """How many home timelines a post is new in."""
    if row.deleted_at is not None:
        return 0
    if not row.local and not has_reader(unit, row.author_id):
        return 0
    ids = {_POST: row.id, _AUTHOR: row.author_id}
    fresh = _fill(unit, "own", **ids) if row.local else 0
    if row.visibility == "direct":
        fresh += _fill(unit, "named", **ids)
    elif row.in_reply_to is None or row.parent_author_id == row.author_id:
        fresh += _fill(unit, "post", **ids)
    elif row.parent_author_id is not None:
        fresh += _fill(unit, "answer", **ids, **{_PARENT_AUTHOR: row.parent_author_id})
    return fresh


def add_announced(unit: Unit, _at: Addresses, announced: Announced) -> None:
    """What somebody passed on joins the home timelines of her followers where it is not there yet."""
    if _pass_on(unit, announced.announce_id):
        _trim_some(unit, announced.post_id)


def _pass_on(unit: Unit, announce_id: int) -> bool:
    said = post_queries.announce_by_id(unit, announce_id)
    if said is None or not (has_reader(unit, said.actor_id) or signs_in(unit, said.actor_id)):
        return False
    post = post_queries.by_id(unit, said.post_id)
    if post is None or post.deleted_at is not None:
        return False
    ids = {_POST: post.id, _AUTHOR: post.author.id, _BOOSTER: said.actor_id, _POSITION: said.id}
    return _fill(unit, "announce", **ids) > 0


_OF_POST = delete(home).where(home.c.post_id == parameter(_POST))
_OF_BOOST = _OF_POST.where(home.c.booster_id == parameter(_BOOSTER))


def remove_deleted(unit: Unit, _at: Addresses, deleted: PostDeleted) -> None:
    """A deleted post leaves all home timelines."""
    unit.connection.execute(_OF_POST, {_POST: deleted.post_id})


def remove_unannounced(unit: Unit, _at: Addresses, taken_back: Unannounced) -> None:
    """What is no longer passed on leaves; it stays for those who see it by another way."""
    ids = {_POST: taken_back.post_id, _BOOSTER: taken_back.actor_id}
    if not unit.connection.execute(_OF_BOOST, ids).rowcount:
        return
    facts = _facts(unit, taken_back.post_id)
    if facts is not None:
        _spread(unit, facts)
    for other in unit.connection.execute(_OTHER_BOOSTS, {_POST: taken_back.post_id}).scalars().all():
        _pass_on(unit, other)


_OWN_ROWS = home.c.owner_id == parameter(_OWNER)
_WRITTEN_BY_TARGET = (
    select(literal(1))
    .where(post_table.c.id == home.c.post_id, post_table.c.author_id == parameter(_TARGET))
    .correlate(home)
    .exists()
)
_BECAUSE_OF = delete(home).where(
    _OWN_ROWS,
    or_(home.c.booster_id == parameter(_TARGET), home.c.booster_id.is_(None) & _WRITTEN_BY_TARGET),
)
_ANYTHING_OF = delete(home).where(_OWN_ROWS, or_(home.c.booster_id == parameter(_TARGET), _WRITTEN_BY_TARGET))


def remove_unfollowed(unit: Unit, _at: Addresses, ended: Unfollowed | FollowRefused) -> None:
    """What stood there because of a follow leaves with it; what others pass on of that author stays."""
    unit.forget(READERS)
    unit.connection.execute(_BECAUSE_OF, {_OWNER: ended.follower_id, _TARGET: ended.target_id})


def remove_blocked(unit: Unit, _at: Addresses, blocked: Blocked) -> None:
    """Neither of two who blocked one another sees the other, whoever passes it on."""
    unit.forget(READERS)
    sides = unit.connection.execute(
        select(block_table.c.blocker_id, block_table.c.blocked_id).where(block_table.c.id == blocked.block_id)
    ).first()
    if sides is not None:
        for owner, target in (sides, reversed(sides)):
            unit.connection.execute(_ANYTHING_OF, {_OWNER: owner, _TARGET: target})


def forget_actor(unit: Unit, _at: Addresses, gone: ActorDeleted) -> None:
    """Whose account is gone reads nothing and passes on nothing; the posts leave by their own deletion."""
    boosted = select(announce_table.c.post_id).where(announce_table.c.actor_id == gone.actor_id)
    unit.connection.execute(
        delete(home).where(home.c.post_id.in_(boosted), home.c.booster_id == gone.actor_id)
    )
    unit.connection.execute(delete(home).where(home.c.owner_id == gone.actor_id))


_FOLLOW_OF_READER = (
    select(follow_table.c.follower_id, follow_table.c.target_id)
    .join(user_table, user_table.c.actor_id == follow_table.c.follower_id)
    .where(follow_table.c.id == parameter("follow"), follow_table.c.state == "accepted")
)
_ALL_FOLLOWED = select(follow_table.c.target_id).where(
    follow_table.c.follower_id == parameter(_OWNER), follow_table.c.state == "accepted"
)


def add_followed(unit: Unit, _at: Addresses, followed: Followed) -> None:
    """The newest of a newly followed actor joins its reader's home timeline."""
    unit.forget(READERS)
    row = unit.connection.execute(_FOLLOW_OF_READER, {"follow": followed.follow_id}).first()
    if row is not None:
        _add_history(unit, row.follower_id, row.target_id)
        trim(unit, (row.follower_id,))


def _add_history(unit: Unit, owner_id: int, target_id: int) -> None:
    ids = {_OWNER: owner_id, _TARGET: target_id}
    _fill(unit, "history", **ids)
    _fill(unit, "boosts", **ids)


def rebuild(unit: Unit, owner_id: int) -> None:
    """Makes a home timeline anew, for who has none yet and follows somebody: the newest of each, merged."""
    unit.connection.execute(delete(home).where(_OWN_ROWS), {_OWNER: owner_id})
    _fill(unit, "own history", **{_OWNER: owner_id})
    for target_id in unit.connection.execute(_ALL_FOLLOWED, {_OWNER: owner_id}).scalars().all():
        _add_history(unit, owner_id, target_id)
    trim(unit, (owner_id,))


_FIRST_TOO_MANY = (
    select(home.c.position)
    .where(_OWN_ROWS)
    .order_by(home.c.position.desc())
    .limit(1)
    .offset(MOST_ROWS)
)  # fmt: skip
_FROM_THERE_ON = delete(home).where(_OWN_ROWS, home.c.position <= parameter(_POSITION))
_SOME_READERS = Prepared(
    select(home.c.owner_id).where(
        home.c.post_id == parameter(_POST),
        (home.c.owner_id + parameter(_POST)) % parameter("every") == 0,
    )
)


def trim(unit: Unit, owner_ids: Iterable[int]) -> None:
    """Leaves the newest `MOST_ROWS` of each of these home timelines."""
    for owner_id in owner_ids:
        ids = {_OWNER: owner_id}
        last = unit.connection.execute(_FIRST_TOO_MANY, ids).scalar()
        if last is not None:
            unit.connection.execute(_FROM_THERE_ON, ids | {_POSITION: last})


def _trim_some(unit: Unit, post_id: int) -> None:
    """Of those who got a post every 64th: ids end in random bits, so each reader's turn comes."""
    trim(unit, (row[0] for row in _SOME_READERS.all(unit, post=post_id, every=_TRIM_EVERY)))
