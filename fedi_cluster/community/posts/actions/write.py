"""Write a post as a local actor: plain text becomes HTML, tags and addresses; then it is published."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries, rules
from fedi_cluster.community.posts.actions.edit import edit, next_version
from fedi_cluster.community.posts.actions.publish import PublishPost, id_for, publish
from fedi_cluster.community.posts.actions.react import check_blocks, check_sees
from fedi_cluster.community.posts.shapes import Post, Project, Tag
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import whole_second
from fedi_cluster.kernel.errors import Invalid, NotFound
from fedi_cluster.kernel.languages import normal_tag
from fedi_cluster.kernel.text import compose, find_mentions, hashtag_key
from fedi_cluster.storage.unit import Unit


@dataclass(frozen=True, slots=True)
class Translation:
    """The same post in a further language, plain text."""

    text: str
    title: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class WritePost:
    """What a local author wrote: plain text with blank lines between paragraphs.

    `language` is a BCP 47 tag; `tags` are hashtags to append, without #; `to_region` addresses the region,
    which then announces it; `published_at` is for texts that appeared earlier elsewhere.
    """

    text: str
    language: str
    kind: str = "note"
    title: str | None = None
    summary: str | None = None
    visibility: str = "public"
    in_reply_to: str | None = None
    to_region: bool = False
    tags: tuple[str, ...] = ()
    translations: Mapping[str, Translation] = field(default_factory=dict)
    project: Project | None = None
    published_at: datetime | None = None


def write(unit: Unit, at: Addresses, author: Actor, command: WritePost) -> Post:
    """Publishes what a local author wrote.

    Raises `Invalid` where text, title, language or visibility break a rule, `NotFound` where the post
    that it answers is unknown, `Forbidden` where it is not meant for the author or one blocked the other.
    """
    parent = queries.by_uri(unit, command.in_reply_to) if command.in_reply_to else None
    if command.in_reply_to and (parent is None or parent.deleted_at):
        raise NotFound("The post that you answer is not known here or was deleted.")
    if parent:
        check_blocks(unit, author, parent)
        check_sees(unit, author, parent)
        rules.check_answer(command.visibility, parent)
    published_at = whole_second(command.published_at or unit.now)
    if published_at > unit.now:
        raise Invalid("The date of publishing lies ahead.", fields={"published": "lies ahead"})
    post_id = id_for(unit, published_at) if command.published_at else unit.new_id()
    ready = _compose(unit, at, author, command, _Spot(post_id, published_at, parent))
    stored = publish(unit, author, ready)
    assert stored is not None, "a fresh id cannot be known"
    return stored


def rewrite(unit: Unit, at: Addresses, author: Actor, post: Post, command: WritePost) -> Post:
    """Replaces the text of one's own post; audience and visibility stay as they were."""
    parent = queries.by_id(unit, post.parent_id) if post.parent_id else None
    spot = _Spot(post.id, post.published_at, parent, next_version(post, unit.now))
    ready = _compose(unit, at, author, command, spot)
    if not edit(unit, author, post, ready):
        raise NotFound("The post was deleted.")
    fresh = queries.by_id(unit, post.id)
    assert fresh is not None
    return fresh


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where and when a text is published, and which post it answers."""

    post_id: int
    published_at: datetime
    parent: Post | None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Texts:
    content: str
    tags: tuple[Tag, ...]
    mentioned: tuple[Actor, ...]


def _find_mentioned(unit: Unit, at: Addresses, text: str) -> dict[str, Actor]:
    """The known actors by the handle as written; what is unknown stays text."""
    known: dict[str, Actor] = {}
    for handle in find_mentions(text):
        name, _, host = handle.partition("@")
        found = actor_queries.by_handle(unit, name, host or at.handle_domain)
        if found and not found.deleted_at:
            known[handle] = found
    return known


def _texts(unit: Unit, at: Addresses, command: WritePost, said: Translation) -> _Texts:
    known = _find_mentioned(unit, at, said.text)
    body = said.text.rstrip()
    written = {tag.lower() for tag in re.findall(r"#(\w+)", body)}
    extra = [tag for tag in command.tags if tag.lower() not in written]
    if extra:
        body += "\n\n" + " ".join(f"#{tag}" for tag in extra)
    composed = compose(body, {handle: actor.url for handle, actor in known.items()}, at.tag)
    content = composed.html
    if command.kind == "project" and said.title:
        content = f"<p><strong>{html.escape(said.title, quote=False)}</strong></p>{content}"
    tags = (
        *(Tag("Mention", f"@{actor.handle}", actor.uri) for actor in known.values()),
        *(Tag("Hashtag", f"#{name}", at.tag(hashtag_key(name))) for name in composed.hashtags),
    )
    return _Texts(content, tags, tuple(known.values()))


def _compose(unit: Unit, at: Addresses, author: Actor, command: WritePost, spot: _Spot) -> PublishPost:
    parent = spot.parent
    original = Translation(command.text, command.title, command.summary)
    said = {_language(command.language): original}
    said |= {_language(tag): text for tag, text in command.translations.items()}
    for one in said.values():
        rules.check_text(command.kind, one.text, one.title)
    texts = {tag: _texts(unit, at, command, one) for tag, one in said.items()}
    language, first = next(iter(texts.items()))
    mentioned = [actor.uri for actor in first.mentioned]
    if parent and parent.author.uri not in mentioned and parent.author.id != author.id:
        mentioned.append(parent.author.uri)
    wants_region = command.to_region or at.region in mentioned
    region = at.region if wants_region and command.visibility == "public" and parent is None else None
    assert author.followers is not None
    whom = rules.addressing(command.visibility, author.followers, mentioned, region)
    uri = at.object(spot.post_id)
    return PublishPost(
        id=spot.post_id,
        uri=uri,
        url=at.post_page(author.username, spot.post_id),
        type=rules.KINDS[command.kind],
        kind=command.kind,
        visibility=command.visibility,
        content=first.content,
        published_at=spot.published_at,
        to=whom.to,
        cc=whom.cc,
        audience=whom.audience,
        language=language,
        title=command.title,
        title_map={tag: one.title for tag, one in said.items() if one.title},
        summary=command.summary,
        summary_map={tag: one.summary for tag, one in said.items() if one.summary},
        content_map={tag: one.content for tag, one in texts.items()},
        in_reply_to=parent.uri if parent else None,
        context=(parent.context or parent.uri) if parent else f"{uri}/context",
        tags=first.tags,
        project=command.project,
        updated_at=spot.updated_at,
    )


def _language(tag: str) -> str:
    normal = normal_tag(tag)
    if normal is None:
        raise Invalid(
            f"“{tag}” is no language; use a tag such as pl, de or sv.", fields={"language": "unknown"}
        )
    return normal
