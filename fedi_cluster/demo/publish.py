"""Publishes the demo's facts into one instance, organisations and items; a second time changes nothing.

It does in one process what `fedi-cluster post` does in one process each, by the same acts of the community.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select

from fedi_cluster.community.actors import actions as actor_actions
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.actions import NewActor, Profile
from fedi_cluster.community.actors.shapes import Actor, Field, Place
from fedi_cluster.community.instances.queries import identity_of
from fedi_cluster.community.posts import actions as post_actions
from fedi_cluster.community.posts.actions import Translation, WritePost
from fedi_cluster.community.posts.shapes import Project
from fedi_cluster.community.regions.founding import KeyPair
from fedi_cluster.demo.shapes import DemoFacts, DemoItem, DemoOrganisation, DemoRegion
from fedi_cluster.demo.texts import summary_of, text_of
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.storage.tables.posts import post as post_table
from fedi_cluster.storage.unit import Reader, Unit
from fedi_cluster.wiring import House

NOON = time(12)
"""When a fact is published of which only the day is known, in the region's time zone."""

_WEB = {"pl": "Strona", "de": "Webseite", "lt": "Svetainė", "sv": "Webbplats", "en": "Website"}
_TOWN = {"pl": "Miejscowość", "de": "Ort", "lt": "Vietovė", "sv": "Ort", "en": "Town"}


@dataclass(frozen=True, slots=True)
class Part:
    """A region's part of the demo; `homes` maps the slugs of all that take part to their base URLs, where
    partners of projects live."""

    region: DemoRegion
    facts: DemoFacts
    homes: Mapping[str, str]


def part_of(facts: DemoFacts, slug: str, homes: Mapping[str, str]) -> Part:
    """The part of one region; raises `Invalid` where it or the home of another one is not named."""
    region = next((one for one in facts.regions if one.slug == slug), None)
    lacking = [one.slug for one in facts.regions if one.slug not in homes]
    if region is None or lacking:
        told = f"no home is told of {', '.join(lacking)}" if lacking else f"“{slug}” does not take part"
        raise Invalid(f"The demo cannot be published: {told}.")
    return Part(region, facts, homes)


@dataclass(frozen=True, slots=True)
class PublishedItem:
    """An item as it stands now: ActivityPub id and page."""

    uri: str
    url: str


async def publish_facts(
    house: House, part: Part, fresh_keys: Callable[[str], KeyPair]
) -> dict[str, PublishedItem]:
    """Makes the organisations of a region and publishes its items; gives these by their id.

    `fresh_keys` makes the keys of an actor by its id. What is there already stays as it is. Raises `NotFound`
    where the instance is not founded yet.
    """
    missing = await house.db.read(_missing, part.region)
    # Keys take a moment each, so they are made before the transaction.
    profiles = [profile_of(own, fresh_keys(house.at.actor(own.handle))) for own in missing]
    return await house.db.write(_publish, house.at, part, profiles)


def _missing(reader: Reader, region: DemoRegion) -> list[DemoOrganisation]:
    return [own for own in region.organisations if actor_queries.local(reader, own.handle) is None]


def profile_of(own: DemoOrganisation, keys: KeyPair) -> NewActor:
    """The demo profile of a real organisation; its biography says that it is one."""
    language = next(iter(own.descriptions))
    biographies = {
        tag: f"<p>{html.escape(own.biography(tag), quote=False)}</p>"
        for tag in own.descriptions  # the region's language first
    }
    link = html.escape(own.link)
    anchor = f'<a href="{link}" rel="nofollow noopener">{link}</a>'
    return NewActor(
        name=own.handle,
        type="Organization",
        kind="Organisation",
        display_name=own.name,
        own=keys.own,
        public=keys.public,
        name_map={language: own.name},
        summary=biographies[language],
        summary_map=biographies,
        language=language,
        fields=(
            Field(_WEB[language], anchor),
            Field(_TOWN[language], html.escape(own.town, quote=False)),
        ),
        tags=own.tags,
        location=Place(own.town, own.latitude, own.longitude),
        demo=True,
    )


def _publish(unit: Unit, at: Addresses, part: Part, profiles: list[NewActor]) -> dict[str, PublishedItem]:
    region = part.region
    for profile in profiles:
        if actor_queries.local(unit, profile.name) is None:
            actor_actions.create(unit, at, profile)
    office = actor_queries.need_local(unit, identity_of(unit).get("editorial", region.editorial_handle))
    known = _published(unit, office)
    if not known:
        _name_office(unit, office, region)
    found = {}
    for item in region.items:
        there = known.get((item.kind, item.title))
        if there is None:
            post = post_actions.write(unit, at, office, command_of(item, part, unit.now))
            there = PublishedItem(post.uri, post.url)
        found[item.id] = there
    return found


def _published(unit: Unit, office: Actor) -> dict[tuple[str, str | None], PublishedItem]:
    """What the office has published, by kind and title: within a region no two facts share both."""
    post = post_table.c
    rows = unit.connection.execute(
        select(post.kind, post.title, post.uri, post.url).where(
            post.author_id == office.id, post.kind != "note", post.deleted_at.is_(None)
        )
    )
    return {(row.kind, row.title): PublishedItem(row.uri, row.url) for row in rows}


def _name_office(unit: Unit, office: Actor, region: DemoRegion) -> None:
    """Names the office as the demo's own; it has written nothing yet, so no other server knows it."""
    names = dict(region.editorial_names)
    said = replace(Profile.of(office), name=names[region.language], name_map=names)
    actor_actions.change(unit, office, said)


def command_of(item: DemoItem, part: Part, now: datetime) -> WritePost:
    """An item as its region's editorial account publishes it; `now` is an aware moment.

    It is published at noon of its day, never later than now; now where no day is known.
    """
    published = _moment(item.date, part.region, NOON)
    return WritePost(
        text=text_of(item, item.language),
        language=item.language,
        kind=item.kind,
        title=item.title,
        summary=summary_of(item, item.language),
        to_region=True,
        tags=item.tags,
        translations={
            tag: Translation(text_of(item, tag), item.titles[tag], summary_of(item, tag))
            for tag in item.summaries
            if tag != item.language
        },
        project=_project(item, part) if item.kind == "project" else None,
        published_at=published if published and published <= now else None,
    )


def _project(item: DemoItem, part: Part) -> Project:
    start = _moment(item.start, part.region, time())
    end = _moment(item.end, part.region, time(23, 59, 59))
    return Project(
        state=item.state or "",
        # Nobody confirmed: the organisations do not run these accounts.
        partners=tuple(_partner(part.facts.organisation(own), part.homes) for own in item.organisations),
        start=start.isoformat() if start else None,
        end=end.isoformat() if end else None,
    )


def _partner(own: DemoOrganisation, homes: Mapping[str, str]) -> str:
    base = homes[own.region]
    return Addresses(base, base.partition("://")[2]).actor(own.handle)


def _moment(day: date | None, region: DemoRegion, at: time) -> datetime | None:
    return datetime.combine(day, at, ZoneInfo(region.time_zone)) if day else None
