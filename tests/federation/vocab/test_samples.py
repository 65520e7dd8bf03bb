"""Each dialect, in our own small examples (tests/samples), becomes exactly the shape that we expect."""

import json
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
    Create,
    Delete,
    Emoji,
    Hashtag,
    Inner,
    Join,
    KeyDocument,
    Like,
    Link,
    Media,
    Mention,
    ObjectDocument,
    Place,
    Poll,
    Tombstone,
    Undo,
    Unknown,
    Unreadable,
)
from fedi_cluster.kernel.json import Json, parse_object

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
DIALECTS = {"friendica", "ghost", "gotosocial", "lemmy", "mastodon", "misskey"} | {
    "mobilizon",
    "peertube",
    "piefed",
    "pixelfed",
    "pleroma",
    "wordpress",
}
FILES = sorted(SAMPLES.glob("*/*.json"))
OURS = "https://szczecin.example/objects/5"
ATELIER = "https://szczecin.example/actors/atelier"
PEM = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----\n"
HASH = "UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH"


def sample(name: str) -> Json:
    return parse_object((SAMPLES / f"{name}.json").read_bytes())


def at(year: int, month: int, day: int, *clock: int) -> datetime:
    hour, minute, second = (*clock, 0, 0, 0)[:3]
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def test_every_dialect_has_a_sample_on_example_hosts() -> None:
    assert {file.parent.name for file in FILES} >= DIALECTS
    for file in FILES:
        assert file.stat().st_size < 10_000
        assert cast(str, json.loads(file.read_text("utf-8"))["id"]).split("/")[2].endswith(".example")


def test_mastodon_actor() -> None:
    me = "https://masto.example/users/jula"
    assert parse.actor(sample("mastodon/actor")) == ActorDocument(
        id=me,
        type="Person",
        username="jula",
        inbox=me + "/inbox",
        name="Jula vom Hafen :anker:",
        summary_html="<p>Zeichnet Schiffe.</p>",
        url="https://masto.example/@jula",
        shared_inbox="https://masto.example/inbox",
        outbox=me + "/outbox",
        followers=me + "/followers",
        following=me + "/following",
        featured=me + "/collections/featured",
        keys=(KeyDocument(me + "#main-key", me, "rsa", PEM),),
        fields=(("Werkstatt", "Kai 3"),),
        icon_url="https://files.masto.example/jula.png",
        manually_approves=True,
        discoverable=True,
        also_known_as=("https://alt.example/users/jula",),
        published=at(2024, 3, 1),
        emojis=(
            Emoji(
                "anker",
                "https://files.masto.example/anker.png",
                "https://masto.example/emojis/7",
                "image/png",
                at(2024, 3, 2, 10),
            ),
        ),
    )


def test_mastodon_create() -> None:
    me, note = "https://masto.example/users/jula", "https://masto.example/users/jula/statuses/11"
    document = sample("mastodon/create-note")
    to, cc = (PUBLIC,), (me + "/followers", ATELIER)
    made = ObjectDocument(
        id=note,
        type="Note",
        attributed_to=me,
        authors=(me,),
        to=to,
        cc=cc,
        in_reply_to=OURS,
        context="tag:masto.example,2026-10-02:objectId=3:objectType=Conversation",
        published=at(2026, 10, 2, 8, 15, 30),
        url="https://masto.example/@jula/11",
        summary="Werkstattstaub",
        content_html="<p>Der Rumpf ist geschliffen.</p>",
        content_map={"de": "<p>Der Rumpf ist geschliffen.</p>"},
        language="de",
        sensitive=True,
        attachments=(
            Media(
                "https://files.masto.example/rumpf.jpg",
                "Document",
                "image/jpeg",
                "Ein heller Rumpf",
                1200,
                900,
                HASH,
                (0.0, -0.5),
            ),
        ),
        mentions=(Mention(ATELIER, "@atelier@szczecin.example"),),
        hashtags=(Hashtag("bootsbau", "https://masto.example/tags/bootsbau"),),
        replies=note + "/replies",
        likes_total=4,
        shares_total=1,
    )
    raw = cast(Json, document["object"])
    assert parse.activity(document) == Create(
        note + "/activity", me, note, made, raw, to, cc, (), at(2026, 10, 2, 8, 15, 30)
    )


def test_mastodon_delete_and_undo() -> None:
    me = "https://masto.example/users/jula"
    document = sample("mastodon/delete-note")
    note = me + "/statuses/11"
    assert parse.activity(document) == Delete(
        note + "#delete", me, note, Tombstone(note), cast(Json, document["object"])
    )
    boost = me + "/statuses/9/activity"
    assert parse.activity(sample("mastodon/undo-announce")) == Undo(
        me + "#announces/9/undo", me, boost, Inner(boost, "Announce", me, OURS)
    )


