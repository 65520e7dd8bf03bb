"""Reads of instances and of the cluster."""

from collections.abc import Callable, Sequence

from sqlalchemy import RowMapping, bindparam, select

from fedi_cluster.community.instances.shapes import Cluster, Comparison, Entry, Instance, Member
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.storage.prepared import Prepared
from fedi_cluster.storage.tables import cluster as tables
from fedi_cluster.storage.tables.instances import identity
from fedi_cluster.storage.tables.instances import instance as instance_table
from fedi_cluster.storage.unit import Reader

MEMBERS = "member"
"""The family of `Reader.held` that members are; whoever writes one lets it be forgotten."""

_columns = instance_table.c
_INSTANCE = Prepared(
    select(
        _columns.host,
        _columns.policy,
        _columns.software,
        _columns.signature_scheme,
        _columns.scheme_learned_at,
        _columns.last_heard_at,
        _columns.last_reached_at,
    ).where(_columns.host == bindparam("host"))
)
_MEMBERS = select(tables.member).order_by(tables.member.c.host)


def instance(reader: Reader, host: str) -> Instance | None:
    """What we know of a server by its host (with port where it is not the usual one)."""
    row = _INSTANCE.first(reader, host=host)
    return Instance(*row) if row else None


def blocked_hosts(reader: Reader) -> frozenset[str]:
    """The servers with which we do not talk."""
    columns = instance_table.c
    return frozenset(
        reader.connection.execute(select(columns.host).where(columns.policy == "blocked")).scalars()
    )


def identity_of(reader: Reader) -> dict[str, str]:
    """What this instance said of itself when it was founded; empty before."""
    rows = reader.connection.execute(select(identity.c.name, identity.c.value))
    return {row.name: row.value for row in rows}


IDS_AFTER = "ids_after"
"""The name in the identity under which a database from a copy keeps where its ids go on."""


def ids_after(reader: Reader) -> int:
    """Every id that is made must be greater; 0 where the database never came from a copy."""
    return int(reader.connection.scalar(select(identity.c.value).where(identity.c.name == IDS_AFTER)) or 0)


def cluster(reader: Reader) -> Cluster | None:
    """The cluster that we belong or belonged to."""
    row = reader.connection.execute(
        select(tables.cluster.c.urn, tables.cluster.c.version, tables.cluster.c.updated_at)
    ).first()
    return Cluster(*row) if row else None


def _member_of(row: RowMapping) -> Member:
    return Member(
        host=row["host"],
        entry=Entry(
            actor=row["actor_uri"],
            region=row["region_uri"],
            name=row["name"],
            key=row["key"],
            state=row["state"],
            confirmed_by=row["confirmed_by"],
            published_at=row["published_at"],
            updated_at=row["updated_at"],
        ),
        slug=row["slug"],
        admitted=bool(row["admitted"]),
        comparison=Comparison(
            state=row["compare_state"],
            error=row["compare_error"],
            checked_at=row["checked_at"],
            away_since=row["away_since"],
            digest_updated=row["digest_updated"],
            missing=row["missing"],
            offered=row["offered"],
            held_for_us=row["held_for_us"],
        ),
    )


def _read_members(reader: Reader) -> tuple[Member, ...]:
    rows = reader.connection.execute(_MEMBERS)
    return tuple(_member_of(row) for row in rows.mappings())


def members(reader: Reader) -> Sequence[Member]:
    """Everybody who is, was, or asks to be a member, ourselves among them, by host."""
    # A handful of rows that most steps ask for: read once in a transaction.
    return reader.held(MEMBERS, None, lambda: _read_members(reader))


def member(reader: Reader, host: str) -> Member | None:
    """The member on this host."""
    return reader.held(MEMBERS, ("host", host), lambda: _first(reader, lambda one: one.host == host))


def _first(reader: Reader, fits: Callable[[Member], bool]) -> Member | None:
    return next((one for one in members(reader) if fits(one)), None)


def member_by_actor(reader: Reader, actor: str) -> Member | None:
    """The member with this instance actor."""
    return next((one for one in members(reader) if one.entry.actor == actor), None)


def member_by_region(reader: Reader, region: str) -> Member | None:
    """The member whose region Group has this id."""
    return reader.held(
        MEMBERS, ("region", region), lambda: _first(reader, lambda one: one.entry.region == region)
    )


def find_member(reader: Reader, name: str) -> Member:
    """The member that a person means by `name`: its host, the first word of its host, slug or name.

    Raises `Invalid` where none or more than one fits; the text lists who there is.
    """
    wanted = name.strip().lower()
    known = members(reader)
    fitting = [
        one
        for one in known
        if wanted
        in (one.host, one.host.split(":")[0], one.host.split(".")[0], one.slug, one.entry.name.lower())
    ]
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(one.host for one in known) or "nobody yet"
    raise Invalid(f"“{name}” {'fits more than one' if fitting else 'is not known'}; there are: {listed}.")


def is_member(reader: Reader, own_host: str) -> bool:
    """Whether we ourselves are a present member of a cluster."""
    own = member(reader, own_host)
    return own is not None and own.entry.state == "member"


def sisters(reader: Reader, own_host: str) -> Sequence[Member]:
    """The present and admitted members besides ourselves; none once we left."""
    if not is_member(reader, own_host):
        return ()
    return [
        one
        for one in members(reader)
        if one.entry.state == "member" and one.host != own_host and one.admitted
    ]


def is_sister(reader: Reader, own_host: str, host: str) -> bool:
    """Whether the instance on `host` is a sister of ours now."""
    found = member(reader, host)
    return found is not None and host != own_host and found.is_sister and is_member(reader, own_host)
