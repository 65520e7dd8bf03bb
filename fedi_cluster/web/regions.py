"""The regions that a page names: our own, the sisters, and those that were members once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import quote

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.http.frame import RegionChip
from fedi_cluster.kernel.addresses import host_of
from fedi_cluster.storage.unit import Reader
from fedi_cluster.web.site import WebDesk


@dataclass(frozen=True, slots=True)
class KnownRegion:
    """A region of the cluster; `actor` is its Group, None as long as we have not read it."""

    chip: RegionChip
    host: str
    uri: str
    actor: Actor | None

    @property
    def handle(self) -> str:
        """`@name@host`; before we have read the Group, the name that all instances give it."""
        return f"@{self.actor.handle}" if self.actor else f"@{REGION}@{self.host}"


@dataclass(frozen=True, slots=True)
class Regions:
    """Our own region, all present ones (ours first) and everybody who was a member, by host.

    `demo` says that accounts of a demonstration live here; `mark` is the same as long as all names and
    addresses of regions are.
    """

    home: KnownRegion
    present: Sequence[KnownRegion]
    by_host: Mapping[str, KnownRegion]
    members: Sequence[Member]
    demo: bool
    mark: bytes

    def of_slug(self, slug: str) -> KnownRegion | None:
        """The present region of this short name: our own before a sister that has taken the same."""
        return next((one for one in self.present if one.chip.slug == slug), None)

    def of(self, actor: Actor) -> KnownRegion | None:
        """The region that an actor lives in, also one that has left."""
        return self.home if actor.local else self.by_host.get(actor.host)

    def is_inside(self, actor: Actor) -> bool:
        """Whether an actor lives on a present instance of the cluster."""
        return actor.local or any(one.host == actor.host for one in self.present)


def read_regions(reader: Reader, desk: WebDesk) -> Regions:
    """The regions as the list of members has them now."""
    members = instance_queries.members(reader)
    known = {one.uri: one for one in actor_queries.by_uris(reader, (one.entry.region for one in members))}
    chip = RegionChip(desk.settings.region, desk.settings.region_name, f"/r/{desk.settings.region}")
    own = known.get(desk.at.region) or actor_queries.local(reader, REGION)
    home = KnownRegion(chip, desk.at.host, desk.at.region, own)
    sisters: list[KnownRegion] = []
    by_host = {desk.at.host: home}
    belongs = any(one.host == desk.at.host and one.entry.state == "member" for one in members)
    for one in members:
        if one.host == desk.at.host or one.entry.state in ("asking", "inviting"):
            continue
        present = belongs and one.is_sister and one.slug is not None
        region = _region(one, known.get(one.entry.region), present)
        if region is not None:
            by_host[host_of(one.entry.actor)] = region
            if present:
                sisters.append(region)
    sisters.sort(key=lambda one: one.chip.name)
    demo = actor_queries.has_demo(reader, desk.at.host)
    shown = (home, *sisters)
    return Regions(home, shown, by_host, members, demo, _mark(shown, by_host))


def _mark(present: Sequence[KnownRegion], by_host: Mapping[str, KnownRegion]) -> bytes:
    named = [(host, one.chip, one.uri) for host, one in by_host.items()]
    return blake2b(repr(([one.host for one in present], named)).encode(), digest_size=16).digest()


def _region(member: Member, actor: Actor | None, present: bool) -> KnownRegion | None:
    """A former sister keeps her chip, which then leads to the profile of her Group."""
    if present:
        url = f"/r/{member.slug}"
    elif actor is not None:
        url = f"/@{quote(actor.handle, safe='@:')}"
    else:
        return None
    chip = RegionChip(member.slug or "", member.entry.name, url)
    return KnownRegion(chip, member.host, member.entry.region, actor)
