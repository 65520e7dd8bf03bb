"""Remote posts made ready: cleaned, dated no later than now, addressed as their author meant it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fedi_cluster.community.posts.actions import PublishPost, erase
from fedi_cluster.community.posts.shapes import Attachment, Funding, Tag
from fedi_cluster.federation.remote.objects import POST_TYPES, author_of, store, to_publish
from fedi_cluster.federation.vocab.documents import Funding as FundingDocument
from fedi_cluster.federation.vocab.documents import (
    Hashtag,
    Media,
    Mention,
    ObjectDocument,
    ProjectDocument,
)
from fedi_cluster.kernel.addresses import PUBLIC
from fedi_cluster.kernel.errors import Gone, Refused
from fedi_cluster.kernel.ids import moment_of
from tests.builders import FAR, START, Hands, actor_shape

URI = f"https://{FAR}/notes/1"
HANNE = actor_shape(2, uri=f"https://{FAR}/users/hanne", local=False, followers=f"https://{FAR}/f")


def ready(**said: Any) -> PublishPost:
    """A Note of Hanne, as it would be stored."""
    return to_publish(ObjectDocument(**({"id": URI, "type": "Note", "to": (PUBLIC,)} | said)), HANNE, START)


@pytest.mark.parametrize("type_", POST_TYPES)
def test_what_is_a_post(type_: str) -> None:
    made = ready(type=type_, published=START)
    assert (made.type, made.kind) == (type_, "news" if type_ == "Article" else "note")


@pytest.mark.parametrize("type_", ["Person", "Collection", "Tombstone", "Create", "", "note"])
def test_what_is_no_post(type_: str) -> None:
    with pytest.raises(Refused):
        ready(type=type_)


def test_dates_are_whole_and_never_ahead() -> None:
    hour = timedelta(hours=1)
    past = ready(published=START - hour + timedelta(microseconds=7), updated=START)
    assert (past.published_at, past.updated_at) == (START - hour, START)
    assert past.published_at <= moment_of(past.id) < past.published_at + timedelta(seconds=1)
    ahead = ready(published=START + hour, updated=START + 2 * hour)
    assert (ahead.published_at, ahead.updated_at) == (START, None)
    assert ready().published_at == START
    assert ready(published=START, updated=START - hour).updated_at is None
    assert ready(published=START.replace(year=1900)).id >= 0


@pytest.mark.parametrize(
    ("media_type", "raw", "shown"),
    [
        ("text/html", "<p onclick=x>a<script>x</script></p>", "<p>a</p>"),
        ("text/plain", "a\n2 &lt; 3", "<p>a<br>2 &lt; 3</p>"),
        ("text/markdown", "*a*\n<img src=x onerror=y>", "<p>*a*<br></p>"),
        ("text/html", None, ""),
    ],
)
def test_texts_are_cleaned(media_type: str, raw: str | None, shown: str) -> None:
    made = ready(content_html=raw, media_type=media_type, content_map={"de": raw} if raw else {})
    assert made.content == shown
    assert made.content_map == ({"de": shown} if raw else {})


def test_titles_and_warnings_are_one_line() -> None:
    made = ready(type="Article", name="<b>A</b>\n&amp; B", summary="<p>S</p>", summary_map={"de": "<p>S</p>"})
    assert (made.title, made.summary, made.summary_map) == ("A & B", "S", {"de": "S"})
    assert not made.sensitive
    assert ready(summary="S").sensitive
    assert ready(name_map={"de": "<i>T</i>"}).title == "T"


@pytest.mark.parametrize(
    ("to", "cc", "visibility"),
    [
        ((PUBLIC,), (), "public"), ((), (PUBLIC,), "unlisted"), ((HANNE.followers,), (), "followers"),
        (("https://x.example/f",), (), "direct"), ((), (), "direct"),
    ],
)  # fmt: skip
def test_audiences(to: tuple[str, ...], cc: tuple[str, ...], visibility: str) -> None:
    made = ready(to=to, cc=cc, audience=("https://x.example/r", "https://y.example/r"))
    assert (made.visibility, made.to, made.cc, made.audience) == (visibility, to, cc, "https://x.example/r")


def test_tags_pictures_and_projects() -> None:
    made = ready(
        mentions=(Mention("https://x.example/u", None),),
        hashtags=(Hashtag("Wind", None),),
        attachments=(
            Media("https://x.example/1.png", "Image", "image/png", "a boat", 3, 4, "LK", (0.0, 1.0)),
        ),
        project=ProjectDocument(
            {"de": "<b>T</b>"},
            None,
            funding=(FundingDocument(None, "7"),),
            body_map={"de": "<p id=x>B</p>"},
            start=START,
        ),
    )
    assert made.tags == (Tag("Mention", "", "https://x.example/u"), Tag("Hashtag", "#Wind", ""))
    assert made.attachments == (
        Attachment("https://x.example/1.png", "image/png", "a boat", 3, 4, "LK", (0.0, 1.0)),
    )
    assert (made.kind, made.title, made.title_map) == ("project", "T", {"de": "T"})
    assert made.project is not None
    assert (made.project.funding, made.project.body_map) == ((Funding("", "7", None),), {"de": "<p>B</p>"})
    assert (made.project.start, made.project.end, made.project.state) == (START.isoformat(), None, "")


@pytest.mark.parametrize(
    ("said", "author"),
    [
        ({"attributed_to": HANNE.uri}, HANNE.uri),
        ({"actor": HANNE.uri}, HANNE.uri),
        ({"attributed_to": HANNE.uri, "actor": "https://x.example/u"}, HANNE.uri),
        ({}, None),
        ({"attributed_to": "https://x.example/u"}, None),
        ({"attributed_to": f"http://{FAR}/users/hanne"}, None),
        ({"attributed_to": f"https://{FAR}:8443/users/hanne"}, None),
        ({"attributed_to": f"https://{FAR}.evil.example/u"}, None),
    ],
)
def test_the_author_is_of_the_same_origin(said: dict[str, Any], author: str | None) -> None:
    document = ObjectDocument(URI, "Note", **said)
    if author:
        assert author_of(document) == author
    else:
        with pytest.raises(Refused):
            author_of(document)


def test_what_was_stored_meanwhile_stays(hands: Hands) -> None:
    hanne = hands.remote("hanne")
    made = ready(published=START, content_html="<p>first</p>")
    first = hands.do(store, hanne, made)
    later = replace(made, id=made.id ^ 1, content="<p>second</p>")
    assert hands.do(store, hanne, later) == first
    hands.do(erase, hanne, first)
    with pytest.raises(Gone):
        hands.do(store, hanne, later)
