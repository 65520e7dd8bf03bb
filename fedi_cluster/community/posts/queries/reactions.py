"""Reads of likes and announces: single ones, and whether somebody has reacted already."""

from collections.abc import Iterable

from sqlalchemy import Table, bindparam, select, union_all

from fedi_cluster.community.posts.shapes import Reaction
from fedi_cluster.storage.among import among
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables import posts as tables
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.unit import Reader

# Families of `Reader.held`; whoever takes a reaction back says `forget_reactions`.
_ANNOUNCES = "announce"  # by id
_OF_POST = "announced"  # the announces of a post that this transaction has published, by its id
_REACTIONS = "reaction"  # whether there is one, by uri


def _reactions(table: Table) -> dict[str, Prepared]:
    columns = table.c
    whole = select(columns.id, columns.uri, columns.actor_id, columns.post_id, columns.created_at)
    return {
        "id": Prepared(whole.where(columns.id == bindparam("id", type_=BigId))),
        "uri": Prepared(whole.where(columns.uri == bindparam("uri"))),
        "between": Prepared(
            whole.where(
                columns.actor_id == bindparam("actor", type_=BigId),
                columns.post_id == bindparam("post", type_=BigId),
            )
        ),
    }


_LIKE = _reactions(tables.like)
_ANNOUNCE = _reactions(tables.announce)
_ANY_REACTION = Prepared(
    union_all(
        *(select(one.c.id).where(one.c.uri == bindparam("uri")) for one in (tables.like, tables.announce))
    )
)
_REACTIONS_OF = Prepared(
    union_all(*(select(one.c.uri).where(among(one.c.uri, "uris")) for one in (tables.like, tables.announce)))
)


def _reaction(reader: Reader, statement: Prepared, **named: object) -> Reaction | None:
    row = statement.first(reader, **named)
    return Reaction(*row) if row else None


def like_by_id(reader: Reader, like_id: int) -> Reaction | None:
    """The like of this id, None where it was taken back."""
    return _reaction(reader, _LIKE["id"], id=like_id)


def like_between(reader: Reader, actor_id: int, post_id: int) -> Reaction | None:
    """The like of a post by an actor."""
    return _reaction(reader, _LIKE["between"], actor=actor_id, post=post_id)


def announce_by_id(reader: Reader, announce_id: int) -> Reaction | None:
    """The announce of this id, None where it was taken back."""
    return reader.held(_ANNOUNCES, announce_id, lambda: _reaction(reader, _ANNOUNCE["id"], id=announce_id))


def hold_announce(reader: Reader, announce: Reaction) -> None:
    """The announce as this transaction has just written it: nobody reads it again."""
    reader.hold(_ANNOUNCES, announce.id, announce)
    of_post = reader.holds(_OF_POST, announce.post_id)
    if of_post is not None:
        of_post[announce.actor_id] = announce


def forget_reactions(reader: Reader) -> None:
    """Likes or announces were taken back: they are read anew."""
    for family in (_ANNOUNCES, _OF_POST, _REACTIONS):
        reader.forget(family)


def announce_between(reader: Reader, actor_id: int, post_id: int) -> Reaction | None:
    """The announce of a post by an actor."""
    of_post: dict[int, Reaction] | None = reader.holds(_OF_POST, post_id)
    if of_post is not None:
        return of_post.get(actor_id)
    return _reaction(reader, _ANNOUNCE["between"], actor=actor_id, post=post_id)


def is_reaction(reader: Reader, uri: str) -> bool:
    """Whether a like or announce began with this activity: what one asks before each new one."""
    return reader.held(_REACTIONS, uri, lambda: _ANY_REACTION.first(reader, uri=uri) is not None)


def hold_reaction(reader: Reader, uri: str) -> None:
    """A like or announce began with this activity in this transaction."""
    reader.hold(_REACTIONS, uri, True)


def reaction_by_uri(reader: Reader, uri: str) -> tuple[str, Reaction] | None:
    """The like or announce that began with this activity, with `like` or `announce`."""
    for name, statements in (("like", _LIKE), ("announce", _ANNOUNCE)):
        found = _reaction(reader, statements["uri"], uri=uri)
        if found:
            return name, found
    return None


def read_reactions_ahead(reader: Reader, uris: Iterable[str]) -> None:
    """Reads at once what `is_reaction` will be asked; what is not there is held, too."""
    acts = sorted(set(uris))
    known = {uri for (uri,) in _REACTIONS_OF.all(reader, uris=acts)}
    for uri in acts:
        reader.hold(_REACTIONS, uri, uri in known)


def hold_unannounced(reader: Reader, post_id: int) -> None:
    """This transaction has published the post: nobody has announced it yet."""
    reader.hold(_OF_POST, post_id, {})
