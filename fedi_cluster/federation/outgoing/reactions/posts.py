"""What other servers are told of posts: Create, Update, Delete, Announce, Like, and Undo."""

from dataclasses import dataclass

from sqlalchemy import select

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.facts import (
    Announced,
    Liked,
    PostDeleted,
    PostEdited,
    PostPublished,
    PostRecovered,
    Unannounced,
    Unliked,
)
from fedi_cluster.community.posts.rules import is_known_to_all, is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.outgoing import audience
from fedi_cluster.federation.outgoing.send import send, signed
from fedi_cluster.federation.remote import lanes
from fedi_cluster.federation.render import activity as render
from fedi_cluster.federation.render import post as render_post
from fedi_cluster.kernel.addresses import PUBLIC, Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.storage.tables.federation import activity as activity_table
from fedi_cluster.storage.unit import Unit


def send_post(unit: Unit, at: Addresses, fact: PostPublished) -> None:
    """The Create of a local post, to followers and whom it names."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None or post.deleted_at:
        return
    inboxes = audience.of_post(unit, at, post)
    _created(unit, at, post)
    lanes.add(unit, inboxes, post.author.id, activity_id=post.id)
    post_actions.note_recipients(unit, post.id, inboxes)


def _created(unit: Unit, at: Addresses, post: Post) -> Json:
    """The Create of a post as it is sent to whomever; its id is the post's own number: it is made once."""
    known = unit.connection.execute(
        select(activity_table.c.document).where(activity_table.c.id == post.id)
    ).scalar()
    if known is not None:
        return parse_object(bytes(known))
    uri = at.activity(post.id)
    document = signed(
        unit, post.author, render.create(post, uri, signed(unit, post.author, render_post.post(at, post)))
    )
    if not render.fits(document):
        document = signed(unit, post.author, render.create_by_reference(post, uri))
    seen_by = "outbox" if is_open(post) else "private"
    send(unit, post.author, post.id, document, (), seen_by=seen_by, post_id=post.id)
    return document


def recall(unit: Unit, at: Addresses, fact: PostRecovered) -> None:
    """The Create and the region's Announce of a post that came back, for outboxes and ids; sent to nobody.

    Who probably had the post hears of its edits and deletion again.
    """
    post, region = post_queries.by_id(unit, fact.post_id), actor_queries.local(unit, REGION)
    if post is None or post.deleted_at or region is None:
        return
    _created(unit, at, post)
    inboxes = audience.of_post(unit, at, post)
    announce = post_queries.announce_between(unit, region.id, post.id)
    if announce is not None:
        moment, followers = whole_second(post.published_at), region.followers or ""
        said = render.announce_object(region.uri, followers, announce.uri, post.uri, moment)
        own_id = int(announce.uri.rpartition("/")[2])
        send(unit, region, own_id, signed(unit, region, said), (), seen_by="outbox", post_id=post.id)
        inboxes |= audience.of_followers(unit, at, region)
    post_actions.note_recipients(unit, post.id, inboxes)


def send_update(unit: Unit, at: Addresses, fact: PostEdited) -> None:
    """The Update, by the author, to everybody who may have the post."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None or post.deleted_at:
        return
    activity_id = unit.new_id()
    uri = at.activity(activity_id)
    document = signed(
        unit, post.author, render.update(post, uri, signed(unit, post.author, render_post.post(at, post)))
    )
    if not render.fits(document):
        document = signed(unit, post.author, render.update_by_reference(post, uri))
    inboxes = audience.of_change(unit, at, post)
    seen_by = "public" if is_open(post) else "private"
    send(unit, post.author, activity_id, document, inboxes, seen_by=seen_by, post_id=post.id)
    post_actions.note_recipients(unit, post.id, inboxes)


def send_delete(unit: Unit, at: Addresses, fact: PostDeleted) -> None:
    """The Delete with the signed tombstone, by the author, to everybody who may have the post."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None or post.deleted_at is None:
        return
    gone = signed(
        unit,
        post.author,
        render_post.tombstone(post.uri, post.type, post.published_at, post.deleted_at),
    )
    activity_id = unit.new_id()
    document = signed(unit, post.author, render.delete(post, at.activity(activity_id), gone, post.deleted_at))
    inboxes = audience.of_change(unit, at, post)
    seen_by = "public" if is_known_to_all(post) else "private"
    send(unit, post.author, activity_id, document, inboxes, seen_by=seen_by, post_id=post.id)


