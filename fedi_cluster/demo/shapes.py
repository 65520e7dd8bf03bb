"""The shapes of the demo's facts and the labels that go with them; they are only data and check nothing."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Coordinates = Literal["approximate", "town-centre"]
DatePrecision = Literal["day", "month", "year", "approximate", "inferred", "unknown"]
ItemKind = Literal["project", "news"]
ItemState = Literal["running", "finished"]

DEMO_LABEL: Mapping[str, str] = {
    "en": "Demo profile, not run by the organisation.",
    "pl": "Profil demonstracyjny, nieprowadzony przez tę organizację.",
    "de": "Demo-Profil, nicht von der Organisation betrieben.",
    "lt": "Demonstracinis profilis, kurio ši organizacija neadministruoja.",
    "sv": "Demoprofil som inte drivs av organisationen.",
}
SOURCE_LABEL: Mapping[str, str] = {
    "en": "Source",
    "pl": "Źródło",
    "de": "Quelle",
    "lt": "Šaltinis",
    "sv": "Källa",
}


@dataclass(frozen=True)
class DemoOrganisation:
    """A real organisation that gets a demo profile (actor type `Organization`, whatever its `kind`).

    `descriptions` maps a language to one sentence, the region's language first. Latitude and longitude are
    WGS 84 degrees; `coordinates` says how sure they are. `since` is a year or an ISO date, `web` a page on
    the organisation's own site where a source is one. `region` is the slug of the instance it lives on.
    """

    id: str
    region: str
    handle: str
    name: str
    kind: str
    descriptions: Mapping[str, str]
    town: str
    address: str | None
    latitude: float
    longitude: float
    coordinates: Coordinates
    tags: tuple[str, ...]
    since: str | None
    project_partner: bool
    web: str | None
    sources: tuple[str, ...]

    def biography(self, language: str) -> str:
        """The description with the demo label, in `language` (one of the keys of `descriptions`)."""
        return f"{self.descriptions[language]} {DEMO_LABEL[language]}"

    @property
    def link(self) -> str:
        """The page to link from the profile: its own site where known, else the first source."""
        return self.web or self.sources[0]


@dataclass(frozen=True)
class DemoItem:
    """A project or a piece of news, to be published by the editorial account of `region`.

    `titles`, `summaries` and `bodies` (paragraphs of plain text, without the source link) map languages to
    texts, the original language first; `title` is the original title, whose language may be another. A
    project's summary is the text of its card, a news item's summary its lede. `date` is the day of the fact
    (of the region's calendar), as sure as `date_precision` says; `start` and `end` as sure as
    `period_precision`. `organisations` are ids, the first one leads; `goal` is an id of the draft strategy.
    `state` is None where the source does not tell.
    """

    id: str
    region: str
    kind: ItemKind
    title: str
    title_language: str
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    bodies: Mapping[str, tuple[str, ...]]
    date: dt.date | None
    date_precision: DatePrecision
    state: ItemState | None
    start: dt.date | None
    end: dt.date | None
    period_precision: DatePrecision | None
    organisations: tuple[str, ...]
    tags: tuple[str, ...]
    goal: str | None
    sources: tuple[str, ...]

    @property
    def language(self) -> str:
        """The language of the original text: the first key of the maps (golden documents, rule 4)."""
        return next(iter(self.summaries))

    @property
    def object_type(self) -> Literal["Note", "Article"]:
        """The ActivityStreams type: a project is a `Note`, long news an `Article` (product.md 4.2)."""
        return "Note" if self.kind == "project" else "Article"


@dataclass(frozen=True)
class DemoRegion:
    """A region of the demo with what lives on it; `slug` is also the first label of its host name.

    `names` has all five page languages, `descriptions` and `editorial_names` the local language first and
    English. `time_zone` is an IANA name, `country` an ISO 3166-1 code; coordinates as in an organisation.
    """

    slug: str
    language: str
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    time_zone: str
    country: str
    latitude: float
    longitude: float
    coordinates: Coordinates
    editorial_handle: str
    editorial_names: Mapping[str, str]
    joins_later: bool
    sources: tuple[str, ...]
    organisations: tuple[DemoOrganisation, ...] = ()
    items: tuple[DemoItem, ...] = ()

    @property
    def host(self) -> str:
        """The demo host name without a port; it never leaves this machine (RFC 6761, `.localhost`)."""
        return f"{self.slug}.localhost"

    @property
    def name(self) -> str:
        """The name in the region's own language."""
        return self.names[self.language]


@dataclass(frozen=True)
class DemoFacts:
    """All regions that take part, in the order in which they join."""

    regions: tuple[DemoRegion, ...]
    _homes: Mapping[str, DemoOrganisation] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        homes = {found.id: found for region in self.regions for found in region.organisations}
        object.__setattr__(self, "_homes", homes)

    def organisation(self, id_: str) -> DemoOrganisation:
        """The organisation of this id, with the region it lives on; KeyError where there is none."""
        return self._homes[id_]
