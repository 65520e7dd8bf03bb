"""Which activities of others stand and which were taken back, so that their order does not matter.

A Follow, Like, Announce or Block of somebody elsewhere is a claim with its own id. An Undo that arrives first
leaves its mark, and the activity that comes late is ignored: servers that send from several workers let them
overtake each other. An Undo ends the claim that it names and those of the same two sides that came before it,
which it had replaced; one that came later is a new wish and stands. (Only a new wish that overtakes
both the old one and its Undo is ended wrongly: better than to go on with what was taken back.) It knows no
effects: handlers ask here, then act.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, bindparam, delete, insert, select, update

from fedi_cluster.federation.inbox.message import Ignored
from fedi_cluster.federation.vocab.types import Undo
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.kernel.errors import Refused
from fedi_cluster.storage.insert import Upsert
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.inbox import claim as table
from fedi_cluster.storage.unit import Unit

KEPT = timedelta(days=90)
"""As long as processed ids and tombstones (limits.md)."""

MOST_BYTES = 2_000
"""Of the two sides of a claim together, in UTF-8: an index of PostgreSQL takes about 2,700."""

_KNOWN = Prepared(select(table.c.actor, table.c.undone_by).where(table.c.uri == bindparam("uri")))
_NOTE = Upsert(table, ("uri",))


@dataclass(frozen=True, slots=True)
class Sides:
    """What a claim is about: `kind` is Follow, Like, Announce or Block, `actor` and `object` are ids.

    Raises `Refused` where the ids have more than MOST_BYTES together.
    """

    kind: str
    actor: str
    object: str

    def __post_init__(self) -> None:
        if len(self.actor.encode()) + len(self.object.encode()) > MOST_BYTES:
            raise Refused("The ids of who acts and of what it is about are too long together.")


def stand(unit: Unit, uri: str, sides: Sides) -> str:
    """Notes the activity with the id `uri`; gives the id of the claim that stands now, mostly the same.

    Raises `Ignored` where its Undo came first. Where that Undo had been taken for one of an older claim, the
    older one stands again, and its id is what is given.
    """
    row = {"uri": uri, "id": unit.new_id(), "actor": sides.actor, "kind": sides.kind}
    if _NOTE.is_new(unit, row | {"object": sides.object, "created_at": unit.now}):
        return uri
    known = _KNOWN.first(unit, uri=uri)
    assert known is not None, "an id that cannot be noted is there"
    actor, undone_by = known
    if actor != sides.actor:
        raise Refused("This id belongs to somebody else's activity.", detail=uri)
    return uri if undone_by is None else _revived(unit, uri)


def _revived(unit: Unit, uri: str) -> str:
    wronged = select(table.c.uri).where(table.c.undone_by == uri, table.c.uri != uri).order_by(table.c.uri)
    found = unit.connection.execute(wronged).scalars().all()
    if not found:
        raise Ignored("It was taken back before it arrived.", detail=uri)
    unit.connection.execute(update(table).where(table.c.uri.in_(found)).values(undone_by=None))
    return str(found[0])


def take_back(unit: Unit, said: Undo, named: Sides | None) -> Sides | None:
    """Marks what an Undo names as undone; gives the sides whose effect ends, None where none ends by this.

    `named` are the sides as far as the Undo tells them. An id that never arrived is marked, too, and the
    older claims of the same sides end with it: Lemmy makes the inner id of an Undo anew. Should the activity
    with this id arrive after all, `stand` corrects it. Raises `Refused` where somebody else's is named.
    """
    uri = said.object_id or (said.inner.id if said.inner else None)
    if uri and not same_origin(uri, said.actor):
        raise Refused("Nobody takes back what lies on another server.", detail=uri)
    known = unit.connection.execute(select(table).where(table.c.uri == uri)).first() if uri else None
    if known is None:
        return _guess(unit, said, uri, named)
    if known.actor != said.actor:
        raise Refused("The activity is somebody else's.", detail=uri)
    unit.connection.execute(update(table).where(table.c.uri == uri).values(undone_by=uri))
    if known.kind is None:
        return None
    sides = Sides(known.kind, known.actor, known.object)
    replaced = _standing(sides) & (table.c.id < known.id)
    unit.connection.execute(update(table).where(replaced).values(undone_by=said.id))
    later = unit.connection.execute(select(table.c.uri).where(_standing(sides)).limit(1)).first()
    return None if later else sides


def _guess(unit: Unit, said: Undo, uri: str | None, sides: Sides | None) -> Sides | None:
    if uri:
        unit.connection.execute(
            insert(table).values(
                uri=uri,
                id=unit.new_id(),
                actor=said.actor,
                kind=sides.kind if sides else None,
                object=sides.object if sides else None,
                undone_by=uri,
                created_at=unit.now,
            )
        )
    if sides:
        unit.connection.execute(update(table).where(_standing(sides)).values(undone_by=uri or said.id))
    return sides


def _standing(sides: Sides) -> ColumnElement[bool]:
    claims = table.c
    return (
        (claims.actor == sides.actor)
        & (claims.kind == sides.kind)
        & (claims.object == sides.object)
        & claims.undone_by.is_(None)
    )


def trim(unit: Unit, most: int = 1000) -> int:
    """Forgets what is older than 90 days; gives how many, `most` at once.

    Effects stay: an Undo then finds them itself.
    """
    old = select(table.c.uri).where(table.c.created_at < unit.now - KEPT).limit(most)
    return unit.connection.execute(delete(table).where(table.c.uri.in_(old))).rowcount
