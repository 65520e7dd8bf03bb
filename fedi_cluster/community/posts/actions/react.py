"""Like and announce a post, and take both back."""

from sqlalchemy import Table, delete, insert, select

from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries, rules
from fedi_cluster.community.posts.actions.publish import count
from fedi_cluster.community.posts.facts import Announced, Liked, Unannounced, Unliked
from fedi_cluster.community.posts.shapes import Post, Reaction
from fedi_cluster.community.relationships.queries import follow_between, is_blocked
from fedi_cluster.kernel.errors import Conflict, Forbidden
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.unit import Unit

_INSERT = {table.name: Prepared(insert(table)) for table in (tables.like, tables.announce)}


def _add(unit: Unit, table: Table, actor: Actor, post: Post, uri: str) -> Reaction:
    if queries.is_reaction(unit, uri):
        raise Conflict("This id was given to another act already.", detail=uri)
    reaction_id = unit.new_id()
    row = {"id": reaction_id, "uri": uri, "actor_id": actor.id, "post_id": post.id, "created_at": unit.now}
    _INSERT[table.name].later(unit, row)
    queries.hold_reaction(unit, uri)
    return Reaction(reaction_id, uri, actor.id, post.id, unit.now)


def check_blocks(unit: Unit, actor: Actor, post: Post) -> None:
    """Raises `Forbidden` where `actor` or the author blocked the other."""
    if is_blocked(unit, actor.id, post.author.id):
        raise Forbidden("One of you two blocked the other.")


def check_sees(unit: Unit, actor: Actor, post: Post) -> None:
    """Raises `Forbidden`: who cannot read a post has nothing to say to it (threats ORI-046)."""
    if rules.is_open(post) or post.author.id == actor.id or actor.uri in (*post.to, *post.cc):
        return
    follow = follow_between(unit, actor.id, post.author.id)
    if post.visibility != "followers" or follow is None or follow.state != "accepted":
        raise Forbidden("This post is not meant for you.")


def like(unit: Unit, actor: Actor, post: Post, uri: str) -> None:
    """`actor` likes `post`; `uri` is the id of the Like; a second like changes nothing.

    Raises `Forbidden` where author and actor blocked one another, or the post is gone or not for `actor`.
    """
    if post.deleted_at:
        raise Forbidden("The post was deleted.")
    if queries.like_between(unit, actor.id, post.id):
        return
    check_blocks(unit, actor, post)
    check_sees(unit, actor, post)
    liked = _add(unit, tables.like, actor, post, uri)
    count(unit, post.id, "likes_count", 1)
    unit.record(Liked(liked.id, post.id, local=actor.local))


def unlike(unit: Unit, actor: Actor, post: Post) -> None:
    """Takes a like back; where there is none, nothing happens."""
    known = queries.like_between(unit, actor.id, post.id)
    if known is None:
        return
    unit.connection.execute(delete(tables.like).where(tables.like.c.id == known.id))
    queries.forget_reactions(unit)
    count(unit, post.id, "likes_count", -1)
    unit.record(Unliked(known.uri, actor.id, post.id, local=actor.local))


def announce(unit: Unit, actor: Actor, post: Post, uri: str, *, again: bool = False) -> None:
    """`actor` passes `post` on; `uri` is the id of the Announce; a second time changes nothing.

    `again` as in `publish`. Raises `Forbidden` where the post may not be passed on.
    """
    if not rules.may_announce(actor, post):
        raise Forbidden("This post may not be passed on.")
    if queries.announce_between(unit, actor.id, post.id):
        return
    check_blocks(unit, actor, post)
    announced = _add(unit, tables.announce, actor, post, uri)
    queries.hold_announce(unit, announced)
    count(unit, post.id, "announces_count", 1)
    unit.record(Announced(announced.id, post.id, local=actor.local and not again))


def withdraw_all(unit: Unit, actor: Actor) -> None:
    """Takes back every like and announce of an actor whose account goes."""
    for table, take_back in ((tables.like, unlike), (tables.announce, unannounce)):
        on = (
            unit.connection.execute(select(table.c.post_id).where(table.c.actor_id == actor.id))
            .scalars()
            .all()
        )
        for post in queries.by_ids(unit, on).values():
            take_back(unit, actor, post)


def unannounce(unit: Unit, actor: Actor, post: Post) -> None:
    """Takes an announce back; where there is none, nothing happens."""
    known = queries.announce_between(unit, actor.id, post.id)
    if known is None:
        return
    unit.connection.execute(delete(tables.announce).where(tables.announce.c.id == known.id))
    queries.forget_reactions(unit)
    count(unit, post.id, "announces_count", -1)
    unit.record(Unannounced(known.uri, actor.id, post.id, local=actor.local))
