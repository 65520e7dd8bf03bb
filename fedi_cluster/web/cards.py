"""Actors and posts as one reader sees them: her language, local addresses, the colours of their region."""

import html
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from fedi_cluster.community.actors.rules import is_region
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.http.locale import with_language
from fedi_cluster.kernel.languages import choose
from fedi_cluster.kernel.text import excerpt
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines.queries import Spot
from fedi_cluster.web.regions import Regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.parts import Author, Link, When, when
from fedi_cluster.web.viewmodels.posts import LONGEST_IN_LIST, PostCard, kind_label, language_note
from fedi_cluster.web.visit import Visit

_EXCERPT = 280
_LONGEST_ANSWER = 8_000
"""Characters of HTML of one answer in a thread; a longer one is read on its own page."""


@dataclass(frozen=True, slots=True)
class Texts:
    """A post's texts in the language that its reader reads best; `lang` is its tag, None where unknown."""

    lang: str | None
    title: str | None
    summary: str | None
    content: str


def interact_path(uri: str) -> str:
    """The local path of "follow or answer from your server" for an id or `acct:` URI."""
    return f"/interact?uri={quote(uri, safe='')}"


def actor_path(actor: Actor, regions: Regions) -> str:
    """The local page of an actor: a region's Group has its region's home, the server its own page."""
    if is_region(actor.type, actor.kind):
        region = regions.of(actor)
        if region and region.uri == actor.uri:
            return region.chip.url
    if not actor.local:
        return f"/@{quote(actor.handle, safe='@:')}"
    return "/about" if actor.type == "Application" else f"/@{actor.username}"


def post_path(post: Post) -> str:
    """The local page of a post, ours or a stranger's."""
    author = post.author
    name = author.username if author.local else author.handle
    return f"/@{quote(name, safe='@:')}/{post.id}"


def web_address(url: str, otherwise: str) -> str:
    """A stranger's address where a browser may be sent there, else the other one."""
    return url if urlsplit(url).scheme in ("https", "http") else otherwise


def texts_of(post: Post, wanted: str | None) -> Texts:
    """The texts of a post in the language `wanted`, else as they were written (None: as written)."""
    liked = [tag for tag in (wanted, post.language) if tag]
    bodies = (post.project.body_map if post.project else None) or {}
    lang, content = choose(post.content_map, liked) or (post.language, post.content)
    same = [tag for tag in (lang, *liked) if tag]
    title = _text(post.title_map, post.title, same)
    if lang is not None and lang in bodies:
        content = bodies[lang]
    elif post.kind == "project" and title:
        # Servers without our terms read the title there; on our pages it is the heading.
        content = content.removeprefix(f"<p><strong>{html.escape(title, quote=False)}</strong></p>")
    return Texts(lang, title, _text(post.summary_map, post.summary, same), content)


def _text(texts: Mapping[str, str], plain: str | None, liked: list[str]) -> str | None:
    found = choose(texts, liked)
    return found[1] if found else plain or None


def is_warning(post: Post) -> bool:
    """Whether the summary of a post warns of its content; that of news and projects is their lede."""
    return post.kind == "note" or post.sensitive


