"""Remote objects: read at their origin, checked against their author, and made ready to be stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fedi_cluster.community.actors.shapes import Actor, Place
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts import rules as post_rules
from fedi_cluster.community.posts.actions import PublishPost, publish
from fedi_cluster.community.posts.shapes import Attachment, Funding, Post, Project, Tag
from fedi_cluster.federation.remote.actors import RemoteActors, one_line
from fedi_cluster.federation.remote.copies import keep_post
from fedi_cluster.federation.remote.fetch import Fetcher
from fedi_cluster.federation.vocab import parse
from fedi_cluster.federation.vocab.types import ObjectDocument, ProjectDocument, Tombstone, Unreadable
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import Clock, whole_second
from fedi_cluster.kernel.errors import Gone, NotFound, Refused, Unreachable
from fedi_cluster.kernel.ids import id_within_second, moment_of, parse_id
from fedi_cluster.kernel.json import Json
from fedi_cluster.kernel.text import clean_html, plain_text
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.unit import Unit

CLOCKS_DIFFER = timedelta(minutes=2)
"""How far ahead the dates of others may lie and are believed."""

# What is shown as a post; other types (Question, Event) keep their text and are shown as such.
POST_TYPES = ("Note", "Article", "Page", "Event", "Question", "Image", "Video", "Audio", "Document")


@dataclass(frozen=True, slots=True)
class ReadPost:
    """A post of elsewhere with its author: `ready` to be stored, and `raw` as it came, proof and all."""

    author: Actor
    ready: PublishPost
    raw: Json


class RemoteObjects:
    """Makes remote posts known."""

    def __init__(
        self, at: Addresses, db: Database, clock: Clock, fetcher: Fetcher, actors: RemoteActors
    ) -> None:
        self._at = at
        self._db = db
        self._clock = clock
        self._fetcher = fetcher
        self._actors = actors

    async def ensure(self, uri: str) -> Post:
        """The post with this id, read from its origin where it is not known.

        Raises `NotFound`, `Gone`, `Unreachable`, and `Refused` where its author is not of its origin.
        """
        known = await self._db.read(post_queries.by_uri, uri)
        if known:
            if known.deleted_at:
                raise Gone("The post was deleted.", detail=uri)
            return known
        if self._at.is_ours(uri):
            raise NotFound("There is no such post here.", detail=uri)
        if await self._db.read(post_queries.tombstone, uri):
            raise Gone("The post was deleted.", detail=uri)
        read = await self.read(uri)

        def write(unit: Unit) -> Post:
            post = store(unit, read.author, read.ready)
            keep_post(unit, self._at, post, read.raw, taken=True)
            return post

        return await self._db.write(write)

    async def read(self, uri: str) -> ReadPost:
        """The post at this id as its origin has it now, with its author; nothing of it is stored yet."""
        return await self.made_ready(*await self.document(uri))

    async def made_ready(self, found: ObjectDocument, raw: Json) -> ReadPost:
        """A post that was read, with its author, ready to be stored."""
        author = await self._actors.ensure(author_of(found))
        return ReadPost(author, to_publish(found, author, self._clock.now()), raw)

    async def document(self, uri: str) -> tuple[ObjectDocument, Json]:
        """What the origin says of the post with this id, read and raw; nothing is stored."""
        raw = await self._fetcher.document(uri)
        found = parse.obj(raw)
        match found:
            case Unreadable():
                raise Unreachable("The post cannot be read.", permanent=True, detail=f"{uri}: {found.reason}")
            case Tombstone():
                raise Gone("The post was deleted.", detail=uri)
            case ObjectDocument():
                return found, raw


def author_of(document: ObjectDocument) -> str:
    """The id of the one author; raises `Refused` where none is named or she is not of the post's origin."""
    author = document.attributed_to or document.actor
    if author is None or not same_origin(author, document.id):
        raise Refused("The post names no author of its own server.", detail=document.id)
    return author


def store(unit: Unit, author: Actor, ready: PublishPost) -> Post:
    """Keeps a remote post; what was stored meanwhile stays as it is. Raises `Gone` where it was deleted."""
    stored = publish(unit, author, ready) or post_queries.by_uri(unit, ready.uri)
    if stored is None or stored.deleted_at:
        raise Gone("The post was deleted.", detail=ready.uri)
    return stored


