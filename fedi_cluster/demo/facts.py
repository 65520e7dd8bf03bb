"""The demo's facts, loaded and checked: regions, organisations, projects, news; it publishes nothing itself.

Every fact is public and has its source; the words are ours, the titles are the originals. The rules of the
demo (product.md, "Demo ethics") are kept here: no persons, no words in an organisation's name (items belong
to a region's editorial account), and a label on every profile of a real organisation.

What is in `data/`: 5 regions (the fifth, Elbląg, joins later), 52 organisations, 48 items (15 projects, which
become a `Note`, and 33 news, which become an `Article`). Nothing of these three lists is left out. Left out
of the collection that they were taken from: events and their series (they need `Event`), consultations (an
offer or a request needs its own idea) and the draft strategy (only the id of its goal is kept in an item),
because a later part of the project brings their kinds; which organisation hosts a region, because no demo
region is run by it; and coordinates and dates that nobody knows, which are marked and never guessed.
`sbcc` and `pkk` are the same project seen from Szczecin and from Rietavas, each from its own page.
"""

import datetime as dt
from dataclasses import fields, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

import msgspec

from fedi_cluster.demo.rules import faults_of, faults_of_handles
from fedi_cluster.demo.shapes import (
    DEMO_LABEL,
    SOURCE_LABEL,
    DemoFacts,
    DemoItem,
    DemoOrganisation,
    DemoRegion,
)
from fedi_cluster.kernel.errors import Invalid

__all__ = [
    "DEMO_LABEL",
    "FIFTH",
    "SOURCE_LABEL",
    "DemoFacts",
    "DemoItem",
    "DemoOrganisation",
    "DemoRegion",
    "load",
]

FIFTH = "elblag"
FIFTH_GUEST_OF = "szczecin"

T = TypeVar("T", DemoRegion, DemoOrganisation, DemoItem)


def load(with_fifth: bool, *, folder: Traversable | None = None) -> DemoFacts:
    """The facts of the demo, read from `folder` (the package's own data unless told otherwise).

    Without the fifth region its organisations and items live on Szczecin; with it they live on Elbląg only.
    Items come oldest first, those without a date before all others. Raises `Invalid`, whose `fields` name
    every fault by file or id, when the data break a rule.
    """
    here = folder if folder is not None else files("fedi_cluster.demo") / "data"
    regions = _read(here, "regions.json", DemoRegion)
    organisations: list[DemoOrganisation] = []
    items: list[DemoItem] = []
    faults: dict[str, str] = {}
    for region in regions:
        for own in _read(here, f"organisations_{region.slug}.json", DemoOrganisation):
            if own.region != region.slug:
                faults[f"place of organisation {own.id}"] = f"stands in the file of {region.slug}"
            organisations.append(own)
        for item in _read(here, f"items_{region.slug}.json", DemoItem):
            if item.region != region.slug:
                faults[f"place of item {item.id}"] = f"stands in the file of {region.slug}"
            items.append(item)
    faults |= faults_of(regions, organisations, items)
    taking_part = tuple(region for region in regions if with_fifth or not region.joins_later)
    if not with_fifth:
        organisations = [_as_guest(own) for own in organisations]
        items = [_as_guest(item) for item in items]
    faults |= faults_of_handles(taking_part, organisations)
    if faults:
        told = "; ".join(f"{where}: {what}" for where, what in faults.items())
        raise Invalid("The demo data break their rules.", fields=faults, detail=told)
    return DemoFacts(tuple(_filled(region, organisations, items) for region in taking_part))


G = TypeVar("G", DemoOrganisation, DemoItem)


def _as_guest(thing: G) -> G:
    return replace(thing, region=FIFTH_GUEST_OF) if thing.region == FIFTH else thing


def _filled(region: DemoRegion, organisations: list[DemoOrganisation], items: list[DemoItem]) -> DemoRegion:
    own = (item for item in items if item.region == region.slug)
    return replace(
        region,
        organisations=tuple(found for found in organisations if found.region == region.slug),
        items=tuple(sorted(own, key=lambda item: (item.date or dt.date.min, item.id))),
    )


def _read(folder: Traversable, name: str, shape: type[T]) -> list[T]:
    allowed = {known.name for known in fields(shape)}
    try:
        raw = msgspec.json.decode((folder / name).read_bytes(), type=list[dict[str, object]])
        things = msgspec.convert(raw, list[shape])  # type: ignore[valid-type]
    except FileNotFoundError as error:
        raise Invalid("A file of the demo data is missing.", fields={name: "missing"}, detail=name) from error
    except msgspec.MsgspecError as error:
        told = str(error)
        raise Invalid(
            "A file of the demo data cannot be read.", fields={name: told}, detail=f"{name}: {told}"
        ) from error
    strange = sorted({key for thing in raw for key in thing} - allowed)
    if strange:
        told = f"unknown members: {', '.join(strange)}"
        raise Invalid(
            "A file of the demo data has unknown members.", fields={name: told}, detail=f"{name}: {told}"
        )
    return things
