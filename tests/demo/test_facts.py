"""The demo's facts keep the demo's ethics: sources, labels, languages, no persons, and every fact once."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from fedi_cluster.demo import facts
from fedi_cluster.demo.facts import DEMO_LABEL, SOURCE_LABEL, DemoFacts, DemoItem, DemoOrganisation, load
from fedi_cluster.demo.rules import RESERVED_HANDLES
from fedi_cluster.kernel.errors import Invalid
from fedi_cluster.kernel.languages import PAGE_LANGUAGES

ORGANISATIONS = {"szczecin": 11, "rostock": 14, "rietavas": 10, "karlshamn": 11, "elblag": 6}
ITEMS = {"szczecin": 14, "rostock": 13, "rietavas": 7, "karlshamn": 8, "elblag": 6}


@pytest.fixture(scope="module")
def four() -> DemoFacts:
    return load(with_fifth=False)


@pytest.fixture(scope="module")
def five() -> DemoFacts:
    return load(with_fifth=True)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the data that a test may damage."""
    folder = tmp_path / "data"
    folder.mkdir()
    for file in (files("fedi_cluster.demo") / "data").iterdir():
        shutil.copy(str(file), folder / file.name)
    return folder


def _items(found: DemoFacts) -> list[DemoItem]:
    return [item for region in found.regions for item in region.items]


def _organisations(found: DemoFacts) -> list[DemoOrganisation]:
    return [own for region in found.regions for own in region.organisations]


def _change(folder: Path, name: str, place: int, **members: object) -> None:
    things = json.loads((folder / name).read_text(encoding="utf-8"))
    things[place].update(members)
    (folder / name).write_text(json.dumps(things), encoding="utf-8")


def test_five_regions_hold_everything_once(five: DemoFacts) -> None:
    assert {region.slug: len(region.organisations) for region in five.regions} == ORGANISATIONS
    assert {region.slug: len(region.items) for region in five.regions} == ITEMS
    assert len(_organisations(five)) == 52
    kinds = [item.object_type for item in _items(five)]
    assert (kinds.count("Note"), kinds.count("Article")) == (15, 33)


def test_without_the_fifth_its_facts_live_on_szczecin(four: DemoFacts, five: DemoFacts) -> None:
    assert [region.slug for region in four.regions] == ["szczecin", "rostock", "rietavas", "karlshamn"]
    assert len(four.regions[0].organisations) == 17
    assert len(four.regions[0].items) == 20
    assert {item.id for item in _items(four)} == {item.id for item in _items(five)}
    assert four.organisation("galeria-el").region == "szczecin"
    assert five.organisation("galeria-el").region == "elblag"
    assert "galeria_el" not in {own.handle for own in five.regions[0].organisations}


def test_ids_are_unique(five: DemoFacts) -> None:
    ids = [item.id for item in _items(five)] + [own.id for own in _organisations(five)]
    assert len(ids) == len(set(ids))


def test_handles_are_valid_and_unique_on_each_instance(four: DemoFacts, five: DemoFacts) -> None:
    for region in (*four.regions, *five.regions):
        handles = [region.editorial_handle, *(own.handle for own in region.organisations)]
        assert len(handles) == len(set(handles))
        assert not RESERVED_HANDLES & set(handles)
        assert all(handle == handle.lower() and len(handle) <= 30 for handle in handles)


def test_everything_has_a_source_and_its_region(five: DemoFacts) -> None:
    for region in five.regions:
        assert region.sources
        assert region.host == f"{region.slug}.localhost"
        assert all(own.sources and own.region == region.slug for own in region.organisations)
        assert all(item.sources and item.region == region.slug for item in region.items)


def test_the_original_language_stands_first(five: DemoFacts) -> None:
    for region in five.regions:
        assert region.language in PAGE_LANGUAGES
        assert set(region.names) == set(PAGE_LANGUAGES)
        for item in region.items:
            assert item.language == region.language
            for texts in (item.titles, item.summaries, item.bodies):
                assert list(texts) == [region.language, "en"]
            assert item.titles[region.language] == item.title
        for own in region.organisations:
            assert list(own.descriptions) == [region.language, "en"]


def test_ledes_and_cards_have_their_length(five: DemoFacts) -> None:
    for item in _items(five):
        for text in item.summaries.values():
            assert len(text) <= 400
            assert item.kind == "project" or len(text) >= 150
            assert text.endswith((".", "?"))


def test_a_translation_is_a_translation(five: DemoFacts) -> None:
    for item in _items(five):
        assert len(set(item.summaries.values())) == 2
        lengths = {len(body) for body in item.bodies.values()}
        assert len(lengths) == 1, f"{item.id}: the two bodies have different paragraphs"


def test_every_partner_is_known(five: DemoFacts) -> None:
    for item in _items(five):
        for partner in item.organisations:
            assert five.organisation(partner).id == partner


def test_states_agree_with_dates(five: DemoFacts) -> None:
    states = {item.id: item.state for item in _items(five) if item.kind == "project"}
    assert {id_ for id_, state in states.items() if state == "running"} == {"summerschool"}
    finished = {id_ for id_, state in states.items() if state == "finished"}
    ended = {item.id for item in _items(five) if item.end is not None}
    assert finished == ended


