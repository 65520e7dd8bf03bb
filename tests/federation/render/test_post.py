"""Documents of posts: who may find them, what a Note never says, and texts with signs that HTML reserves."""

from dataclasses import replace

from fedi_cluster.community.posts.shapes import Project
from fedi_cluster.federation.render.post import post, tombstone
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import ObjectDocument
from fedi_cluster.kernel.addresses import PUBLIC
from tests.federation.render.small_shapes import HERE, THEN, a_post, an_actor


def test_totals_and_addresses_of_collections() -> None:
    document = post(HERE, a_post(an_actor()))
    assert document["likes"] == {"id": f"{HERE.object(42)}/likes", "type": "Collection", "totalItems": 3}
    assert document["shares"] == {"id": f"{HERE.object(42)}/shares", "type": "Collection", "totalItems": 2}
    assert None not in document.values()
    assert document["tag"] == [
        {"type": "Hashtag", "name": "#Holz", "href": "http://rostock.localhost:8002/tags/holz"},
        {"type": "Mention", "href": HERE.region, "name": "@region@rostock.localhost:8002"},
    ]


def test_the_first_language_is_the_original() -> None:
    texts = post(HERE, a_post(an_actor()))["contentMap"]
    assert isinstance(texts, dict)
    assert list(texts) == ["de", "en"]


def test_without_a_language_nothing_is_claimed() -> None:
    document = post(HERE, replace(a_post(an_actor()), language=None, content_map={}))
    assert not {"contentMap", "language", "inLanguage"} & document.keys()


def test_only_public_posts_are_for_searches_and_quotes() -> None:
    author = an_actor()
    for visibility, quotable, findable in (
        ("public", True, True),
        ("unlisted", True, False),
        ("followers", False, False),
        ("direct", False, False),
    ):
        document = post(HERE, replace(a_post(author), visibility=visibility))
        policy = {"canQuote": {"automaticApproval": [PUBLIC if quotable else author.uri]}}
        assert document["interactionPolicy"] == policy
        assert document["searchableBy"] == [PUBLIC if findable else author.uri]
    shy = post(HERE, a_post(replace(author, indexable=False)))
    assert shy["searchableBy"] == [author.uri]


def test_a_note_has_no_name_and_a_project_no_warning() -> None:
    project = replace(a_post(an_actor(), kind="project"), summary="Kurz gesagt", project=Project("running"))
    document = post(HERE, project)
    assert not {"name", "nameMap", "summary", "summaryMap"} & document.keys()
    assert document["creative:title"] == {"de": "Holz & Licht", "en": "Wood & Light"}
    assert "creative:partners" not in document
    found = parse.obj(document)
    assert isinstance(found, ObjectDocument)
    assert found.project is not None
    assert found.project.state == "running"


def test_a_warning_is_a_note_s_summary() -> None:
    note = replace(a_post(an_actor()), summary="Lärm & Staub", sensitive=True)
    document = post(HERE, note)
    assert document["summary"] == "Lärm & Staub"
    assert document["summaryMap"] == {"de": "Lärm & Staub"}


def test_reserved_signs_in_an_article() -> None:
    news = replace(
        a_post(an_actor(), "Article", "news"),
        summary="Holz < Licht",
        summary_map={"de": "Holz < Licht"},
        title_map={"de": "Holz & Licht", "xx": "Ho & Li"},
    )
    document = post(HERE, news)
    assert document["name"] == "Holz & Licht"
    assert document["summary"] == "Holz &lt; Licht"
    preview = document["preview"]
    assert isinstance(preview, dict)
    assert preview["content"] == preview["contentMap"]["de"]
    assert preview["content"].startswith("<p><strong>Holz &amp; Licht</strong></p><p>Holz &lt; Licht</p>")
    assert ">Weiterlesen</a>" in preview["contentMap"]["de"]
    assert "Ho &amp; Li" in preview["contentMap"]["xx"]
    assert ">Read on</a>" in preview["contentMap"]["xx"]


def test_an_article_without_a_picture_has_no_image() -> None:
    document = post(HERE, replace(a_post(an_actor(), "Article", "news"), attachments=()))
    assert "image" not in document


def test_a_tombstone_of_what_we_never_had() -> None:
    assert tombstone("https://elsewhere.example/1", None, None, THEN) == {
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/data-integrity/v2"],
        "id": "https://elsewhere.example/1",
        "type": "Tombstone",
        "deleted": "2026-11-23T09:00:00Z",
    }
