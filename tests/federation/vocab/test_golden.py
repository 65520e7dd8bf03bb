"""What our sisters send (golden documents) is read to the expected values, without loss of our own terms."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import cast

import pytest

from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.parse import PUBLIC
from fedi_cluster.federation.vocab.types import (
    Accept,
    ActorDocument,
    Announce,
    Block,
    Create,
    Delete,
    Follow,
    Funding,
    Inner,
    Join,
    Like,
    Link,
    Media,
    MemberList,
    Mention,
    ObjectDocument,
    Place,
    Poll,
    ProjectDocument,
    Reject,
    Tombstone,
    Undo,
    Unknown,
    Unreadable,
    Update,
)
from fedi_cluster.kernel.json import Json, parse_object

pytestmark = pytest.mark.shared

SZ = "https://szczecin.example"
RO = "https://rostock.example"
WARSAW = timezone(timedelta(hours=1))


def golden(shared: Path, name: str) -> Json:
    return parse_object((shared / "design" / "golden" / f"{name}.json").read_bytes())


def at(hour: int, minute: int = 0, second: int = 0, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


def read_object(shared: Path, name: str) -> ObjectDocument:
    found = parse.obj(golden(shared, name))
    assert isinstance(found, ObjectDocument)
    return found


def read_actor(shared: Path, name: str) -> ActorDocument:
    found = parse.actor(golden(shared, name))
    assert isinstance(found, ActorDocument)
    return found


def test_all_golden_documents_are_read(shared: Path) -> None:
    folder = shared / "design" / "golden"
    unknown = {
        "add-featured": "Add",
        "remove-featured": "Remove",
        "flag": "Flag",
        "leave": "Leave",
        "move": "Move",
        "offer-agreement": "Offer",
    }
    count = 0
    for path in sorted(folder.glob("*.json")):
        document = parse_object(path.read_bytes())
        family, _, rest = path.stem.partition("-")
        if family == "activity":
            found: object = parse.activity(document)
            assert isinstance(found, Unknown) == (rest in unknown), path.name
            if isinstance(found, Unknown):
                assert found.type == unknown[rest]
        elif family == "actor":
            found = parse.actor(document)
        elif family in {"object", "tombstone"}:
            found = parse.obj(document)
        elif family == "collection":
            found = parse.page(document) if "-page" in rest else parse.collection(document)
        elif path.stem.startswith("cluster-digest"):
            found = parse.collection(document)
        else:
            continue
        count += 1
        assert not isinstance(found, Unreadable), (path.name, found)
    assert count >= 60


def test_the_region(shared: Path) -> None:
    found, document = read_actor(shared, "actor-region"), golden(shared, "actor-region")
    region = SZ + "/actors/region"
    assert (found.id, found.type, found.username, found.webfinger) == (
        region,
        "Group",
        "region",
        "region@szczecin.example",
    )
    assert found.name_map == document["nameMap"]
    assert list(found.name_map) == ["pl", "en"]
    assert found.summary_html == document["summary"]
    assert (found.inbox, found.shared_inbox, found.url) == (
        region + "/inbox",
        SZ + "/inbox",
        SZ + "/r/szczecin",
    )
    assert (found.outbox, found.followers, found.following, found.featured) == tuple(
        f"{region}/{end}" for end in ("outbox", "followers", "following", "featured")
    )
    assert [(key.id, key.owner, key.kind) for key in found.keys] == [
        (region + "#main-key", region, "rsa"),
        (region + "#ed25519-key", region, "ed25519"),
    ]
    assert found.keys[0].material == cast(Json, document["publicKey"])["publicKeyPem"]
    assert found.keys[1].material.startswith("z6Mk")
    assert [name for name, _value in found.fields] == ["Miejsce", "Języki", "Prowadzi", "Strona"]
    assert (found.icon_url, found.image_url) == (
        "https://media.szczecin.example/region.webp",
        "https://media.szczecin.example/region-banner.webp",
    )
    assert (found.manually_approves, found.discoverable, found.indexable) == (False, True, True)
    assert (found.kind, found.cluster, found.language) == ("Region", SZ + "/cluster/members", "pl")
    assert found.location == Place("Szczecin", 53.4285, 14.5528)
    assert found.published == datetime(2026, 11, 1, tzinfo=UTC)
    assert len(found.implements) == 2
    assert [tag.name for tag in found.hashtags] == ["Szczecin"]


def test_the_instance_and_a_moved_person(shared: Path) -> None:
    instance = read_actor(shared, "actor-instance")
    assert (instance.type, instance.username) == ("Application", "szczecin.example")
    assert instance.cluster == SZ + "/cluster/members"
    assert instance.implements[0] == "https://datatracker.ietf.org/doc/html/rfc9421"
    assert instance.manually_approves
    moved = read_actor(shared, "actor-person-moved")
    assert (moved.moved_to, moved.updated) == (RO + "/actors/pracownia", at(11))


def test_the_note(shared: Path) -> None:
    found, document = read_object(shared, "object-note"), golden(shared, "object-note")
    assert (found.id, found.attributed_to) == (
        SZ + "/objects/117664933478460852",
        SZ + "/actors/atelier",
    )
    assert (found.to, found.audience) == ((PUBLIC,), (SZ + "/actors/region",))
    assert found.cc == (SZ + "/actors/atelier/followers", SZ + "/actors/region")
    assert (found.content_html, found.content_map) == (document["content"], document["contentMap"])
    assert list(found.content_map) == ["pl", "en"]
    assert (found.language, found.published, found.updated) == ("pl", at(9), None)
    assert found.context == document["context"]
    assert found.attachments == (
        Media(
            "https://media.szczecin.example/note-1.webp",
            "Document",
            "image/webp",
            "Sito i świeża odbitka na stole",
            1200,
            800,
            "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
            (0.1, -0.25),
        ),
    )
    assert [tag.name for tag in found.hashtags] == ["sitodruk", "Szczecin"]
    assert (found.likes_total, found.shares_total, found.replies) == (0, 0, found.id + "/replies")
    assert (found.kind, found.project, found.extension) == (None, None, {})


def test_the_project(shared: Path) -> None:
    found, document = read_object(shared, "object-project"), golden(shared, "object-project")
    assert found.kind == "Project"
    assert found.project == ProjectDocument(
        title_map={"pl": "Nabrzeże otwarte", "en": "Open Quay"},
        state="running",
        partners=(SZ + "/actors/warsztat", RO + "/actors/hallenbau"),
        confirmed_partners=(SZ + "/actors/warsztat",),
        goal=SZ + "/objects/117545789030400772",
        funding=(
            Funding(
                "Interreg South Baltic 2021–2027",
                "STHB.00.00-IP.00-0000/00",
                "Co-funded by the European Union",
            ),
        ),
        body_map=cast(dict[str, str], document["creative:body"]),
        start=datetime(2026, 3, 1, tzinfo=WARSAW),
        end=datetime(2028, 2, 29, 23, 59, 59, tzinfo=WARSAW),
        place=Place("Szczecin", 53.4239, 14.5602),
        license="https://creativecommons.org/licenses/by/4.0/",
    )
    own = {key: value for key, value in document.items() if key.startswith("creative:")}
    assert found.extension == own


def test_article_event_question_and_goal(shared: Path) -> None:
    article = read_object(shared, "object-article")
    assert (article.type, article.name, article.kind) == ("Article", "Jedenaście pracowni do wzięcia", "News")
    assert list(article.summary_map) == ["pl", "en"]
    assert article.image is not None
    assert article.image.url == "https://media.szczecin.example/magazyn.webp"
    event = read_object(shared, "object-event")
    assert event.start == datetime(2026, 12, 12, 10, tzinfo=WARSAW)
    assert (event.timezone, event.kind) == ("Europe/Warsaw", "Forum")
    assert event.links == (Link("https://forum.example/2026", "Website", "text/html"),)
    assert event.location == Place(
        "Wały Chrobrego",
        53.4309,
        14.5655,
        SZ + "/objects/117664992460841300",
        "Wały Chrobrego 1, 70-500, Szczecin, Zachodniopomorskie, Polska",
    )
    question = read_object(shared, "object-question")
    assert question.poll == Poll(
        (("17 kwietnia", 0), ("24 kwietnia", 0), ("8 maja", 0)), multiple=False, voters=0
    )
    assert question.end == at(9, 40, day=30)
    goal = read_object(shared, "object-goal")
    assert (goal.updated, goal.extension["creative:progress"]) == (at(11, 5), 37)
    progress = read_object(shared, "object-progress")
    assert progress.in_reply_to == goal.id
    assert progress.mentions == (Mention(SZ + "/actors/strategy", "@strategy@szczecin.example"),)


def test_the_tombstone(shared: Path) -> None:
    grave = Tombstone(SZ + "/objects/117664941342730299", "Note", at(9, 2), at(11, 30))
    assert parse.obj(golden(shared, "tombstone")) == grave
    document = golden(shared, "activity-delete")
    assert parse.activity(document) == Delete(
        SZ + "/activities/117665523302424983",
        SZ + "/actors/atelier",
        grave.id,
        grave,
        cast(Json, document["object"]),
    )
    leaver = SZ + "/actors/pracownia"
    assert parse.activity(golden(shared, "activity-delete-actor")) == Delete(
        SZ + "/activities/117665523302408799", leaver, leaver
    )


def test_follow_and_its_answers(shared: Path) -> None:
    hallenbau, region = RO + "/actors/hallenbau", SZ + "/actors/region"
    follow = RO + "/activities/117665130086441934"
    inner = Inner(follow, "Follow", hallenbau, region)
    assert parse.activity(golden(shared, "activity-follow")) == Follow(follow, hallenbau, region)
    assert parse.activity(golden(shared, "activity-accept-follow")) == Accept(
        SZ + "/activities/117665130151985445", region, follow, inner
    )
    rejected = parse.activity(golden(shared, "activity-reject-follow"))
    assert isinstance(rejected, Reject)
    assert rejected.inner is not None
    assert rejected.inner.type == "Follow"
    assert parse.activity(golden(shared, "activity-undo-follow")) == Undo(
        RO + "/activities/117665157611564912", hallenbau, follow, inner
    )
    agreed = parse.activity(golden(shared, "activity-accept-agreement"))
    assert isinstance(agreed, Accept)
    assert (agreed.object_id, agreed.inner) == (RO + "/activities/117665208729639041", None)


@pytest.mark.parametrize("kind", ["article", "event", "note", "project"])
def test_create_embeds_what_stands_alone(shared: Path, kind: str) -> None:
    document = golden(shared, f"activity-create-{kind}")
    found = parse.activity(document)
    assert isinstance(found, Create)
    assert found.raw_object == document["object"]
    assert found.object == parse.obj(golden(shared, f"object-{kind}"))
    assert isinstance(found.object, ObjectDocument)
    assert (found.actor, found.object_id) == (found.object.attributed_to, found.object.id)
    assert (found.to, found.cc, found.audience) == (found.object.to, found.object.cc, found.object.audience)
    assert found.published == found.object.published


def test_create_by_reference(shared: Path) -> None:
    found = parse.activity(golden(shared, "activity-create-article-by-reference"))
    assert isinstance(found, Create)
    assert (found.object, found.raw_object) == (None, None)


def test_updates(shared: Path) -> None:
    note = parse.activity(golden(shared, "activity-update-note"))
    assert isinstance(note, Update)
    assert isinstance(note.object, ObjectDocument)
    assert note.object.updated is not None
    person = parse.activity(golden(shared, "activity-update-person"))
    assert isinstance(person, Update)
    assert isinstance(person.object, ActorDocument)
    assert person.object_id == person.actor == person.object.id
    listed = parse.activity(golden(shared, "activity-update-cluster-members"))
    assert isinstance(listed, Update)
    assert listed.object == parse.member_list(golden(shared, "cluster-members"))
    assert isinstance(listed.object, MemberList)


def test_announces(shared: Path) -> None:
    document = golden(shared, "activity-announce-activity")
    whole = parse.activity(document)
    assert isinstance(whole, Announce)
    assert whole.inner == document["object"]
    assert (whole.actor, whole.published) == (SZ + "/actors/region", at(9, 0, 2))
    inner = parse.activity(cast(Json, whole.inner))
    assert inner == parse.activity(golden(shared, "activity-create-note"))
    short = parse.activity(golden(shared, "activity-announce-object"))
    assert isinstance(short, Announce)
    assert (short.inner, short.object_id) == (None, SZ + "/objects/117664933478460852")


def test_like_block_and_join(shared: Path) -> None:
    hallenbau, atelier = RO + "/actors/hallenbau", SZ + "/actors/atelier"
    assert parse.activity(golden(shared, "activity-like")) == Like(
        RO + "/activities/117665149747251890", hallenbau, SZ + "/objects/117664933478460852"
    )
    assert parse.activity(golden(shared, "activity-block")) == Block(
        SZ + "/activities/117665287372818794", atelier, "https://social.example/users/reklama"
    )
    assert parse.activity(golden(shared, "activity-join")) == Join(
        RO + "/activities/117665326694422585",
        hallenbau,
        SZ + "/objects/117664992460847329",
        "Zwei Personen, vegetarisch.",
    )
