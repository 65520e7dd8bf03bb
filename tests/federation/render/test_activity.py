"""Activities and pages: sizes and levels that every server reads, and what is left out where."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from fedi_cluster.community.actors.shapes import Actor, Field, Place
from fedi_cluster.community.posts.shapes import Post, Project
from fedi_cluster.federation.render import activity, collection, contexts
from fedi_cluster.federation.render.actor import actor
from fedi_cluster.federation.render.post import post
from fedi_cluster.federation.signatures.keys import PrivateKeys, generate_pair
from fedi_cluster.federation.signatures.proofs import with_proof
from fedi_cluster.kernel.json import Json, dumps
from tests.federation.render.small_shapes import HERE, THEN, a_post, an_actor, keys_of, levels

DEEPEST = 7
URI = HERE.activity(1)


@pytest.fixture(scope="module")
def author() -> Actor:
    return an_actor()


@pytest.fixture(scope="module")
def keys(author: Actor) -> PrivateKeys:
    return keys_of(author, generate_pair())


def created(what: Post, keys: PrivateKeys) -> Json:
    signed = with_proof(post(HERE, what), keys, THEN)
    return with_proof(activity.create(what, URI, signed), keys, THEN)


def published(author: Actor, keys: PrivateKeys) -> Iterator[Json]:
    facts = Project("running", (author.uri,), (author.uri,), place=Place("Rostock", 54.1, 12.1))
    note = a_post(author, length=5_000)
    project = replace(a_post(author, kind="project", length=2_000), project=facts)
    news = a_post(author, "Article", "news", length=6_000)
    creates = [created(one, keys) for one in (note, project, news)]
    yield from creates
    for one in creates:
        whole = activity.announce_activity(author.uri, f"{author.uri}/followers", URI, one, THEN)
        yield with_proof(whole, keys, THEN)
    yield collection.outbox_page(author, creates, 99, 1)
    full = replace(author, fields=tuple(Field("Web", "<a>x</a>") for _ in range(10)), tags=("a", "b"))
    yield with_proof(actor(HERE, full), keys, THEN)


def test_typical_documents_are_read_everywhere(author: Actor, keys: PrivateKeys) -> None:
    for document in published(author, keys):
        assert activity.fits(document), (document["type"], len(dumps(document)))
        assert levels(document) <= DEEPEST


def test_a_long_article_goes_by_reference(author: Actor, keys: PrivateKeys) -> None:
    news = a_post(author, "Article", "news", length=50_000)
    assert not activity.fits(created(news, keys))
    edited = replace(news, updated_at=THEN + timedelta(minutes=5))
    short = activity.create_by_reference(news, URI), activity.update_by_reference(edited, URI)
    assert [one["object"] for one in short] == [news.uri, news.uri]
    assert [one["published"] for one in short] == ["2026-11-23T09:00:00Z", "2026-11-23T09:05:00Z"]
    assert all(activity.fits(with_proof(one, keys, THEN)) for one in short)


def test_a_post_without_audience_names_none(author: Actor, keys: PrivateKeys) -> None:
    assert "audience" not in created(replace(a_post(author), audience=None), keys)


def test_joining_a_cluster() -> None:
    link = "http://szczecin.localhost:8001/cluster/invitations/abc"
    made = activity.join(URI, HERE.instance_actor, ["http://szczecin.localhost:8001/actor"], link)
    assert made == {
        "@context": contexts.ACTIVITY,
        "id": URI,
        "type": "Join",
        "actor": HERE.instance_actor,
        "to": ["http://szczecin.localhost:8001/actor"],
        "cc": [],
        "object": link,
    }


def test_a_page_holds_the_terms_of_all_its_items_and_no_proofs(author: Actor, keys: PrivateKeys) -> None:
    project = replace(a_post(author, kind="project"), project=Project("running"))
    page = collection.outbox_page(author, [created(a_post(author), keys), created(project, keys)], before=9)
    assert page["@context"] == contexts.PROJECT
    assert page["id"] == f"{author.uri}/outbox?page=true&before=9"
    assert "next" not in page
    items = page["orderedItems"]
    assert isinstance(items, list)
    assert not any({"proof", "@context"} & (one.keys() | one["object"].keys()) for one in items)
    assert collection.outbox_page(author, [])["@context"] == contexts.COLLECTION


def test_threads_go_on_on_further_pages(author: Actor) -> None:
    root = a_post(author)
    answers = collection.replies(HERE, root, [HERE.object(7)], 12, next_before=7)
    first = answers["first"]
    assert isinstance(first, dict)
    assert first["next"] == f"{root.uri}/replies?page=true&before=7"
    page = collection.replies_page(HERE, root, [HERE.object(6)], before=7)
    assert page["id"] == first["next"]
    assert page["partOf"] == answers["id"]
    thread = collection.context_page(HERE, root, [HERE.object(6)], before=7, next_before=6)
    assert thread["next"] == f"{root.uri}/context?page=true&before=6"