def test_items_come_oldest_first(four: DemoFacts) -> None:
    for region in four.regions:
        dates = [item.date for item in region.items if item.date is not None]
        assert dates == sorted(dates)


def test_profiles_say_that_they_are_demo_profiles(five: DemoFacts) -> None:
    assert set(DEMO_LABEL) == set(SOURCE_LABEL) == set(PAGE_LANGUAGES)
    for own in _organisations(five):
        for language in own.descriptions:
            assert own.biography(language).endswith(DEMO_LABEL[language])
        assert own.link in own.sources


def test_nobody_is_named() -> None:
    for file in (files("fedi_cluster.demo") / "data").iterdir():
        for thing in json.loads(file.read_text(encoding="utf-8")):
            words = " ".join(thing).casefold()
            assert not any(word in words for word in ("person", "author", "contact", "email", "phone"))


def test_only_files_that_are_read_lie_in_the_folder(five: DemoFacts) -> None:
    wanted = {"regions.json"}
    for region in five.regions:
        wanted |= {f"items_{region.slug}.json", f"organisations_{region.slug}.json"}
    assert {file.name for file in (files("fedi_cluster.demo") / "data").iterdir()} == wanted


@pytest.mark.parametrize(
    ("file", "members", "told"),
    [
        ("items_rostock.json", {"sources": []}, "has no source"),
        ("items_rostock.json", {"sources": ["ftp://old.example/x"]}, "is not a web address"),
        ("items_rostock.json", {"organisations": ["nobody"]}, "missing or unknown"),
        ("items_rostock.json", {"kind": "news", "summaries": {"de": "Kurz.", "en": "Short."}}, "150 to 400"),
        ("items_rostock.json", {"summaries": {"en": "A card.", "de": "Eine Karte."}}, "'de' first"),
        ("items_rostock.json", {"tags": ["#Design"]}, "CamelCase"),
        ("items_rostock.json", {"region": "karlshamn"}, "stands in the file of rostock"),
        ("items_rostock.json", {"id": "sbcc"}, "is there twice"),
        ("items_rostock.json", {"date": None}, "date_precision"),
        ("items_rostock.json", {"date": "yesterday"}, "date"),
        ("items_rostock.json", {"kind": "event"}, "kind"),
        ("items_rostock.json", {"author": "Somebody"}, "unknown members: author"),
        ("organisations_rostock.json", {"handle": "Rostock-Stadt"}, "is not 1 to 30"),
        ("organisations_rostock.json", {"handle": "agenda"}, "is reserved"),
        ("organisations_rostock.json", {"handle": "redaktion"}, "is taken twice"),
        ("organisations_rostock.json", {"latitude": 12.1, "longitude": 54.1}, "coordinates"),
        ("regions.json", {"time_zone": "Europe/Szczecin"}, "is not an IANA zone"),
    ],
)
def test_a_broken_rule_is_told(broken: Path, file: str, members: dict[str, object], told: str) -> None:
    _change(broken, file, 0, **members)
    with pytest.raises(Invalid) as refused:
        load(with_fifth=True, folder=broken)
    assert told in refused.value.detail
    assert refused.value.fields


def test_all_faults_are_told_at_once(broken: Path) -> None:
    _change(broken, "items_rostock.json", 1, sources=[])
    _change(broken, "organisations_elblag.json", 0, handle="admin")
    with pytest.raises(Invalid) as refused:
        load(with_fifth=False, folder=broken)
    assert len(refused.value.fields) == 2


def test_a_missing_file_is_named(broken: Path) -> None:
    (broken / "items_elblag.json").unlink()
    with pytest.raises(Invalid, match=r"items_elblag\.json"):
        load(with_fifth=False, folder=broken)


@pytest.mark.shared
def test_facts_are_those_of_the_collection(shared: Path, five: DemoFacts) -> None:
    collected = json.loads((shared / "data" / "cluster-facts.json").read_text(encoding="utf-8"))
    items = {item.id: item for item in _items(five)}
    assert set(items) == {item["id"] for item in collected["items"]}
    for item in collected["items"]:
        mine = items[item["id"]]
        assert (mine.title, mine.title_language, mine.kind) == (item["title"], item["lang"], item["kind"])
        assert list(mine.organisations) == item["orgs"]
        assert (mine.date.isoformat() if mine.date else None) == item["date"]
        assert set(mine.sources) == set(item["source"])
        assert mine.goal == item["goal"]
    organisations = {own.id: own for own in _organisations(five)}
    assert set(organisations) == {own["id"] for own in collected["organisations"]}
    for own in collected["organisations"]:
        assert organisations[own["id"]].name == own["name"]
        assert set(organisations[own["id"]].sources) == set(own["source"])


def test_the_module_explains_what_is_left_out() -> None:
    assert facts.__doc__ is not None
    for word in ("15 projects", "33 news", "52 organisations", "events", "consultations", "strategy"):
        assert word in facts.__doc__
