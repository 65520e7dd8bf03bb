"""Acts on actors: create a local one, store what a remote one says of itself, delete."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta

from sqlalchemy import insert, update

from fedi_cluster.community.actors import queries, rules
from fedi_cluster.community.actors.facts import ActorChanged, ActorCreated, ActorDeleted
from fedi_cluster.community.actors.shapes import Actor, Field, Key, OwnKeys, Picture, Place
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Conflict
from fedi_cluster.storage.tables.actors import actor as actor_table
from fedi_cluster.storage.tables.actors import actor_key
from fedi_cluster.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class NewActor:
    """A local actor to be; `public` are its keys as they will be published, texts are safe HTML."""

    name: str
    type: str
    display_name: str
    own: OwnKeys
    public: tuple[Key, ...]
    kind: str | None = None
    name_map: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    summary_map: Mapping[str, str] = field(default_factory=dict)
    language: str | None = None
    url: str | None = None
    fields: tuple[Field, ...] = ()
    tags: tuple[str, ...] = ()
    location: Place | None = None
    discoverable: bool = True
    demo: bool = False
    founding: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What a local actor says of itself, whole: texts are safe HTML but for names."""

    name: str
    name_map: Mapping[str, str]
    summary: str
    summary_map: Mapping[str, str]
    fields: tuple[Field, ...]
    icon: Picture | None
    image: Picture | None
    tags: tuple[str, ...]
    location: Place | None
    discoverable: bool
    indexable: bool

    @classmethod
    def of(cls, who: Actor) -> "Profile":
        """The present one of an actor."""
        return cls(**{one.name: getattr(who, one.name) for one in dataclass_fields(cls)})


@dataclass(frozen=True, slots=True)
class RemoteActor:
    """What a remote actor's document says, cleaned: texts are safe HTML, `keys` are checked."""

    uri: str
    host: str
    username: str
    handle_host: str
    type: str
    kind: str | None
    name: str
    name_map: Mapping[str, str]
    summary: str
    summary_map: Mapping[str, str]
    language: str | None
    url: str
    inbox: str
    shared_inbox: str | None
    outbox: str | None
    followers: str | None
    following: str | None
    featured: str | None
    fields: tuple[Field, ...]
    icon: Picture | None
    image: Picture | None
    tags: tuple[str, ...]
    location: Place | None
    keys: tuple[Key, ...]
    implements: tuple[str, ...]
    also_known_as: tuple[str, ...]
    moved_to: str | None
    cluster: str | None
    manually_approves: bool
    discoverable: bool
    indexable: bool
    published_at: datetime | None


def create(unit: Unit, at: Addresses, new: NewActor) -> Actor:
    """Makes a local actor.

    Raises `Invalid` where the name may not be taken and `Conflict` where it is or ever was in use:
    a name is never used again, because other servers keep what they know of its first owner.
    """
    rules.check_name(new.name, founding=new.founding)
    instance_actor = new.type == "Application"
    uri = at.instance_actor if instance_actor else at.actor(new.name)
    if queries.local(unit, new.name) or queries.by_uri(unit, uri):
        raise Conflict(f"The name “{new.name}” is or was in use here; names are never given twice.")
    now = whole_second(unit.now)
    actor_id = unit.new_id()
    unit.connection.execute(
        insert(actor_table).values(
            id=actor_id,
            uri=uri,
            host=at.host,
            local=True,
            username=new.name,
            handle_host=at.handle_domain.lower(),
            type=new.type,
            kind=new.kind,
            name=new.display_name,
            name_map=dict(new.name_map),
            summary=new.summary,
            summary_map=dict(new.summary_map),
            language=new.language,
            url=new.url or at.profile(new.name),
            inbox=f"{uri}/inbox",
            shared_inbox=at.shared_inbox,
            outbox=f"{uri}/outbox",
            followers=f"{uri}/followers",
            following=f"{uri}/following",
            featured=None if instance_actor else f"{uri}/featured",
            fields=[asdict(row) for row in new.fields],
            icon=None,
            image=None,
            tags=list(new.tags),
            location=asdict(new.location) if new.location else None,
            keys=[asdict(key) for key in new.public],
            implements=[],
            also_known_as=[],
            moved_to=None,
            cluster=at.members if instance_actor or new.name == rules.REGION else None,
            manually_approves=instance_actor,
            discoverable=new.discoverable,
            indexable=new.discoverable,
            demo=new.demo,
            published_at=now,
            updated_at=now,
        )
    )
    unit.connection.execute(insert(actor_key).values(actor_id=actor_id, **asdict(new.own)))
    unit.forget(queries.ACTORS)
    unit.record(ActorCreated(actor_id))
    return queries.by_id(unit, actor_id)


def change(unit: Unit, who: Actor, said: Profile, again: datetime | None = None) -> Actor:
    """Gives a local actor another profile; `again` is when that was said, where others have heard it already.

    Each version has a later second than the one before (golden rule 8).
    """
    updated_at = again or max(whole_second(unit.now), who.updated_at + timedelta(seconds=1))
    unit.connection.execute(
        update(actor_table).where(actor_table.c.id == who.id).values(**asdict(said), updated_at=updated_at)
    )
    unit.forget(queries.ACTORS)
    unit.record(ActorChanged(who.id, local=again is None))
    return queries.by_id(unit, who.id)


def store_remote(unit: Unit, seen: RemoteActor) -> Actor:
    """Keeps what a remote actor's own server says of it; a second time replaces the first."""
    values = asdict(seen) | {"updated_at": unit.now, "fetched_at": unit.now, "deleted_at": None}
    values["published_at"] = seen.published_at or unit.now
    _free_handle(unit, seen)
    known = queries.by_uri(unit, seen.uri)
    if known is None:
        unit.connection.execute(
            insert(actor_table).values(id=unit.new_id(), local=False, demo=False, **values)
        )
    else:
        unit.connection.execute(update(actor_table).where(actor_table.c.id == known.id).values(**values))
    unit.forget(queries.ACTORS)
    stored = queries.by_uri(unit, seen.uri)
    assert stored is not None
    return stored


def _free_handle(unit: Unit, seen: RemoteActor) -> None:
    """A server may give a name to a new actor id: the older one keeps its posts but loses the handle."""
    holder = queries.by_handle(unit, seen.username, seen.handle_host)
    if holder and holder.uri != seen.uri and not holder.local:
        unit.connection.execute(
            update(actor_table)
            .where(actor_table.c.id == holder.id)
            .values(username=f"{holder.username}.{holder.id}")
        )
        unit.forget(queries.ACTORS)


def delete_actor(unit: Unit, gone: Actor) -> None:
    """Marks an actor as deleted; its texts go, its name and id stay taken for ever.

    A local one's keys stay: they sign the Tombstone that its id answers with.
    """
    if gone.deleted_at:
        return
    unit.connection.execute(
        update(actor_table)
        .where(actor_table.c.id == gone.id)
        .values(
            deleted_at=whole_second(unit.now),
            summary="",
            summary_map={},
            fields=[],
            icon=None,
            image=None,
            location=None,
            tags=[],
        )
    )
    unit.forget(queries.ACTORS)
    unit.record(ActorDeleted(gone.id, gone.local))