def test_gotosocial() -> None:
    me = "https://gts.example/users/ona"
    found = parse.obj(sample("gotosocial/note"))
    assert isinstance(found, ObjectDocument)
    assert (found.to, found.cc) == ((me + "/followers",), (PUBLIC,))
    assert (found.language, found.hashtags) == ("lt", (Hashtag("upė", "https://gts.example/tags/upe"),))
    assert parse.activity(sample("gotosocial/accept-follow")) == Accept(
        me + "/accepts/1",
        me,
        "https://szczecin.example/activities/77",
        Inner(
            "https://szczecin.example/activities/77", "Follow", "https://szczecin.example/actors/region", me
        ),
    )


def test_gotosocial_stub_has_a_key_but_is_no_actor() -> None:
    stub, me = sample("gotosocial/stub-actor"), "https://gts.example/users/ona"
    assert isinstance(parse.actor(stub), Unreadable)
    assert parse.keys(stub) == (KeyDocument(me + "/main-key", me, "rsa", PEM),)


def test_misskey() -> None:
    found = parse.activity(sample("misskey/create-note"))
    assert isinstance(found, Create)
    assert isinstance(found.object, ObjectDocument)
    assert found.object.quote == OURS
    assert found.object.published == at(2026, 10, 4, 11, 22, 33).replace(microsecond=456_000)
    assert found.object.attachments == (Media("https://files.mk.example/b.webp", "Document", "image/webp"),)
    assert [emoji.shortcode for emoji in found.object.emojis] == ["wave"]
    assert parse.activity(sample("misskey/like")) == Like(
        "https://mk.example/likes/l1", "https://mk.example/users/9abc", OURS, ":wave:"
    )


def test_lemmy_announce_keeps_the_inside_as_it_came() -> None:
    document = sample("lemmy/announce-create")
    found = parse.activity(document)
    assert found == Announce(
        "https://lemmy.example/activities/announce/1",
        "https://lemmy.example/c/boats",
        "https://lemmy.example/activities/create/1",
        cast(Json, document["object"]),
        None,
        (PUBLIC,),
        ("https://lemmy.example/c/boats/followers",),
    )
    assert found.inner is not None
    inner = parse.activity(found.inner)
    assert isinstance(inner, Create)
    assert inner.object == parse.obj(sample("lemmy/page"))


def test_lemmy_page_and_actors() -> None:
    page = parse.obj(sample("lemmy/page"))
    assert isinstance(page, ObjectDocument)
    assert (page.type, page.name, page.language) == ("Page", "Which varnish for oak?", "en")
    assert page.audience == ("https://lemmy.example/c/boats",)
    assert page.links == (Link("https://varnish.example/test", None, "text/html"),)
    assert page.image == Media("https://lemmy.example/pictrs/image/v.webp", "Image")
    community = parse.actor(sample("lemmy/community"))
    assert isinstance(community, ActorDocument)
    assert (community.type, community.username, community.language) == ("Group", "boats", "sv")
    site = parse.actor(sample("lemmy/site"))
    assert isinstance(site, ActorDocument)
    assert site.username == "lemmy.example"


def test_pixelfed() -> None:
    found = parse.activity(sample("pixelfed/create-note"))
    assert isinstance(found, Create)
    assert isinstance(found.object, ObjectDocument)
    assert found.object.location == Place("Åbo", 60.4518, 22.2666)
    assert found.object.attachments == (
        Media(
            "https://pix.example/storage/1.jpg", "Image", "image/jpeg", "Kvällsljus över ån", 1080, 1350, HASH
        ),
    )


def test_mobilizon() -> None:
    host = "https://mobi.example"
    warsaw = timezone(timedelta(hours=1))
    assert parse.obj(sample("mobilizon/event")) == ObjectDocument(
        id=host + "/events/e1",
        type="Event",
        attributed_to=host + "/@stolarze",
        authors=(host + "/@stolarze",),
        actor=host + "/@ewa",
        to=(PUBLIC,),
        cc=(host + "/@stolarze/followers",),
        published=at(2026, 10, 7, 8),
        updated=at(2026, 10, 8, 8),
        url=host + "/events/e1",
        name="Dzień otwartej stolarni",
        content_html="<p>Przyjdź zobaczyć maszyny.</p>",
        language="pl",
        attachments=(Media(host + "/media/b.png", "Document", "image/png", "Banner"),),
        links=(Link("https://stolarnia.example", "Website", "text/html"),),
        hashtags=(Hashtag("drewno", host + "/tag/drewno"),),
        replies=host + "/events/e1/replies",
        start=datetime(2026, 12, 1, 10, tzinfo=warsaw),
        end=datetime(2026, 12, 1, 16, tzinfo=warsaw),
        timezone="Europe/Warsaw",
        location=Place("Stolarnia", 53.43, 14.55, host + "/address/a1", "Stolarska 4, Szczecin, Polska"),
    )
    assert parse.activity(sample("mobilizon/join")) == Join(
        host + "/join/event/j1", host + "/@ewa", "https://szczecin.example/objects/8", "Jesteśmy we dwie."
    )


