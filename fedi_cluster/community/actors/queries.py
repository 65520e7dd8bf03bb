"""Reads of actors: rows in, shapes out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from fedi_cluster.community.actors.shapes import Actor, Field, Key, OwnKeys, Picture, Place
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.storage.glance import RowStamp
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.actors import actor_key
from fedi_cluster.storage.tables.base import BigId
from fedi_cluster.storage.unit import Reader

_PLAIN = (
    "id", "uri", "host", "local", "username", "handle_host", "type", "kind", "name", "name_map", "summary",
    "summary_map", "language", "url", "inbox", "shared_inbox", "outbox", "followers", "following",
    "featured", "moved_to", "cluster", "manually_approves", "discoverable", "indexable", "demo",
    "published_at", "updated_at", "fetched_at", "deleted_at",
)  # fmt: skip

ACTORS = "actor"
"""The family of `Reader.held` that actors are; whoever writes one lets it be forgotten."""

_FEW = 4
_COLUMNS = tuple(actor_table.c.keys())
_ALL = select(actor_table)
_BY_ID = Prepared(_ALL.where(actor_table.c.id == bindparam("id", type_=BigId)))
_BY_URI = Prepared(_ALL.where(actor_table.c.uri == bindparam("uri")))
_BY_HANDLE = Prepared(
    _ALL.where(
        func.lower(actor_table.c.username) == bindparam("name"),
        actor_table.c.handle_host == bindparam("host"),
    )
)
_LOCAL = Prepared(_ALL.where(actor_table.c.username == bindparam("name"), actor_table.c.local.is_(True)))

STAMP = RowStamp(select(actor_table).where(actor_table.c.id == bindparam("id", type_=BigId)))
"""Whatever a profile shows stands in its row, the public keys too: a new one comes with its private key."""


def actor_of(row: Mapping[Any, Any]) -> Actor:
    """A shape from a row of the actor table."""
    plain: dict[str, Any] = {name: row[name] for name in _PLAIN}
    return Actor(
        **plain,
        fields=tuple(Field(**field) for field in row["fields"]),
        icon=Picture(**row["icon"]) if row["icon"] else None,
        image=Picture(**row["image"]) if row["image"] else None,
        tags=tuple(row["tags"]),
        location=Place(**row["location"]) if row["location"] else None,
        keys=tuple(Key(**key) for key in row["keys"]),
        implements=tuple(row["implements"]),
        also_known_as=tuple(row["also_known_as"]),
    )


def _find(reader: Reader, statement: Prepared, **named: object) -> Actor | None:
    if any(isinstance(value, str) and "\x00" in value for value in named.values()):
        # PostgreSQL has no such texts, and nobody has such a name.
        return None
    row = statement.first(reader, **named)
    if row is None:
        return None
    # Found by one name it is held by the others, too: one and the same for all who ask.
    found = reader.held(ACTORS, row[0], lambda: actor_of(dict(zip(_COLUMNS, row, strict=True))))
    reader.hold(ACTORS, found.uri, found)
    return found


def by_id(reader: Reader, actor_id: int) -> Actor:
    """The actor of an id that we made; raises `NotFound`."""
    found = reader.holds(ACTORS, actor_id) or _find(reader, _BY_ID, id=actor_id)
    if found is None:
        raise NotFound("There is no such account.", detail=f"actor {actor_id}")
    return found


def by_ids(reader: Reader, actor_ids: Iterable[int]) -> dict[int, Actor]:
    """Actors by id; unknown ids are left out."""
    wanted = sorted(set(actor_ids))
    if not wanted:
        return {}
    rows = reader.connection.execute(select(actor_table).where(actor_table.c.id.in_(wanted)))
    return {row["id"]: actor_of(row) for row in rows.mappings()}


def by_uri(reader: Reader, uri: str) -> Actor | None:
    """The actor with this ActivityPub id, also a deleted one."""
    return reader.held(ACTORS, uri, lambda: _find(reader, _BY_URI, uri=uri))


def by_uris(reader: Reader, uris: Iterable[str]) -> list[Actor]:
    """The known actors among these ids."""
    wanted = sorted(set(uris))
    if len(wanted) <= _FEW:
        # Mostly one or two, whom the steps before have read already.
        return [found for uri in wanted if (found := by_uri(reader, uri)) is not None]
    rows = reader.connection.execute(select(actor_table).where(actor_table.c.uri.in_(wanted)))
    return [actor_of(row) for row in rows.mappings()]


def by_handle(reader: Reader, name: str, handle_host: str) -> Actor | None:
    """The actor `name@handle_host`; both are compared without case."""
    return _find(reader, _BY_HANDLE, name=name.lower(), host=handle_host.lower())


def local(reader: Reader, name: str) -> Actor | None:
    """The local actor of this name, also a deleted one."""
    return reader.held(ACTORS, ("local", name), lambda: _find(reader, _LOCAL, name=name))


def need_local(reader: Reader, name: str) -> Actor:
    """The living local actor of this name; raises `NotFound`."""
    found = local(reader, name)
    if found is None or found.deleted_at:
        raise NotFound(f"There is no account “{name}” here.")
    return found


def locals_of_type(reader: Reader, *types: str) -> Sequence[Actor]:
    """All living local actors of these types, by name."""
    rows = reader.connection.execute(
        select(actor_table)
        .where(
            actor_table.c.local.is_(True), actor_table.c.deleted_at.is_(None), actor_table.c.type.in_(types)
        )
        .order_by(actor_table.c.username)
    )
    return [actor_of(row) for row in rows.mappings()]


def listed_at(reader: Reader, host: str, limit: int, *types: str) -> Sequence[Actor]:
    """Living actors of an instance, of these types, that want to be found; by name."""
    rows = reader.connection.execute(
        select(actor_table)
        .where(
            actor_table.c.host == host,
            actor_table.c.deleted_at.is_(None),
            actor_table.c.discoverable.is_(True),
            actor_table.c.type.in_(types),
        )
        .order_by(actor_table.c.name, actor_table.c.id)
        .limit(limit)
    )
    return [actor_of(row) for row in rows.mappings()]


def any_handle_at(reader: Reader, handle_host: str) -> str | None:
    """The `name@host` of somebody there whom we know: enough to ask that server for its templates."""
    name = reader.connection.execute(
        select(actor_table.c.username)
        .where(
            actor_table.c.host == handle_host,
            actor_table.c.handle_host == handle_host,
            actor_table.c.type != "Application",
            actor_table.c.deleted_at.is_(None),
        )
        .limit(1)
    ).scalar()
    return f"{name}@{handle_host}" if name is not None else None


def has_demo(reader: Reader, host: str) -> bool:
    """Whether an account of the demonstration lives on an instance."""
    found = reader.connection.execute(
        select(actor_table.c.id).where(actor_table.c.host == host, actor_table.c.demo.is_(True)).limit(1)
    )
    return found.first() is not None


def own_keys(reader: Reader, actor_id: int) -> OwnKeys:
    """The private keys of a local actor; raises `NotFound` for others."""
    row = reader.connection.execute(select(actor_key).where(actor_key.c.actor_id == actor_id)).first()
    if row is None:
        raise NotFound("This account has no keys here.", detail=f"actor {actor_id}")
    return OwnKeys(row.rsa_pem, row.ed25519_pem)
