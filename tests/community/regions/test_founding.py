"""Founding: the three first actors, as the golden documents have them, once and for ever."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fedi_cluster.cli.init import founding_of
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.regions import founding, queries
from fedi_cluster.community.regions.founding import Founding, check_identity, found
from fedi_cluster.federation.render.actor import actor as render_actor
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import SystemClock
from fedi_cluster.kernel.errors import ClusterError, Conflict, NotFound
from fedi_cluster.kernel.ids import IdSource
from fedi_cluster.kernel.languages import PAGE_LANGUAGES
from fedi_cluster.settings import Settings, load
from fedi_cluster.storage.database import Database

AT = Addresses("https://szczecin.example", "szczecin.example")


def settings_of(**changed: str) -> Settings:
    values = {
        "BASE_URL": AT.base,
        "REGION": "szczecin",
        "REGION_NAME": "Szczecin",
        "LANGUAGE": "pl",
    } | changed
    return load(None, {f"FEDI_CLUSTER_{name}": value for name, value in values.items()})


@pytest.fixture(scope="module")
def command() -> Founding:
    return founding_of(settings_of())


@pytest.fixture
def db(migrated_url: str) -> Iterator[Database]:
    database = Database(migrated_url, SystemClock(), IdSource())
    yield database
    database.close()


def test_the_three_first_actors(db: Database, command: Founding) -> None:
    founded = db.write_now(found, AT, command)
    assert (founded.instance.uri, founded.instance.type) == (AT.instance_actor, "Application")
    assert (founded.region.uri, founded.region.type, founded.region.kind) == (AT.region, "Group", "Region")
    assert founded.region.url == "https://szczecin.example/r/szczecin"
    assert (founded.editorial.username, founded.editorial.type) == ("redakcja", "Organization")
    assert founded.editorial.name == "Redakcja Szczecin"
    assert db.read_now(queries.region) == founded.region
    assert db.read_now(queries.instance_actor) == founded.instance
    assert db.read_now(queries.own_entry).key.startswith("z6Mk")
    for actor in (founded.instance, founded.region, founded.editorial):
        assert {key.owner for key in actor.keys} == {actor.uri}
        assert next(iter(actor.summary_map)) == "pl"
        assert {"pl", "en"} <= set(actor.summary_map)
        assert db.read_now(actor_queries.own_keys, actor.id).rsa_pem.startswith("-----BEGIN PRIVATE KEY")


def test_the_identity_is_written_down(db: Database, command: Founding) -> None:
    db.write_now(found, AT, command)
    said = db.read_now(instance_queries.identity_of)
    assert (said["base_url"], said["handle_domain"]) == (AT.base, AT.handle_domain)
    assert (said["region"], said["editorial"]) == ("szczecin", "redakcja")


def test_it_is_done_once(db: Database, command: Founding) -> None:
    db.write_now(found, AT, command)
    with pytest.raises(Conflict):
        db.write_now(found, AT, command)
    assert len(db.read_now(actor_queries.locals_of_type, "Application", "Group", "Organization")) == 3


def test_another_identity_is_refused_in_a_sentence(db: Database, command: Founding) -> None:
    with pytest.raises(NotFound, match="init"):
        db.read_now(check_identity, settings_of())
    db.write_now(found, AT, command)
    db.read_now(check_identity, settings_of())
    for name in ("base_url", "handle_domain", "region"):
        changed = {"base_url": "https://stettin.example", "HANDLE_DOMAIN": AT.handle_domain}
        settings = (
            replace(settings_of(), base_url=changed["base_url"])
            if name == "base_url"
            else replace(settings_of(), **{name: "stettin"})  # type: ignore[arg-type]
        )
        with pytest.raises(ClusterError, match=f"{name} = .*can never change"):
            db.read_now(check_identity, settings)


@pytest.mark.parametrize("language", PAGE_LANGUAGES)
def test_every_language_has_its_texts(db: Database, command: Founding, language: str) -> None:
    office = founding.EDITORIAL_NAMES[language]
    own = replace(command, language=language, editorial=office)
    founded = db.write_now(found, AT, own)
    for actor in (founded.instance, founded.region, founded.editorial):
        assert actor.language == language
        assert actor.summary == actor.summary_map[language]
        assert "{" not in actor.summary
        assert set(actor.summary_map) == set(PAGE_LANGUAGES)


def test_a_description_of_the_host_stands_as_it_is(db: Database, command: Founding) -> None:
    founded = db.write_now(found, AT, replace(command, description="Sztuka & {rzemiosło}"))
    assert founded.region.summary_map == {"pl": "<p>Sztuka &amp; {rzemiosło}</p>"}


@pytest.mark.shared
@pytest.mark.parametrize("name", ["instance", "region", "editorial"])
def test_the_documents_have_the_fields_of_the_golden_ones(
    db: Database, command: Founding, shared: Path, name: str
) -> None:
    import json

    golden = json.loads((shared / "design" / "golden" / f"actor-{name}.json").read_text("utf-8"))
    founded = db.write_now(found, AT, command)
    document = render_actor(AT, getattr(founded, name))
    added_later = {"icon", "image", "location", "proof"}
    assert set(golden) - set(document) <= added_later
    assert set(document) <= set(golden)
    for field in (
        "id",
        "type",
        "preferredUsername",
        "webfinger",
        "url",
        "manuallyApprovesFollowers",
        "discoverable",
    ):
        assert document[field] == golden[field], field
    for field in ("creative:kind", "creative:cluster"):
        assert document.get(field) == golden.get(field), field
