"""The first pages: the cluster's home, a region's home, the public timelines; they ask no database."""

from collections.abc import Sequence
from dataclasses import dataclass

from fedi_cluster.http.frame import REGIONS_WITH_LOOK, RegionChip
from fedi_cluster.http.locale import Words
from fedi_cluster.web.viewmodels.parts import NO_PAGES, Author, Link, PageLinks, Tab
from fedi_cluster.web.viewmodels.posts import PostCard


@dataclass(frozen=True, slots=True)
class Town:
    """A region on the map with its newest post."""

    region: RegionChip
    newest: PostCard | None = None


@dataclass(frozen=True, slots=True)
class FollowOffer:
    """A region that can be followed: its handle, and the local path of "follow from your server"."""

    region: RegionChip
    handle: str
    url: str


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner organisation of the cluster; `lang` is the language of its name."""

    name: str
    url: str
    lang: str | None = None
    region: RegionChip | None = None


@dataclass(frozen=True, slots=True)
class ClusterHomeView:
    """`/`: what all regions brought, newest first.

    `map_url` is the drawing of the South Baltic, None for a cluster that lies elsewhere. `older_url`
    continues the list where it ends.
    """

    stand: str
    towns: Sequence[Town]
    cards: Sequence[PostCard] = ()
    map_url: str | None = None
    feed_url: str | None = None
    older_url: str | None = None
    follow: Sequence[FollowOffer] = ()
    partners: Sequence[Partner] = ()

    @property
    def coast(self) -> tuple[Town, ...]:
        """The towns that the map shows, in reading order of the map."""
        if self.map_url is None:
            return ()
        known = {town.region.slug: town for town in self.towns}
        return tuple(known[slug] for slug in REGIONS_WITH_LOOK if slug in known)

    @property
    def inland(self) -> tuple[Town, ...]:
        """The towns that have no place on the map."""
        shown = {town.region.slug for town in self.coast}
        return tuple(town for town in self.towns if town.region.slug not in shown)


@dataclass(frozen=True, slots=True)
class RegionHomeView:
    """`/r/SLUG`: one region of the cluster, ours or a sister.

    `stand` is its own description in the language `stand_lang`. `map_url` is the drawing zoomed to the region
    (`map.svg#rostock`), None where it is not on the map. `origin_url` leads to the region's own server, None
    for ours. `lead` is the newest news, `news` and `projects` follow it, `others` comes from elsewhere.
    `notice` says that the region's server is away.
    """

    region: RegionChip
    handle: str
    follow_url: str
    stand: str = ""
    stand_lang: str | None = None
    map_url: str | None = None
    feed_url: str | None = None
    origin_url: str | None = None
    lead: PostCard | None = None
    news: Sequence[PostCard] = ()
    projects: Sequence[PostCard] = ()
    organisations: Sequence[Author] = ()
    others: Sequence[PostCard] = ()
    editorial: Author | None = None
    older_url: str | None = None
    newer_url: str | None = None
    notice: str | None = None

    @property
    def demo(self) -> bool:
        """Whether profiles among the organisations belong to the demonstration."""
        return any(organisation.demo for organisation in self.organisations)


@dataclass(frozen=True, slots=True)
class TimelineView:
    """`/public/local` and `/public/cluster`: a list of posts with links to older and newer ones."""

    title: str
    stand: str
    tabs: Sequence[Tab] = ()
    cards: Sequence[PostCard] = ()
    pages: PageLinks = NO_PAGES
    feed_url: str | None = None
    way_on: Link | None = None


def timeline_tabs(words: Words, home: RegionChip, here: str) -> tuple[Tab, ...]:
    """The public timelines; `here` is `cluster` or `local`."""
    return (
        Tab(words.gettext("All regions"), "/public/cluster", here == "cluster"),
        Tab(words.gettext("Only %(region)s", region=home.name), "/public/local", here == "local"),
    )


def timeline_title(words: Words, home: RegionChip, here: str) -> tuple[str, str]:
    """Title and one sentence of a public timeline; `here` is `cluster` or `local`."""
    _ = words.gettext
    if here == "local":
        return (
            _("From %(region)s", region=home.name),
            _("Everything that the members of this server write in public."),
        )
    return (
        _("From all regions"),
        _("What the regions of the cluster publish, and the public answers to it."),
    )


def cluster_home_stand(words: Words) -> str:
    """What the cluster is, in two sentences: for the first page and for its description in other pages."""
    return words.gettext(
        "News and projects of creative people in several countries, on one page. Read all of it here, or "
        "follow from an account that you already have."
    )


def region_description(words: Words, region: RegionChip) -> str:
    """One sentence about a region's page, for search engines and link previews."""
    return words.gettext("News, projects and organisations: %(region)s.", region=region.name)
