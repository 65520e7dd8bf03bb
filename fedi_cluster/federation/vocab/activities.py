"""Foreign activities; embedded documents are read with them, and no claim is judged."""

from collections.abc import Callable, Mapping
from typing import cast

from fedi_cluster.federation.vocab.actors import actor as read_actor
from fedi_cluster.federation.vocab.kinds import ACTIVITIES, ACTORS, COLLECTIONS, kind_of
from fedi_cluster.federation.vocab.lists import member_list
from fedi_cluster.federation.vocab.objects import obj, obj_of
from fedi_cluster.federation.vocab.types import (
    Accept,
    Activity,
    Announce,
    Block,
    Content,
    Create,
    Delete,
    Follow,
    Head,
    Inner,
    Join,
    Like,
    Reject,
    Tombstone,
    Undo,
    Unknown,
    Unreadable,
    Update,
)
from fedi_cluster.federation.vocab.uris import identifier
from fedi_cluster.federation.vocab.values import as_list, moment, plain, reference, references, terms, text
from fedi_cluster.kernel.json import Json

# Where one of these stands at the top, the four members that count may be written otherwise.
_OTHER_SPELLINGS = frozenset({"@id", "@type", *(f"as:{name}" for name in ("id", "type", "actor", "object"))})


def head(document: Json) -> Head | Unreadable:
    """What stands at the top of an activity: enough to judge who speaks, before the rest is read."""
    if not document.keys().isdisjoint(_OTHER_SPELLINGS):
        document = terms(document)
    own_id, actor, kind = identifier(document.get("id")), reference(document.get("actor")), kind_of(document)
    if kind is None:
        return Unreadable("The activity has no type, or several that disagree.", own_id)
    if own_id is None:
        return Unreadable("The activity has no usable id.")
    if actor is None:
        return Unreadable("The activity has no usable actor.", own_id)
    inner = document.get("object")
    if kind in _READERS and not as_list(inner):
        return Unreadable("The activity has no usable object.", own_id)
    # Of an embedded object only its id is asked for here.
    plain_id = inner.get("id") if isinstance(inner, dict) and "@id" not in inner else None
    return Head(own_id, actor, kind, reference(plain_id if isinstance(plain_id, str) else inner))


def activity(document: Json) -> Activity | Unreadable:
    """An activity from its document (ActivityStreams Vocabulary 3.1).

    A type that is not handled becomes `Unknown`; one that is needs `id`, `actor` and an `object` with an
    id (an Accept, Reject or Undo may embed an activity without one), else it is `Unreadable`.
    """
    members = terms(document)
    own_id = identifier(members.get("id"))
    kind = kind_of(members)
    actor = reference(members.get("actor"))
    if kind is None:
        return Unreadable("The activity has no type, or several that disagree.", own_id)
    read = _READERS.get(kind)
    if read is None:
        return Unknown(own_id, actor, kind)
    if own_id is None:
        return Unreadable("The activity has no usable id.")
    if actor is None:
        return Unreadable("The activity has no usable actor.", own_id)
    return read(own_id, actor, members) or Unreadable("The activity has no usable object.", own_id)


def _follow(own_id: str, actor: str, members: Json) -> Follow | None:
    target = reference(members.get("object"))
    return Follow(own_id, actor, target) if target else None


def _block(own_id: str, actor: str, members: Json) -> Block | None:
    target = reference(members.get("object"))
    return Block(own_id, actor, target) if target else None


def _accept(own_id: str, actor: str, members: Json) -> Accept | None:
    target, inner = _answered(members)
    return Accept(own_id, actor, target, inner) if target or inner else None


def _reject(own_id: str, actor: str, members: Json) -> Reject | None:
    target, inner = _answered(members)
    return Reject(own_id, actor, target, inner) if target or inner else None


def _undo(own_id: str, actor: str, members: Json) -> Undo | None:
    target, inner = _answered(members)
    return Undo(own_id, actor, target, inner) if target or inner else None


def _answered(members: Json) -> tuple[str | None, Inner | None]:
    """The id of an answered activity, and what of it was embedded (an Accept is matched by either)."""
    value = members.get("object")
    raw = _embedded(value)
    if raw is None:
        return reference(value), None
    given = terms(raw)
    kind = kind_of(given)
    own_id = identifier(given.get("id"))
    if kind not in ACTIVITIES:
        return own_id, None
    return own_id, Inner(own_id, kind, reference(given.get("actor")), reference(given.get("object")))


def _create(own_id: str, actor: str, members: Json) -> Create | None:
    target, raw = reference(members.get("object")), _embedded(members.get("object"))
    if target is None:
        return None
    return Create(
        own_id,
        actor,
        target,
        _content(raw),
        raw,
        references(members.get("to")),
        references(members.get("cc")),
        references(members.get("audience")),
        moment(members.get("published")),
    )


def _update(own_id: str, actor: str, members: Json) -> Update | None:
    made = _create(own_id, actor, members)
    if made is None:
        return None
    return Update(
        own_id,
        actor,
        made.object_id,
        made.object,
        made.raw_object,
        made.to,
        made.cc,
        made.audience,
        made.published,
    )


def _content(raw: Json | None) -> Content | None:
    if raw is None:
        return None
    members = terms(raw)
    kind = kind_of(members)
    if kind in ACTORS:
        found: object = read_actor(raw)
    elif kind in COLLECTIONS:
        found = member_list(raw) if "creative:format" in members else None
    else:
        found = obj_of(members)
    return None if isinstance(found, Unreadable | Tombstone) else cast(Content | None, found)


def _delete(own_id: str, actor: str, members: Json) -> Delete | None:
    target, raw = reference(members.get("object")), _embedded(members.get("object"))
    if target is None:
        return None
    former = obj(raw) if raw is not None else None
    return Delete(own_id, actor, target, former if isinstance(former, Tombstone) else None, raw)


def _announce(own_id: str, actor: str, members: Json) -> Announce | None:
    target, raw = reference(members.get("object")), _embedded(members.get("object"))
    if target is None:
        return None
    to, cc = references(members.get("to")), references(members.get("cc"))
    return Announce(own_id, actor, target, raw, moment(members.get("published")), to, cc)


def _like(own_id: str, actor: str, members: Json) -> Like | None:
    target = reference(members.get("object"))
    reaction = plain(members.get("content", members.get("_misskey_reaction")), 200)
    return Like(own_id, actor, target, reaction) if target else None


def _join(own_id: str, actor: str, members: Json) -> Join | None:
    target = reference(members.get("object"))
    return Join(own_id, actor, target, text(members.get("participationMessage"), 5_000)) if target else None


def _embedded(value: object) -> Json | None:
    """The document inside, exactly as it came, where the first item is one and not only an id."""
    first = next(iter(as_list(value)), None)
    if not isinstance(first, dict) or not set(first) - {"id", "@id"}:
        return None
    return cast(Json, first)


_READERS: Mapping[str, Callable[[str, str, Json], Activity | None]] = {
    "Follow": _follow,
    "Accept": _accept,
    "Reject": _reject,
    "Undo": _undo,
    "Create": _create,
    "Update": _update,
    "Delete": _delete,
    "Announce": _announce,
    "Like": _like,
    "Block": _block,
    "Join": _join,
}
