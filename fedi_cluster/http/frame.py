"""The frame that every page stands in: head, strip, masthead, footer; it knows no page's matter.

`Site` is the same for all pages of one visitor, `PageFrame` is one page. Both carry finished, translated
texts; only the fixed words of the templates are translated while a page is printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from fedi_cluster.http.locale import Words, with_language
from fedi_cluster.kernel.languages import PAGE_LANGUAGES, own_name

REGIONS_WITH_LOOK = ("karlshamn", "rostock", "szczecin", "elblag", "rietavas")
"""Regions that have a colour, a horizon and a place on the map, in reading order of the map's coast."""


def look_of(slug: str | None) -> str:
    """The name of a region's look, for the class `r-LOOK`; `cluster`, the neutral one, where it has none."""
    return slug if slug in REGIONS_WITH_LOOK else "cluster"


@dataclass(frozen=True, slots=True)
class RegionChip:
    """A region as a mark and a name; `url` is a local path such as `/r/rostock`."""

    slug: str
    name: str
    url: str

    @property
    def look(self) -> str:
        """The name of the region's look."""
        return look_of(self.slug)


@dataclass(frozen=True, slots=True)
class FeedLink:
    """An Atom feed: what it brings, and its local path."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation; `here` when the page is that entry."""

    label: str
    url: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class Alternate:
    """The same page in another page language; `url` is a local path with its language prefix."""

    tag: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Funding:
    """The co-funding that a page must show: `statement` beside the emblem, `sentence` in the footer."""

    emblem_label: str
    statement: str
    programme: str
    sentence: str


def south_baltic_funding(words: Words) -> Funding:
    """The funding of the project South Baltic Creative Clusters, 2020–2022 (Reg. (EU) 821/2014, Art. 4)."""
    _ = words.gettext
    return Funding(
        emblem_label=_("European Union"),
        statement=_("European Union (European Regional Development Fund)"),
        programme=_("Interreg V-A South Baltic 2014–2020"),
        sentence=_(
            "The project South Baltic Creative Clusters was funded by the European Regional Development "
            "Fund: EUR %(part)s of EUR %(whole)s.",
            part=words.number(Decimal("217833.25")),
            whole=words.number(Decimal("264145.00")),
        ),
    )


@dataclass(frozen=True, slots=True)
class Site:
    """What all pages of an instance share. An error page may be printed with `regions=()`.

    `base_url` is the public origin without a slash at the end; `home` is the instance's own region;
    `follow_uri` is the region actor's `acct:` URI; `stylesheet` and `icon` are versioned local paths.
    """

    base_url: str
    cluster_name: str
    home: RegionChip
    stylesheet: str
    icon: str
    regions: Sequence[RegionChip] = ()
    feeds: Sequence[FeedLink] = ()
    funding: Funding | None = None
    follow_uri: str | None = None
    demo: bool = False


@dataclass(frozen=True, slots=True)
class PageFrame:
    """One page: `path` is local and without language prefix (`/r/rostock?before=12`).

    `prefix` is the language that the visitor's path began with, or None: links inside the page keep it.
    `region` is the slug of the region whose colours the page takes. `activity_url` is the ActivityStreams
    document of the same thing, `creator` the handle for `fediverse:creator` (`@name@host`), `image` an
    absolute address. `cluster_wide` shows the cluster's name in the masthead instead of the region's.
    """

    site: Site
    title: str
    description: str
    language: str
    path: str
    prefix: str | None = None
    region: str | None = None
    cluster_wide: bool = False
    feeds: Sequence[FeedLink] = ()
    activity_url: str | None = None
    canonical: str | None = None
    og_type: str = "website"
    image: str | None = None
    creator: str | None = None
    indexed: bool = True
    nav: Sequence[NavItem] = field(default=())

    @property
    def look(self) -> str:
        """The name of the look for the body's class."""
        return look_of(self.region)

    @property
    def alternates(self) -> tuple[Alternate, ...]:
        """The page in each of the five languages, in their fixed order."""
        return tuple(Alternate(tag, own_name(tag), with_language(self.path, tag)) for tag in PAGE_LANGUAGES)

    @property
    def address(self) -> str:
        """The absolute canonical URL: the given one, else this page's with the visitor's prefix."""
        return self.canonical or self.site.base_url + self.link(self.path)

    @property
    def all_feeds(self) -> tuple[FeedLink, ...]:
        """The page's own feeds, then the site's, each address once."""
        return tuple({feed.url: feed for feed in (*self.feeds, *self.site.feeds)}.values())

    def link(self, url: str) -> str:
        """An address for an `href`: a local path keeps the visitor's language prefix."""
        local = url.startswith("/") and not url.startswith("//")
        return with_language(url, self.prefix) if local else url


def navigation(words: Words, path: str) -> tuple[NavItem, ...]:
    """The one list of what the masthead links to: only pages that exist. `path` as in `PageFrame`."""
    _ = words.gettext
    bare = path.partition("?")[0]
    return (
        NavItem(_("Home"), "/", bare == "/"),
        NavItem(_("Regions"), "/#regions"),
        NavItem(_("Timelines"), "/public/cluster", bare.startswith("/public/")),
        NavItem(_("Feeds"), "#feeds"),
    )
