"""The ledger: what each instance of the cluster has in public; acts on its rows, and reads of single ones.

Documents are opaque bytes here. Every change of a listed row makes the digest of its day stale, in the same
transaction. A row that was listed stays: what is deleted is a tombstone for good.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, func, insert, select, update

from fedi_cluster.community.regions.periods import day_of
from fedi_cluster.community.regions.rules import supersedes
from fedi_cluster.community.regions.shapes import Held, Listed
from fedi_cluster.storage.among import among
from fedi_cluster.storage.insert import insert_new
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.cluster import cluster_day, cluster_object
from fedi_cluster.storage.unit import Reader, Unit

_row, _day = cluster_object.c, cluster_day.c
COLUMNS = (
    _row.uri, _row.type, _row.published_at, _row.version, _row.deleted, _row.former_type, _row.listed,
    _row.offered, _row.document, _row.verified,
)  # fmt: skip
"""What `held_of` takes, in this order."""

STALE = "stale"
"""The family of `Unit.held` that marks are; whoever computes a digest lets them be forgotten."""

ROWS = "ledger"
"""The family of `Reader.held` that rows are, by uri; whoever writes one lets it be forgotten."""

# These are asked for each thing that arrives.
_BY_URI = Prepared(select(*COLUMNS).where(_row.uri == bindparam("of_uri")))
_BY_URIS = Prepared(select(*COLUMNS).where(among(_row.uri, "of_uris")))
_INSERT = Prepared(
    insert(cluster_object),
    ("uri", "host", "listed", *(one.name for one in COLUMNS[1:6]), "offered", "document", "verified"),
)
_FRESH = Prepared(
    select(_day.digest).where(_day.host == bindparam("of_host"), _day.day == bindparam("of_day"))
)
_ENLIST = Prepared(update(cluster_object).where(_row.uri == bindparam("of_uri")).values(listed=True))
_NOTE_VERIFIED = Prepared(
    update(cluster_object)
    .where(_row.uri == bindparam("of_uri"), _row.document == bindparam("seen", type_=_row.document.type))
    .values(
        document=bindparam("kept", type_=_row.document.type),
        verified=bindparam("fits", type_=_row.verified.type),
    )
)
_CHANGE = update(cluster_object).where(_row.uri == bindparam("of_uri"))


def held(reader: Reader, uri: str) -> Held | None:
    """The row of a thing by its id."""
    return reader.held(ROWS, uri, lambda: _read(reader, uri))


def read_ahead(reader: Reader, uris: Iterable[str]) -> None:
    """Reads at once what `held` will be asked for; what is not there is held as well."""
    wanted = sorted(set(uris))
    known = {row[0]: held_of(row) for row in _BY_URIS.all(reader, of_uris=wanted)}
    for uri in wanted:
        reader.hold(ROWS, uri, known.get(uri))


def _read(reader: Reader, uri: str) -> Held | None:
    row = _BY_URI.first(reader, of_uri=uri)
    return held_of(row) if row is not None else None


def held_of(row: Sequence[Any]) -> Held:
    """The shape of a row of the ledger, as `COLUMNS` has it."""
    *what, listed, offered, document, verified = row
    return Held(
        what=listed_of(what),
        listed=listed,
        offered=offered,
        document=None if document is None else bytes(document),
        verified=verified,
    )


def listed_of(row: Sequence[Any]) -> Listed:
    """The shape of what a digest lists, as the first six of `COLUMNS` have it."""
    uri, kind, published_at, version, deleted, former = row
    return Listed(uri, (former or "") if deleted else kind, published_at, version, deleted)


def put(
    unit: Unit,
    what: Listed,
    *,
    listed: bool,
    document: bytes | None = None,
    verified: bool = False,
    forced: bool = False,
) -> bool:
    """Writes a version of a thing where it supersedes what the ledger has; True where the row changed.

    `document` are its signed bytes, None for our own and where we could not get them. `verified`
    says that the thing is our own, which needs no proof, or that the proof in `document` fits.
    `forced` takes the version whatever we had: the origin says so. A listed row is never unlisted by this.
    """
    known = held(unit, what.uri)
    fresh = _values(what, document, verified=verified)
    if known is None:
        _INSERT.later(unit, {"uri": what.uri, "listed": listed, **fresh})
        noted = cast(bool | None, fresh["verified"])
        unit.hold(ROWS, what.uri, Held(what, listed, offered=False, document=document, verified=noted))
        if listed:
            _stale(unit, what.host, what.published_at)
        return True
    # A verified copy is not replaced by another of the same version: likes and totals may differ, no more.
    better = document is not None and not known.verified
    wins = forced or supersedes(what, known.what, with_document=better)
    changes: dict[str, object] = fresh if wins else {}
    if listed and not known.listed:
        changes["listed"] = True
    if not changes:
        return False
    unit.connection.execute(_CHANGE.values(**changes), {"of_uri": what.uri})
    unit.forget(ROWS)
    if "listed" in changes or (known.listed and wins and what != known.what):
        _stale(unit, known.what.host, known.what.published_at)
        if wins and day_of(known.what.published_at) != day_of(what.published_at):
            _stale(unit, what.host, what.published_at)
    return True


def enlist(unit: Unit, uri: str) -> bool:
    """Lists a thing whose copy came before; False where we have no row of it."""
    known = held(unit, uri)
    if known is None:
        return False
    if not known.listed:
        _ENLIST.run(unit, [{"of_uri": uri}])
        unit.hold(ROWS, uri, replace(known, listed=True))
        _stale(unit, known.what.host, known.what.published_at)
    return True


def unlist(unit: Unit, uri: str) -> None:
    """Its origin has the thing but does not list it: the origin decides what is in the digests."""
    known = held(unit, uri)
    if known is not None and known.listed:
        unit.connection.execute(_CHANGE.values(listed=False, offered=False), {"of_uri": uri})
        unit.forget(ROWS)
        _stale(unit, known.what.host, known.what.published_at)


def note_offered(unit: Unit, uris: Sequence[str]) -> None:
    """The origin has neither these things nor tombstones of them: they are offered to it."""
    if uris:
        unit.connection.execute(update(cluster_object).where(_row.uri.in_(uris)).values(offered=True))
        unit.forget(ROWS)


def unverified(reader: Reader, limit: int) -> list[Held]:
    """Copies whose proof nobody looked at yet, of each instance about as many: none holds back the others."""
    hosts = select(_row.host).where(_row.verified.is_(None)).distinct().order_by(_row.host)
    waiting = reader.connection.execute(hosts).scalars().all()
    found: list[Held] = []
    for place, host in enumerate(waiting):
        share = max(1, (limit - len(found)) // (len(waiting) - place))
        rows = select(*COLUMNS).where(_row.verified.is_(None), _row.host == host).order_by(_row.uri)
        found += [held_of(row) for row in reader.connection.execute(rows.limit(share))]
        if len(found) >= limit:
            break
    return found


def note_verified(unit: Unit, looks: Iterable[tuple[Held, bytes | None, bool]]) -> None:
    """The proofs of copies were looked at: the document to keep of each, if any, and whether a proof fits.

    Another copy that came meanwhile is left alone. One that does not fit is replaced by the next that comes,
    also of the same version.
    """
    rows = [
        {"of_uri": seen.what.uri, "seen": seen.document, "kept": document, "fits": fits}
        for seen, document, fits in looks
    ]
    _NOTE_VERIFIED.run(unit, rows)
    unit.forget(ROWS)


def is_all_verified(reader: Reader, host: str) -> bool:
    """Whether the proofs of everything that we list of an instance fit."""
    unsure = func.coalesce(_row.verified, False).is_(False)
    lacking = select(_row.uri).where(_row.host == host, _row.listed, _row.deleted.is_(False), unsure)
    return reader.connection.execute(lacking.limit(1)).first() is None


def _values(what: Listed, document: bytes | None, *, verified: bool) -> dict[str, object]:
    return {
        "host": what.host,
        "type": "Tombstone" if what.deleted else what.type,
        "published_at": what.published_at,
        "version": what.version,
        "deleted": what.deleted,
        "former_type": (what.type or None) if what.deleted else None,
        "offered": False,
        "document": document,
        "verified": True if verified else None if document is not None else False,
    }


def _stale(unit: Unit, host: str, published_at: datetime) -> None:
    """Marks the digest of a day as to be computed: once in a transaction, and a busy day once until then."""
    day = day_of(published_at)

    def mark() -> None:
        row = _FRESH.first(unit, of_host=host, of_day=day)
        if row is None:
            insert_new(unit.connection, cluster_day, {"host": host, "day": day})
        elif row[0] is not None:
            unit.connection.execute(
                update(cluster_day).where(_day.host == host, _day.day == day).values(digest=None)
            )

    unit.held(STALE, (host, day), mark)