def test_friendica() -> None:
    found = parse.obj(sample("friendica/note"))
    assert isinstance(found, ObjectDocument)
    assert (found.attributed_to, found.to) == ("https://frnd.example/profile/tom", (PUBLIC,))
    assert (found.in_reply_to, found.context) == (OURS, "https://frnd.example/context/1")
    assert found.attachments == (
        Media("https://frnd.example/photo/1.jpg", "Image", "image/jpeg", "Werkbank", 640, 480),
    )
    assert found.links == (Link("https://frnd.example/plan", "Plan"),)


def test_pleroma() -> None:
    found = parse.activity(sample("pleroma/create-note"))
    assert isinstance(found, Create)
    assert isinstance(found.object, ObjectDocument)
    assert found.to == (PUBLIC, ATELIER)
    assert found.object.hashtags == (Hashtag("oak", "https://plrm.example/tag/oak"),)
    assert found.object.attachments == (
        Media("https://plrm.example/media/oak.png", "Document", "image/png", "oak", 300, 200),
    )
    assert parse.activity(sample("pleroma/emoji-react")) == Unknown(
        "https://plrm.example/activities/2", "https://plrm.example/users/mo", "EmojiReact"
    )


def test_wordpress() -> None:
    me = "https://blog.example/?author=1"
    actor = parse.actor(sample("wordpress/actor"))
    assert isinstance(actor, ActorDocument)
    assert (actor.username, actor.webfinger, actor.name_map) == (
        "praca",
        "praca@blog.example",
        {"pl": "Mała Pracownia"},
    )
    assert actor.implements == ("https://datatracker.ietf.org/doc/html/rfc9421",)
    assert actor.fields == (("Blog", '<a rel="me" href="https://blog.example/">blog.example</a>'),)
    article = parse.obj(sample("wordpress/article"))
    assert isinstance(article, ObjectDocument)
    assert (article.attributed_to, article.url) == (me, "https://blog.example/klej-kostny/")
    assert (article.name, article.summary, article.language) == (
        "Klej kostny dziś",
        "Krótko o starym kleju.",
        "pl",
    )


def test_ghost() -> None:
    found = parse.obj(sample("ghost/article"))
    assert isinstance(found, ObjectDocument)
    assert found.to == (PUBLIC,)
    assert found.cc == ("https://news.example/.ghost/activitypub/users/index/followers",)
    assert found.image == Media("https://news.example/ice.jpg", "Image")
    assert found.language is None


def test_peertube() -> None:
    host = "https://tube.example"
    found = parse.obj(sample("peertube/video"))
    assert isinstance(found, ObjectDocument)
    assert found.attributed_to == host + "/accounts/ida"
    assert found.authors == (host + "/accounts/ida", host + "/video-channels/bench")
    assert (found.url, found.media_type, found.language) == (host + "/w/v1", "text/markdown", "sv")
    assert found.attachments == (Media(host + "/v1-720.mp4", "Video", "video/mp4", width=1280, height=720),)
    assert found.image == Media(host + "/l.jpg", "Image", "image/jpeg", width=850, height=480)
    assert found.hashtags == (Hashtag("plane"),)
    assert found.license == "Attribution - Share Alike"


def test_piefed() -> None:
    found = parse.obj(sample("piefed/question"))
    assert isinstance(found, ObjectDocument)
    assert found.poll == Poll((("Hand saw", 2), ("Band saw", 1)), multiple=False, voters=3)
    assert (found.end, found.language) == (at(2026, 10, 21, 5), "de")


@pytest.mark.parametrize(
    "path", sorted(SAMPLES.glob("*/*.json")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_every_sample_has_an_ignored_context(path: Path) -> None:
    document = parse_object(path.read_bytes())
    bare = {key: value for key, value in document.items() if key != "@context"}
    assert "@context" in document
    for read in (parse.activity, parse.actor, parse.obj):
        assert read(document) == read(bare)
