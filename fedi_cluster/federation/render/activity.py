"""Activities of local actors (golden `activity-*`), unsigned; whom they reach is decided elsewhere.

What is embedded whole (an object, a tombstone, a member list, a foreign activity) is handed in signed and
goes in unchanged: a changed byte would break its proof.
"""

from collections.abc import Sequence
from datetime import datetime

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.federation.render import contexts
from fedi_cluster.federation.render.values import stated
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.clock import to_wire
from fedi_cluster.kernel.json import Json, dumps

MAX_BYTES = 60 * 1024  # Misskey refuses more than 64 KiB (golden rule 9)


def fits(signed: Json) -> bool:
    """Whether a signed activity is small enough to be read everywhere; else send it by reference."""
    return len(dumps(signed)) <= MAX_BYTES


def create(post: Post, activity_uri: str, signed_object: Json) -> Json:
    """The Create of a local post with the signed object inside."""
    return _about(post, activity_uri, "Create", post.published_at, signed_object)


def create_by_reference(post: Post, activity_uri: str) -> Json:
    """The Create that only names its object: for posts that would not fit. Pixelfed drops this form."""
    return _about(post, activity_uri, "Create", post.published_at, post.uri)


def update(post: Post, activity_uri: str, signed_object: Json) -> Json:
    """The Update of an edited local post with the signed object inside; published when it was edited."""
    return _about(post, activity_uri, "Update", post.version, signed_object)


def update_by_reference(post: Post, activity_uri: str) -> Json:
    """The Update that only names its object: for posts that would not fit."""
    return _about(post, activity_uri, "Update", post.version, post.uri)


def delete(post: Post, activity_uri: str, signed_tombstone: Json, deleted_at: datetime) -> Json:
    """The Delete of a local post, to whom it was addressed; `deleted_at` is aware.

    A signed tombstone instead of an id, because Lemmy wants an object and sisters keep the proof.
    """
    return _about(post, activity_uri, "Delete", deleted_at, signed_tombstone)


def announce_object(
    actor_uri: str, followers_uri: str, activity_uri: str, object_uri: str, published: datetime
) -> Json:
    """A boost as microblogs read it: the object by its id; `published` is aware."""
    return _announce(actor_uri, followers_uri, activity_uri, object_uri, published)


def announce_activity(
    actor_uri: str, followers_uri: str, activity_uri: str, inner_activity: Json, published: datetime
) -> Json:
    """A Group passes on an activity verbatim, for forums and sisters (FEP-1b12); `published` is aware."""
    return _announce(actor_uri, followers_uri, activity_uri, inner_activity, published)


def follow(uri: str, actor: str, object_uri: str) -> Json:
    """A Follow, to its object; all arguments are ids."""
    return _plain(uri, "Follow", actor, [object_uri], object_uri)


def accept(uri: str, actor: str, follow_uri: str, follower: str, target: str) -> Json:
    """The Accept of a Follow, to the follower: with the four members that every server looks for."""
    return _plain(uri, "Accept", actor, [follower], _inner(follow_uri, "Follow", follower, target))


def reject(uri: str, actor: str, follow_uri: str, follower: str, target: str) -> Json:
    """The Reject of a Follow, also one that was accepted before; to the follower."""
    return _plain(uri, "Reject", actor, [follower], _inner(follow_uri, "Follow", follower, target))


def undo(
    uri: str,
    actor: str,
    to: Sequence[str],
    cc: Sequence[str],
    *,
    inner_id: str,
    inner_type: str,
    inner_actor: str,
    inner_object: str,
) -> Json:
    """The Undo of a Follow, Like, Announce or Block, which is embedded without context and proof.

    The original is not repeated: a foreign context under ours made Fedify refuse (golden README).
    """
    inner = _inner(inner_id, inner_type, inner_actor, inner_object)
    return _plain(uri, "Undo", actor, to, inner) | {"cc": [*cc]}


def like(uri: str, actor: str, object_uri: str, to: Sequence[str], context: str | None) -> Json:
    """A Like, to the author; `context` is the id of the object's thread (Pleroma of 2021 asks for it)."""
    document = _plain(uri, "Like", actor, to, object_uri)
    return document if context is None else document | {"context": context}


def block(uri: str, actor: str, object_uri: str) -> Json:
    """A Block, sent to the blocked actor so that its server hides what it should."""
    return _plain(uri, "Block", actor, [object_uri], object_uri)


def join(uri: str, actor: str, to: Sequence[str], object_uri: str) -> Json:
    """The wish of a new instance to join a cluster; `object_uri` is the invitation's link."""
    return _plain(uri, "Join", actor, to, object_uri)


def update_actor(uri: str, signed_actor: Json, followers: str | None, published: datetime) -> Json:
    """The Update of a local actor's profile, to everybody (golden `activity-update-person`)."""
    actor = str(signed_actor["id"])
    return {
        "@context": _context_of(signed_actor),
        "id": uri,
        "type": "Update",
        "actor": actor,
        "published": to_wire(published),
        "to": [PUBLIC],
        "cc": [followers] if followers else [],
        "object": signed_actor,
    }


def update_members(uri: str, actor: str, to: Sequence[str], signed_list: Json) -> Json:
    """The Update that carries a signed member list from one instance actor to others."""
    document = _plain(uri, "Update", actor, to, signed_list)
    return document | {"@context": _context_of(signed_list)}


def bare(document: Json) -> Json:
    """An activity without context and proof, and so its object: an item of a page of an outbox.

    A page holds no proofs because some servers read only eight levels; each stands at its own id.
    """
    inner = document.get("object")
    stripped = _stripped(document)
    return stripped | {"object": _stripped(inner)} if isinstance(inner, dict) else stripped


def _stripped(document: Json) -> Json:
    return {name: value for name, value in document.items() if name not in ("@context", "proof")}


def _context_of(embedded: Json) -> contexts.Context:
    context = embedded["@context"]
    assert isinstance(context, list), "every document of ours has an array as @context"
    return [*context]


def _about(post: Post, uri: str, kind: str, published: datetime, about: Json | str) -> Json:
    # The object's context is repeated: who compacts with the outer one would lose our hashtags otherwise.
    context = [*contexts.ACTIVITY] if isinstance(about, str) else _context_of(about)
    return stated(
        {
            "@context": context,
            "id": uri,
            "type": kind,
            "actor": post.author.uri,
            "published": to_wire(published),
            "to": [*post.to],
            "cc": [*post.cc],
            "audience": post.audience,
            "object": about,
        }
    )


def _announce(actor: str, followers: str, uri: str, about: Json | str, published: datetime) -> Json:
    context = contexts.ACTIVITY if isinstance(about, str) else contexts.ANNOUNCE_ACTIVITY
    return {
        "@context": [*context],
        "id": uri,
        "type": "Announce",
        "actor": actor,
        "published": to_wire(published),
        "to": [PUBLIC],
        "cc": [followers],
        "object": about,
    }


def _plain(uri: str, kind: str, actor: str, to: Sequence[str], about: Json | str) -> Json:
    return {
        "@context": [*contexts.ACTIVITY],
        "id": uri,
        "type": kind,
        "actor": actor,
        "to": [*to],
        "cc": [],
        "object": about,
    }


def _inner(uri: str, kind: str, actor: str, about: str) -> Json:
    return {"id": uri, "type": kind, "actor": actor, "object": about}
