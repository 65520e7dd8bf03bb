"""Atom feeds of the lists that pages show; a feed says the same to everybody who has its address."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.http.locale import Words, with_language, words_for
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.kernel.languages import choose
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.kernel.text import excerpt, hashtag_key
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.web import atom
from fedi_cluster.web.cards import actor_path, is_warning, post_path, texts_of
from fedi_cluster.web.homes import need_region
from fedi_cluster.web.language import LANGUAGE_IN_SCOPE
from fedi_cluster.web.profiles import need_actor
from fedi_cluster.web.regions import Regions, read_regions
from fedi_cluster.web.site import WebDesk

_ENTRIES = 20
_TITLE = 80


class _Writer:
    """Writes the feeds of one request.

    Their language is that of the address: cookies and headers of a reader's browser are not her feed
    reader's. Without one, titles are in the instance's language and posts as they were written.
    """

    def __init__(self, reader: Reader, desk: WebDesk, prefix: str | None) -> None:
        self._desk = desk
        self._prefix = prefix
        self.regions: Regions = read_regions(reader, desk)
        self.words: Words = words_for(prefix or desk.settings.language)
        home = self.regions.home.actor
        self._began = home.published_at if home else reader.now

    def address(self, path: str) -> str:
        """An absolute address of ours in the language of the feed."""
        return self._desk.at.base + with_language(path, self._prefix)

    def answer(self, title: str, page: str, posts: Sequence[Post], *, feed: str | None = None) -> Response:
        """The feed of what local path `page` shows, beside it or at the local path `feed`."""
        document = atom.atom(
            atom.Feed(
                title=title,
                address=self.address(feed or f"{page}/feed.atom"),
                page=self.address(page),
                lang=self.words.tag,
                began=self._began,
                entries=[self._entry(post) for post in posts],
            )
        )
        return Response(document, media_type=atom.MEDIA_TYPE)

    def _entry(self, post: Post) -> atom.FeedEntry:
        texts = texts_of(post, self._prefix)
        said = texts.title or (texts.summary if is_warning(post) else None)
        _, name = choose(post.author.name_map, [self.words.tag]) or (None, post.author.name)
        name = name or post.author.username
        return atom.FeedEntry(
            id=post.uri,
            title=said or excerpt(texts.content, _TITLE) or self.words.gettext("Post by %(name)s", name=name),
            link=self.address(post_path(post)),
            author=name,
            author_page=self.address(actor_path(post.author, self.regions)),
            content=texts.content,
            published=post.published_at,
            updated=post.version,
            lang=texts.lang,
            summary=texts.summary,
        )


async def cluster(request: Request, desk: WebDesk) -> Response:
    """GET /feed.atom: the newest of all regions."""

    def read(reader: Reader, writer: _Writer) -> Response:
        found = timelines.cluster(reader, PageRequest(_ENTRIES))
        title = writer.words.gettext("From all regions")
        return writer.answer(title, "/", [one.post for one in found.items], feed="/feed.atom")

    return await _read(request, desk, read)


async def region(request: Request, desk: WebDesk) -> Response:
    """GET /r/SLUG/feed.atom: the newest of one region."""
    slug = request.path_params["slug"]

    def read(reader: Reader, writer: _Writer) -> Response:
        found = need_region(writer.regions, slug)
        posts = (
            [one.post for one in timelines.cluster(reader, PageRequest(_ENTRIES), found.actor.id).items]
            if found.actor
            else []
        )
        title = writer.words.gettext("News from %(region)s", region=found.chip.name)
        return writer.answer(title, f"/r/{slug}", posts)

    return await _read(request, desk, read)


async def public_local(request: Request, desk: WebDesk) -> Response:
    """GET /public/local/feed.atom: the newest of the accounts here."""

    def read(reader: Reader, writer: _Writer) -> Response:
        posts = timelines.local(reader, PageRequest(_ENTRIES)).items
        title = writer.words.gettext("From %(region)s", region=desk.settings.region_name)
        return writer.answer(title, "/public/local", posts)

    return await _read(request, desk, read)


async def profile(request: Request, desk: WebDesk) -> Response:
    """GET /@NAME/feed.atom: what one account of ours publishes and passes on; strangers have their own."""
    name = request.path_params["name"]

    def read(reader: Reader, writer: _Writer) -> Response:
        actor = need_actor(reader, desk.at, name)
        if not actor.local:
            raise NotFound("This account has its feed on its own server.", detail=name)
        found = timelines.profile(reader, actor, PageRequest(_ENTRIES)).items
        return writer.answer(actor.name, f"/@{actor.username}", [one.post for one in found])

    return await _read(request, desk, read)


async def tag(request: Request, desk: WebDesk) -> Response:
    """GET /tags/TAG/feed.atom: the newest public posts of a hashtag."""
    key = hashtag_key(request.path_params["tag"])[:100]

    def read(reader: Reader, writer: _Writer) -> Response:
        posts = timelines.tagged(reader, key, PageRequest(_ENTRIES)).items
        return writer.answer(f"#{key}", f"/tags/{quote(key, safe='')}", posts)

    return await _read(request, desk, read)


async def _read(request: Request, desk: WebDesk, write: Callable[[Reader, _Writer], Response]) -> Response:
    prefix = request.scope.get(LANGUAGE_IN_SCOPE)
    return await desk.db.read(lambda reader: write(reader, _Writer(reader, desk, prefix)))