def to_publish(seen: ObjectDocument, author: Actor, now: datetime) -> PublishPost:
    """A document as a post to be stored: texts cleaned, the future cut off; raises `Refused` for no post."""
    if seen.type not in POST_TYPES:
        raise Refused("This type of object is not shown here.", detail=f"{seen.id}: {seen.type}")
    published = not_ahead(seen.published or now, now)
    updated = not_ahead(seen.updated, now) if seen.updated else None
    content = _html(seen.content_html or "", seen.media_type)
    title = one_line(seen.name) if seen.name else None
    project = _project(seen.project) if seen.project else None
    titles = seen.project.title_map if seen.project else seen.name_map
    language = seen.language
    return PublishPost(
        id=_id_of(seen.id, published),
        uri=seen.id,
        url=seen.url or seen.id,
        type=seen.type,
        kind=_kind(seen),
        visibility=post_rules.visibility_of(seen.to, seen.cc, author.followers),
        content=content,
        published_at=published,
        updated_at=updated if updated and updated > published else None,
        to=seen.to,
        cc=seen.cc,
        audience=seen.audience[0] if seen.audience else None,
        language=language,
        title=title or next(iter(_plain(titles).values()), None),
        title_map=_plain(titles),
        summary=one_line(seen.summary) if seen.summary else None,
        summary_map=_plain(seen.summary_map),
        content_map={
            tag: content if text == seen.content_html else _html(text, seen.media_type)
            for tag, text in seen.content_map.items()
        },
        sensitive=seen.sensitive or bool(seen.summary and seen.type == "Note"),
        in_reply_to=seen.in_reply_to,
        context=seen.context,
        attachments=tuple(
            Attachment(
                media.url, media.media_type or "", media.alt or "", media.width, media.height,
                media.blurhash, media.focal,
            )
            for media in seen.attachments
        ),
        tags=_tags(seen),
        project=project,
    )  # fmt: skip


def _id_of(uri: str, published: datetime) -> int:
    """The number that the origin gave the post where it is of our kind and of that second, else a fresh one.

    Ids order the timelines: so all instances show what was published within a second in the same order.
    """
    given = parse_id(uri.rpartition("/")[2])
    if given is not None and whole_second(moment_of(given)) == published:
        return given
    return id_within_second(published)


def not_ahead(moment: datetime, now: datetime) -> datetime:
    """The second of a moment, now where it lies further ahead than clocks differ.

    Kept as it is within that: sisters compare versions, and two edits within a second put one a second ahead.
    """
    return whole_second(moment if moment <= now + CLOCKS_DIFFER else now)


def _kind(seen: ObjectDocument) -> str:
    if seen.project is not None:
        return "project"
    return "news" if seen.type == "Article" else "note"


def _html(text: str, media_type: str) -> str:
    """Markdown and plain text of strangers are shown as they were typed: a paragraph, its lines kept."""
    if media_type == "text/html":
        return clean_html(text)
    lines = "<br>".join(plain_text(line) for line in text.splitlines())
    return clean_html(f"<p>{lines}</p>")


def _plain(texts: Mapping[str, str]) -> dict[str, str]:
    return {tag: one_line(text) for tag, text in texts.items()}


def _tags(seen: ObjectDocument) -> tuple[Tag, ...]:
    return (
        *(Tag("Mention", one.name or "", one.href) for one in seen.mentions),
        *(Tag("Hashtag", f"#{one.name}", one.href or "") for one in seen.hashtags),
    )


def _project(seen: ProjectDocument) -> Project:
    return Project(
        state=seen.state or "",
        partners=seen.partners,
        confirmed_partners=seen.confirmed_partners,
        goal=seen.goal,
        funding=tuple(Funding(one.programme or "", one.grant_number, one.statement) for one in seen.funding),
        body_map={tag: clean_html(text) for tag, text in seen.body_map.items()},
        start=seen.start.isoformat() if seen.start else None,
        end=seen.end.isoformat() if seen.end else None,
        place=Place(seen.place.name or "", seen.place.latitude, seen.place.longitude) if seen.place else None,
        license=seen.license,
    )
