"""Documents of actors with little to say, and of instances on unusual addresses."""

from dataclasses import replace

from fedi_cluster.community.actors.shapes import Place
from fedi_cluster.federation.render import contexts, wellknown
from fedi_cluster.federation.render.actor import actor, preferred_name
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import ActorDocument
from fedi_cluster.kernel.addresses import PUBLIC, Addresses
from tests.federation.render.small_shapes import HERE, an_actor


def test_what_is_missing_is_left_out_and_nothing_is_null() -> None:
    document = actor(HERE, an_actor())
    assert None not in document.values()
    assert not {"icon", "image", "location", "creative:kind", "creative:cluster", "movedTo"} & document.keys()
    assert document["attachment"] == document["tag"] == document["alsoKnownAs"] == []
    assert document["nameMap"] == {"de": "Hallenbau & Söhne"}
    assert "summaryMap" not in document
    assert document["attributionDomains"] == ["rostock.localhost:8002"]


def test_the_original_language_comes_first_however_it_was_stored() -> None:
    who = replace(an_actor(), name_map={"en": "Region", "lt": "Regionas", "de": "Gegend"})
    names = actor(HERE, who)["nameMap"]
    assert isinstance(names, dict)
    assert list(names) == ["de", "en", "lt"]


def test_who_is_not_listed_may_be_neither_featured_nor_searched() -> None:
    hidden = actor(HERE, replace(an_actor(), discoverable=False, indexable=False))
    assert PUBLIC not in str(hidden["interactionPolicy"]) + str(hidden["searchableBy"])


def test_coordinates_are_never_integral() -> None:
    document = actor(HERE, replace(an_actor(), location=Place("Null", 54.0, 0.0)))
    assert document["location"] == {
        "type": "Place",
        "name": "Null",
        "latitude": 53.999999,
        "longitude": 0.000001,
    }
    bare = actor(HERE, replace(an_actor(), location=Place("Irgendwo")))
    assert bare["location"] == {"type": "Place", "name": "Irgendwo"}


def test_a_region_is_open_and_names_its_languages() -> None:
    region = actor(HERE, an_actor("region", "Group", "Region"), ["de", "en"])
    assert region["postingRestrictedToMods"] is False
    assert region["language"] == [
        {"identifier": "de", "name": "Deutsch"},
        {"identifier": "en", "name": "English"},
    ]
    topic = actor(HERE, an_actor("strategy", "Group", "Topic"))
    assert topic["postingRestrictedToMods"] is True
    assert topic["language"] == [{"identifier": "de", "name": "Deutsch"}]


def test_the_instance_actor_is_named_after_its_domain_without_the_port() -> None:
    instance = an_actor("actor", "Application")
    document = actor(HERE, instance)
    assert document["preferredUsername"] == "rostock.localhost"
    assert document["webfinger"] == "rostock.localhost@rostock.localhost:8002"
    assert not {"featured", "featuredTags", "generator"} & document.keys()
    found = wellknown.webfinger(HERE, instance)
    assert found["subject"] == "acct:rostock.localhost@rostock.localhost:8002"
    assert "template" not in str(found)
    assert preferred_name(Addresses("http://[::1]:8002", "[::1]:8002"), instance) == "actor"


def test_sisters_read_what_we_write() -> None:
    for who in (an_actor(), an_actor("region", "Group", "Region"), an_actor("actor", "Application")):
        found = parse.actor(actor(HERE, who))
        assert isinstance(found, ActorDocument)
        assert (found.id, found.name, found.inbox) == (who.uri, who.name, who.inbox)
        assert len(found.implements) == 2


def test_documents_do_not_share_their_context() -> None:
    document = actor(HERE, an_actor())
    context = document["@context"]
    assert isinstance(context, list)
    context.append("https://elsewhere.example/ns")
    assert "https://elsewhere.example/ns" not in contexts.ACTOR
