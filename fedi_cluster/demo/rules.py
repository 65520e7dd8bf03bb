"""What the demo's facts must keep, as pure questions; every fault is told, none is repaired."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fedi_cluster.demo.shapes import DemoItem, DemoOrganisation, DemoRegion
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

RESERVED_HANDLES = frozenset(
    ("region", "agenda", "projects", "advice", "strategy", "cluster", "admin", "actor")
)
LEDE_LENGTH = range(150, 401)
CARD_LIMIT = 400

_HANDLE = re.compile(r"[a-z0-9_]{1,30}")
_GOAL = re.compile(r"g[1-9][0-9]?")
_SINCE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?")


def faults_of(
    regions: Sequence[DemoRegion], organisations: Sequence[DemoOrganisation], items: Sequence[DemoItem]
) -> dict[str, str]:
    """Every broken rule of the regions, organisations and items as they stand in the files.

    Maps what is wrong (`item sbcc`, `organisation inku`, `region rostock`) to what to do about it; empty when
    all is well. Handles are judged by `faults_of_handles`, because they depend on who takes part.
    """
    languages = {region.slug: region.language for region in regions}
    known = {own.id for own in organisations}
    found: dict[str, list[str]] = {}
    for kind, ids in (
        ("region", [region.slug for region in regions]),
        ("organisation", [own.id for own in organisations]),
        ("item", [item.id for item in items]),
    ):
        for twin in (id_ for id_, times in Counter(ids).items() if times > 1):
            found.setdefault(f"{kind} {twin}", []).append("is there twice")
    for region in regions:
        found.setdefault(f"region {region.slug}", []).extend(_faults_of_region(region))
    for own in organisations:
        about = _faults_of_organisation(own, languages.get(own.region))
        found.setdefault(f"organisation {own.id}", []).extend(about)
    for item in items:
        about = _faults_of_item(item, languages.get(item.region), known)
        found.setdefault(f"item {item.id}", []).extend(about)
    return {where: ", ".join(what) for where, what in found.items() if what}


def faults_of_handles(
    regions: Sequence[DemoRegion], organisations: Sequence[DemoOrganisation]
) -> dict[str, str]:
    """Handles that two accounts of one instance would share, among those who take part."""
    taken = Counter((region.slug, region.editorial_handle) for region in regions)
    taken.update((own.region, own.handle) for own in organisations)
    return {
        f"handle {handle}@{slug}": "is taken twice" for (slug, handle), times in taken.items() if times > 1
    }


def _faults_of_region(region: DemoRegion) -> Iterator[str]:
    yield from _faults_of_handle(region.editorial_handle)
    yield from _faults_of_place(region.latitude, region.longitude)
    yield from _faults_of_sources(region.sources)
    if set(region.names) != set(PAGE_LANGUAGES):
        yield "names must have all five page languages"
    for what, texts in (("descriptions", region.descriptions), ("editorial_names", region.editorial_names)):
        yield from _faults_of_texts(what, texts, region.language)
    try:
        ZoneInfo(region.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"time_zone {region.time_zone!r} is not an IANA zone such as 'Europe/Warsaw'"


def _faults_of_organisation(own: DemoOrganisation, language: str | None) -> Iterator[str]:
    yield from _faults_of_handle(own.handle)
    yield from _faults_of_place(own.latitude, own.longitude)
    yield from _faults_of_sources(own.sources)
    yield from _faults_of_tags(own.tags)
    if language is None:
        yield f"its region {own.region!r} does not exist"
    else:
        yield from _faults_of_texts("descriptions", own.descriptions, language)
    if own.web is not None and own.web not in own.sources:
        yield "web is not among the sources"
    if own.since is not None and not _SINCE.fullmatch(own.since):
        yield "since is neither a year nor a date"
    if not own.name or not own.town:
        yield "name or town is empty"


def _faults_of_item(item: DemoItem, language: str | None, known: set[str]) -> Iterator[str]:
    yield from _faults_of_sources(item.sources)
    yield from _faults_of_tags(item.tags)
    yield from _faults_of_dates(item)
    if language is None:
        yield f"its region {item.region!r} does not exist"
        return
    for what, texts in (("titles", item.titles), ("summaries", item.summaries)):
        yield from _faults_of_texts(what, texts, language)
    bodies = {tag: " ".join(body) or "-" for tag, body in item.bodies.items()}
    yield from _faults_of_texts("bodies", bodies, language)
    if item.titles.get(language) != item.title:
        yield "the title in the local language must be the original one"
    if item.title_language not in PAGE_LANGUAGES:
        yield f"title_language {item.title_language!r} is not a page language"
    for tag, summary in item.summaries.items():
        if item.kind == "news" and len(summary) not in LEDE_LENGTH:
            yield f"the {tag} lede has {len(summary)} characters, not 150 to 400"
        if len(summary) > CARD_LIMIT:
            yield f"the {tag} summary is over {CARD_LIMIT} characters"
    if item.kind == "news" and not all(item.bodies.values()):
        yield "news needs a body"
    if not item.organisations or not set(item.organisations) <= known:
        yield "organisations are missing or unknown"
    if item.goal is not None and not _GOAL.fullmatch(item.goal):
        yield "goal is not an id such as 'g4'"


def _faults_of_dates(item: DemoItem) -> Iterator[str]:
    if (item.date is None) != (item.date_precision == "unknown"):
        yield "date_precision is 'unknown' exactly where there is no date"
    period = (item.start, item.end)
    if (period == (None, None)) != (item.period_precision is None):
        yield "period_precision stands exactly where start or end is known"
    if item.start is not None and item.end is not None and item.end < item.start:
        yield "it ends before it starts"
    if item.end is not None and item.state == "running":
        yield "it has ended and cannot be running"
    if item.kind == "news" and (item.state is not None or period != (None, None)):
        yield "only projects have a state and a period"


def _faults_of_handle(handle: str) -> Iterator[str]:
    if not _HANDLE.fullmatch(handle):
        yield f"handle {handle!r} is not 1 to 30 of a-z, 0-9 and _"
    if handle in RESERVED_HANDLES:
        yield f"handle {handle!r} is reserved"


def _faults_of_place(latitude: float, longitude: float) -> Iterator[str]:
    if not (53 <= latitude <= 57.5 and 11.5 <= longitude <= 22.5):
        yield "the coordinates are not at the South Baltic"


def _faults_of_sources(sources: tuple[str, ...]) -> Iterator[str]:
    if not sources:
        yield "it has no source"
    for url in sources:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            yield f"source {url!r} is not a web address"


def _faults_of_tags(tags: tuple[str, ...]) -> Iterator[str]:
    for tag in tags:
        if not (tag.isalnum() and tag[0].isupper()):
            yield f"tag {tag!r} is not in CamelCase without '#'"
    if not tags or len(set(tags)) != len(tags):
        yield "tags are missing or repeated"


def _faults_of_texts(what: str, texts: Mapping[str, str], language: str) -> Iterator[str]:
    if list(texts) != [language, "en"]:
        yield f"{what} must have '{language}' first and then 'en'"
    for tag, text in texts.items():
        if not text.strip() or text != text.strip():
            yield f"{what} in '{tag}' is empty or has blanks around it"
