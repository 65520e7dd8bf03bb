"""Reads of our own region: its Group, and what the list of members says of us."""

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances.shapes import Entry
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.storage.unit import Reader


def instance_actor(reader: Reader) -> Actor:
    """The Application that speaks for the instance; raises `NotFound` before it is founded."""
    found = actor_queries.locals_of_type(reader, "Application")
    if not found:
        raise NotFound("This instance is not founded yet; run “fedi-cluster init”.")
    return found[0]


def region(reader: Reader) -> Actor:
    """The Group of our own region; raises `NotFound` before it is founded."""
    return actor_queries.need_local(reader, REGION)


def own_entry(reader: Reader) -> Entry:
    """What a list of members says of us: instance actor, region, and the Ed25519 key to pin."""
    instance, group = instance_actor(reader), region(reader)
    key = next(key for key in instance.keys if key.kind == "ed25519")
    return Entry(
        actor=instance.uri,
        region=group.uri,
        name=group.name,
        key=key.material,
        state="member",
        confirmed_by=instance.uri,
        published_at=instance.published_at,
        updated_at=instance.published_at,
    )
