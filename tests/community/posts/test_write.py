"""What a local author writes: addressed, tagged, translated, and refused where a rule says so."""

from datetime import timedelta
from typing import Any

import pytest

from fedi_cluster.community.posts import queries
from fedi_cluster.community.posts.actions import Translation, WritePost, erase, rewrite, write
from fedi_cluster.community.posts.facts import PostEdited, PostPublished
from fedi_cluster.community.posts.shapes import Tag
from fedi_cluster.community.relationships import actions as relationships
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.errors import Forbidden, Invalid, NotFound
from tests.builders import AT, START, Hands


def test_a_note_with_everything(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    command = WritePost(
        "Cześć @hanne@rostock.example, @nobody@rostock.example! #Żegluga",
        "PL",
        tags=("port", "żegluga"),
        translations={"de": Translation("Moin #Schifffahrt", summary="S")},
    )
    post = hands.do(write, AT, ola, command)
    assert hands.told() == [PostPublished(post.id, local=True)]
    assert (post.uri, post.url) == (AT.object(post.id), f"https://szczecin.example/@ola/{post.id}")
    assert (post.to, post.cc, post.audience) == ((PUBLIC,), (ola.followers, hanne.uri), None)
    assert (post.language, list(post.content_map), post.type) == ("pl", ["pl", "de"], "Note")
    assert post.content == post.content_map["pl"]
    assert post.tags == (
        Tag("Mention", "@hanne@rostock.example", hanne.uri),
        Tag("Hashtag", "#Żegluga", AT.tag("zegluga")),
        Tag("Hashtag", "#port", AT.tag("port")),
    )
    assert "@nobody@rostock.example" in post.content
    assert post.summary_map == {"de": "S"}
    assert post.context == f"{post.uri}/context"
    assert hands.see(queries.mentioned, post.id) == [hanne]


def test_the_region_hears_what_is_public_and_no_answer(hands: Hands) -> None:
    ola = hands.local("ola")
    hands.local("region", type="Group", kind="Region", founding=True)
    heard = hands.write(ola, to_region=True)
    named = hands.write(ola, "Look @region")
    assert heard.audience == named.audience == AT.region
    assert AT.region in heard.cc
    assert hands.write(ola, to_region=True, visibility="unlisted").audience is None
    assert hands.write(ola, to_region=True, in_reply_to=heard.uri).audience is None


def test_an_answer_names_whom_it_answers(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    root = hands.receive(hanne, context="https://rostock.example/contexts/1")
    answer = hands.write(ola, in_reply_to=root.uri)
    assert (answer.in_reply_to, answer.parent_id, answer.context) == (root.uri, root.id, root.context)
    assert hanne.uri in answer.cc
    own = hands.write(ola, in_reply_to=answer.uri)
    assert ola.uri not in (*own.to, *own.cc)
    assert own.context == root.context


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"language": "polish"}, "language"),
        ({"translations": {"x": Translation("x")}}, "language"),
        ({"translations": {"de": Translation("")}}, "text"),
        ({"kind": "news"}, "title"),
        ({"kind": "poem"}, None),
        ({"visibility": "secret"}, None),
        ({"published_at": START + timedelta(seconds=2)}, "published"),
    ],
)
def test_what_is_refused(hands: Hands, changes: dict[str, Any], field: str | None) -> None:
    ola = hands.local("ola")
    command = WritePost(**({"text": "x", "language": "pl"} | changes))
    with pytest.raises(Invalid) as refused:
        hands.do(write, AT, ola, command)
    assert set(refused.value.fields) == ({field} if field else set())
    assert (hands.told(), hands.see(queries.count_of_author, ola.id)) == ([], 0)


def test_what_cannot_be_answered(hands: Hands) -> None:
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    gone = hands.receive(hanne)
    hands.do(erase, hanne, gone)
    for uri in (gone.uri, "https://rostock.example/notes/unknown"):
        with pytest.raises(NotFound):
            hands.write(ola, in_reply_to=uri)


def test_who_may_not_read_or_was_blocked_does_not_answer(hands: Hands) -> None:
    """Anybody who knew the address of a hidden post could answer it, and in public."""
    ola, hanne = hands.local("ola"), hands.remote("hanne")
    hidden = hands.receive(hanne, visibility="followers", to=(hanne.followers,))
    meant = hands.receive(hanne, visibility="direct", to=(ola.uri,))
    for visibility in ("public", "direct"):
        with pytest.raises(Forbidden):
            hands.write(ola, in_reply_to=hidden.uri, visibility=visibility)
    with pytest.raises(Invalid):
        hands.write(ola, in_reply_to=meant.uri)
    answer = hands.write(ola, in_reply_to=meant.uri, visibility="direct")
    assert (answer.to, answer.cc) == ((hanne.uri,), ())
    shown = hands.receive(hanne)
    hands.do(relationships.block, hanne, ola, "b:1")
    with pytest.raises(Forbidden):
        hands.write(ola, in_reply_to=shown.uri)


def test_writing_anew(hands: Hands) -> None:
    ola = hands.local("ola")
    post = hands.write(ola, "Wiatr #wind", visibility="unlisted")
    hands.later(minutes=1)
    fresh = hands.do(rewrite, AT, ola, post, WritePost("Cisza #calm", "pl", visibility="public"))
    assert hands.told() == [PostEdited(post.id, local=True)]
    assert (fresh.uri, fresh.published_at, fresh.updated_at) == (post.uri, START, hands.moment)
    assert (fresh.visibility, fresh.to, fresh.cc) == ("unlisted", post.to, post.cc)
    assert [tag.name for tag in fresh.tags] == ["#calm"]
    with pytest.raises(Forbidden):
        hands.do(rewrite, AT, hands.local("lotte"), post, WritePost("Mine", "pl"))
