"""Reads web pages as a visitor sees them, lists of posts and the page of one; it judges nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

_VOID = {
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
}  # fmt: skip
_DOCUMENT = "application/activity+json"
_BLOCKS = {"p", "br", "div", "li", "h1", "h2", "h3"}


@dataclass
class Element:
    """An element of a page; `inside` holds texts and elements in their order."""

    tag: str
    attributes: dict[str, str]
    inside: "list[str | Element]" = field(default_factory=list)

    def all(self, tag: str | None = None, look: str | None = None) -> "Iterator[Element]":
        """The elements below with this tag and this class, in the order of the page."""
        for one in self.inside:
            if isinstance(one, Element):
                if (tag is None or one.tag == tag) and (look is None or look in one.classes):
                    yield one
                yield from one.all(tag, look)

    def first(self, tag: str | None = None, look: str | None = None) -> "Element | None":
        """The first of `all`."""
        return next(self.all(tag, look), None)

    @property
    def classes(self) -> list[str]:
        """What it looks like."""
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """What is read, as one line."""
        return " ".join("".join(self._pieces()).split())

    def _pieces(self) -> Iterator[str]:
        for one in self.inside:
            if isinstance(one, str):
                yield one
            else:
                yield " " if one.tag in _BLOCKS else ""
                yield from one._pieces()
                yield " " if one.tag in _BLOCKS else ""


class _Reader(HTMLParser):
    """Builds the tree; our pages close what they open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(found)
        if tag not in _VOID:
            self._open.append(found)

    def handle_endtag(self, tag: str) -> None:
        if any(one.tag == tag for one in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


def read(markup: str) -> Element:
    """The tree of a page, or of a piece of HTML."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.root


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a timeline: the local path of each post on it, its text in the list, and the older page."""

    posts: tuple[tuple[str, str], ...]
    older: str | None


def read_list(markup: str) -> ListPage:
    """Reads a page of a timeline; a post is an `article` with a link to its own page."""
    page = read(markup)
    posts = []
    for article in page.all("article"):
        path = next((href for a in article.all("a") if _is_post(href := a.attributes.get("href", ""))), None)
        posts.append((path or "", article.text))
    older = next((a for a in page.all("a") if a.attributes.get("rel") == "next"), None)
    return ListPage(tuple(posts), older.attributes["href"] if older else None)


def _is_post(href: str) -> bool:
    parts = urlsplit(href)
    steps = parts.path.split("/")
    return not parts.netloc and len(steps) == 3 and steps[1].startswith("@") and steps[2].isdigit()


@dataclass(frozen=True, slots=True)
class PostPage:
    """A post as its page shows it.

    `uri` is the ActivityPub id that the page names, `author` the handle without its leading @, `language` of
    the text, `links` the addresses in it, `origin` the page on the author's own server (None there).
    """

    uri: str
    author: str
    title: str | None
    lede: str | None
    text: str
    language: str
    links: frozenset[str]
    origin: str | None


def read_post(markup: str) -> PostPage | None:
    """Reads the page of a post; None where the page shows none."""
    page = read(markup)
    post = page.first("article", "main-post")
    who = post.first(look="who") if post else None
    words = post.first(look="post-text") if post else None
    if post is None or who is None or words is None:
        return None
    html = page.first("html")
    own = html.attributes.get("lang", "") if html else ""
    prose = words.first(look="prose")
    title, lede = post.first("h1"), post.first(look="stand")
    meta = who.first(look="meta")
    as_document = (one.attributes for one in page.all("link") if one.attributes.get("type") == _DOCUMENT)
    return PostPage(
        uri=next((one.get("href", "") for one in as_document), ""),
        author=(meta.text.split() or [""])[0].removeprefix("@") if meta else "",
        title=title.text if title and "sr" not in title.classes else None,
        lede=lede.text if lede else None,
        text=words.text,
        language=(prose.attributes.get("lang") if prose else None) or own,
        links=frozenset(a.attributes.get("href", "") for a in words.all("a")),
        origin=next(
            (
                a.attributes["href"]
                for acts in post.all(look="acts")
                for a in acts.all("a")
                if "nofollow" in a.attributes.get("rel", "").split()
            ),
            None,
        ),
    )