def send_announce(unit: Unit, at: Addresses, fact: Announced) -> None:
    """The Announce by its two forms: verbatim with the Create for sisters, by the id for others.

    A sister needs no second request and can check the author's proof; microblogs read the id.
    """
    announce = post_queries.announce_by_id(unit, fact.announce_id)
    post = post_queries.by_id(unit, fact.post_id)
    if announce is None or post is None or post.deleted_at:
        return
    actor = actor_queries.by_id(unit, announce.actor_id)
    followers = actor.followers or ""
    moment = whole_second(announce.created_at)
    inboxes = audience.of_followers(unit, at, actor)
    if not post.local:
        inboxes |= audience.of_actor(unit, at, post.author)
    sisters = inboxes & audience.of_sisters(unit, at)
    by_id = render.announce_object(actor.uri, followers, announce.uri, post.uri, moment)
    own_id = int(announce.uri.rpartition("/")[2])
    if post.local:
        created = _created(unit, at, post)
        activity_id = unit.new_id()
        verbatim = signed(
            unit,
            actor,
            render.announce_activity(actor.uri, followers, at.activity(activity_id), created, moment),
        )
        if render.fits(verbatim):
            send(unit, actor, activity_id, verbatim, sisters, seen_by="public", post_id=post.id)
            inboxes -= sisters
    send(unit, actor, own_id, signed(unit, actor, by_id), inboxes, seen_by="outbox", post_id=post.id)
    if post.local:
        post_actions.note_recipients(unit, post.id, inboxes | sisters)


def send_unannounce(unit: Unit, at: Addresses, fact: Unannounced) -> None:
    """The Undo of an Announce, to the followers of who passed it on, each of the form that it was sent."""
    actor = actor_queries.by_id(unit, fact.actor_id)
    post = post_queries.by_id(unit, fact.post_id)
    if post is None:
        return
    inboxes = audience.of_followers(unit, at, actor) | audience.of_actor(unit, at, post.author)
    verbatim = _verbatim_announce(unit, actor, post, fact.uri)
    if verbatim is not None:
        sisters = inboxes & audience.of_sisters(unit, at)
        inboxes -= sisters
        told = _Undone("Announce", verbatim, post.uri, [PUBLIC], [actor.followers or ""])
        _undo(unit, at, actor, told, sisters)
    undone = _Undone("Announce", fact.uri, post.uri, [PUBLIC], [actor.followers or ""])
    _undo(unit, at, actor, undone, inboxes)


def _verbatim_announce(unit: Unit, actor: Actor, post: Post, by_id: str) -> str | None:
    """The id of the Announce that carried the Create of a post; None where there was only the one by id."""
    table = activity_table.c
    return unit.connection.execute(
        select(table.uri)
        .where(table.post_id == post.id, table.type == "Announce", table.actor_id == actor.id)
        .where(table.uri != by_id)
        .order_by(table.id.desc())
        .limit(1)
    ).scalar()


def send_like(unit: Unit, at: Addresses, fact: Liked) -> None:
    """The Like, to the author of a post of another instance."""
    like = post_queries.like_by_id(unit, fact.like_id)
    post = post_queries.by_id(unit, fact.post_id)
    if like is None or post is None or post.author.local:
        return
    actor = actor_queries.by_id(unit, like.actor_id)
    document = render.like(like.uri, actor.uri, post.uri, [post.author.uri], post.context)
    own_id = int(like.uri.rpartition("/")[2])
    send(unit, actor, own_id, signed(unit, actor, document), audience.of_actor(unit, at, post.author))


def send_unlike(unit: Unit, at: Addresses, fact: Unliked) -> None:
    """The Undo of a Like, to the author."""
    post = post_queries.by_id(unit, fact.post_id)
    if post is None or post.author.local:
        return
    actor = actor_queries.by_id(unit, fact.actor_id)
    inboxes = audience.of_actor(unit, at, post.author)
    _undo(unit, at, actor, _Undone("Like", fact.uri, post.uri, [post.author.uri], []), inboxes)


@dataclass(frozen=True, slots=True)
class _Undone:
    kind: str
    uri: str
    about: str
    to: list[str]
    cc: list[str]


def _undo(unit: Unit, at: Addresses, actor: Actor, undone: _Undone, inboxes: set[str]) -> None:
    activity_id = unit.new_id()
    document = render.undo(
        at.activity(activity_id),
        actor.uri,
        undone.to,
        undone.cc,
        inner_id=undone.uri,
        inner_type=undone.kind,
        inner_actor=actor.uri,
        inner_object=undone.about,
    )
    send(unit, actor, activity_id, signed(unit, actor, document), inboxes)
