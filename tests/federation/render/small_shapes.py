"""Small shapes of our own for the tests of rendering: an actor, a post, and how deep a document is."""

from datetime import UTC, datetime

from fedi_cluster.community.actors.shapes import Actor, Key
from fedi_cluster.community.posts.shapes import Attachment, Post, Tag
from fedi_cluster.federation.signatures.keys import PrivateKeys
from fedi_cluster.kernel.addresses import PUBLIC, Addresses

HERE = Addresses("http://rostock.localhost:8002", "rostock.localhost:8002")
THEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def an_actor(name: str = "hallenbau", type_: str = "Organization", kind: str | None = None) -> Actor:
    uri = HERE.instance_actor if type_ == "Application" else HERE.actor(name)
    return Actor(
        id=7,
        uri=uri,
        host=HERE.host,
        local=True,
        username=name,
        handle_host=HERE.handle_domain,
        type=type_,
        kind=kind,
        name="Hallenbau & Söhne",
        name_map={},
        summary="",
        summary_map={},
        language="de",
        url=HERE.profile(name),
        inbox=f"{uri}/inbox",
        shared_inbox=HERE.shared_inbox,
        outbox=f"{uri}/outbox",
        followers=f"{uri}/followers",
        following=f"{uri}/following",
        featured=None if type_ == "Application" else f"{uri}/featured",
        fields=(),
        icon=None,
        image=None,
        tags=(),
        location=None,
        keys=(Key(f"{uri}#main-key", uri, "rsa", "PEM"), Key(f"{uri}#ed25519-key", uri, "ed25519", "z6Mk")),
        implements=(),
        also_known_as=(),
        moved_to=None,
        cluster=None,
        manually_approves=False,
        discoverable=True,
        indexable=True,
        demo=False,
        published_at=THEN,
        updated_at=THEN,
        fetched_at=None,
        deleted_at=None,
    )


def a_post(author: Actor, type_: str = "Note", kind: str = "note", length: int = 100) -> Post:
    """A public post in German and English with a picture, whose text has `length` characters."""
    text = "<p>" + "Größe " * (length // 6) + "</p>"
    return Post(
        id=42,
        uri=HERE.object(42),
        local=True,
        author=author,
        type=type_,
        kind=kind,
        visibility="public",
        language="de",
        title=None if kind == "note" else "Holz & Licht",
        title_map={} if kind == "note" else {"en": "Wood & Light", "de": "Holz & Licht"},
        summary=None,
        summary_map={},
        content=text,
        content_map={"en": text, "de": text},
        sensitive=False,
        url=HERE.post_page(author.username, 42),
        audience=HERE.region,
        to=(PUBLIC,),
        cc=(f"{author.uri}/followers", HERE.region),
        in_reply_to=None,
        parent_id=None,
        thread_id=42,
        context=f"{HERE.object(42)}/context",
        attachments=(Attachment("http://rostock.localhost:8002/media/1.webp", "image/webp", "Eine Halle"),),
        tags=(
            Tag("Hashtag", "#Holz", HERE.tag("holz")),
            Tag("Mention", "@region@rostock.localhost:8002", HERE.region),
        ),
        project=None,
        replies_count=0,
        likes_count=3,
        announces_count=2,
        published_at=THEN,
        updated_at=None,
        deleted_at=None,
    )


def keys_of(who: Actor, pair: tuple[str, str]) -> PrivateKeys:
    return PrivateKeys(who.uri, *pair)


def levels(value: object) -> int:
    """How many objects and arrays stand inside each other; Pixelfed reads no more than eight."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((levels(one) for one in inner), default=0)