class Cards:
    """Makes the small parts of pages for one visit."""

    def __init__(self, desk: WebDesk, visit: Visit, regions: Regions) -> None:
        self._zone = desk.zone
        self._words = visit.words
        self._prefix = visit.prefix
        self._kept = desk.cards
        self.regions = regions

    def listed(
        self, reader: Reader, spots: Sequence[Spot], *, parents: bool = False, booster: Actor | None = None
    ) -> list[PostCard]:
        """The cards of a part of a timeline; posts are read only where a card is new or has changed.

        `parents` where the list says of answers whom they answer; `booster` is the actor who passed on what
        she did not write herself.
        """
        seen = post_queries.stamps(reader, (spot.post_id for spot in spots))
        answered = (row.parent_id for row in seen.values() if parents and row.parent_id)
        above = post_queries.stamps(reader, answered)
        found: list[PostCard] = []
        posts: dict[int, Post] | None = None
        for spot in spots:
            row = seen[spot.post_id]
            passed_on = booster if booster and spot.actor_id == booster.id else None
            key = self._key(row, above.get(row.parent_id), passed_on)
            card = self._kept.get(key)
            if card is None:
                if posts is None:
                    posts = post_queries.by_ids(reader, (*seen, *above))
                parent = posts.get(row.parent_id) if parents else None
                known = parent if parent and is_open(parent) else None
                card = self.card(posts[spot.post_id], parent=known, boosted_by=passed_on)
                self._kept.put(key, card, _size(card))
            found.append(card)
        return found

    def _key(self, row: Sequence[object], above: Sequence[object] | None, booster: Actor | None) -> Hashable:
        """All that a card is made from, as far as it can change."""
        by = (booster.id, booster.updated_at, booster.username) if booster else None
        return self._words.tag, self.regions.mark, tuple(row), tuple(above or ()), by

    def when(self, moment: datetime, *, clock: bool = False) -> When:
        """A moment in the reader's language and the instance's zone."""
        return when(self._words, moment, self._zone, clock=clock)

    def author(self, actor: Actor) -> Author:
        """Who wrote, with the name in the reader's language where there is one."""
        liked = [tag for tag in (self._words.tag, actor.language) if tag]
        lang, name = choose(actor.name_map, liked) or (None, actor.name)
        return Author(
            name or actor.username, f"@{actor.handle}", actor_path(actor, self.regions), lang, actor.demo
        )

    def card(
        self,
        post: Post,
        *,
        parent: Post | None = None,
        boosted_by: Actor | None = None,
    ) -> PostCard:
        """A post; `parent` where the reader must be told what it answers."""
        texts = texts_of(post, self._words.tag)
        warns = bool(texts.summary) and is_warning(post)
        lede = None if warns else texts.summary
        content = texts.content + str(_attached(post))
        region = self.regions.of(post.author)
        remote = not post.author.local
        return PostCard(
            author=self.author(post.author),
            url=post_path(post),
            published=self.when(post.published_at, clock=post.kind == "note"),
            content=Markup(content),  # noqa: S704 - cleaned when it was stored
            excerpt=lede or excerpt(content, _EXCERPT) or self._nothing_said(post),
            lede=lede,
            title=texts.title,
            lang=texts.lang,
            language_note=language_note(self._words, texts.lang),
            region=region.chip if region else None,
            kind_label=kind_label(self._words, post.kind) if post.kind != "note" else None,
            edited=self.when(post.updated_at, clock=post.kind == "note") if post.updated_at else None,
            warning=texts.summary if warns else None,
            in_reply_to=self._answered(parent),
            boosted_by=self.author(boosted_by) if boosted_by else None,
            origin_url=web_address(post.url, post.uri) if remote else None,
            answer_url=interact_path(post.uri),
            replies=post.replies_count,
            likes=post.likes_count,
            boosts=post.announces_count,
            foreign=not self.regions.is_inside(post.author),
            kind=post.kind,
        )

    def answer(self, post: Post, parent: Post | None) -> PostCard:
        """A post inside a thread: a very long one is cut there, with the way to all of it."""
        card = self.card(post, parent=parent)
        if len(card.content) <= _LONGEST_ANSWER:
            return card
        way = Markup('<p>{}</p><p><a href="{}">{}</a></p>')
        return replace(
            card,
            content=way.format(
                card.excerpt, with_language(card.url, self._prefix), self._words.gettext("Read all of it")
            ),
        )

    def _answered(self, parent: Post | None) -> Link | None:
        return Link(self.author(parent.author).name, post_path(parent)) if parent else None

    def _nothing_said(self, post: Post) -> str:
        return self._words.gettext("Post by %(name)s", name=self.author(post.author).name)


def _size(card: PostCard) -> int:
    """About the bytes of a card and of what is printed of it, in two ways; Polish takes two for each sign."""
    printed = min(len(card.content), LONGEST_IN_LIST) + len(card.excerpt) + 1_000
    return 2 * (len(card.content) + 2 * printed)


def _attached(post: Post) -> Markup:
    """Files that strangers attached, as links: a page loads nothing from other servers."""
    link = Markup('<p><a href="{}" rel="nofollow ugc noopener">{}</a></p>')
    return Markup().join(
        link.format(one.url, one.alt or one.url.rsplit("/", maxsplit=1)[-1] or one.media_type)
        for one in post.attachments[:20]
        if urlsplit(one.url).scheme in ("https", "http")
    )
