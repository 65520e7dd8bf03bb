"""Texts: cleaning foreign HTML, turning plain text into our HTML, and reading HTML as plain text."""

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import nh3

_TAGS = {
    "p", "br", "a", "span", "del", "s", "u", "pre", "code", "em", "strong", "b", "i",
    "ul", "ol", "li", "blockquote", "sub", "sup", "ruby", "rt", "rp",
}  # fmt: skip
_CLASSES = {"mention", "hashtag", "ellipsis", "invisible", "quote-inline"}
_MICROFORMAT = re.compile(r"^(h|p|u|dt|e)-[a-z-]+$")
# Up to the next bracket of either kind: a search for `>` alone takes seconds over many `<h1` without one.
_HEADING_OPEN = re.compile(r"<h[1-6]\b[^<>]*>", re.IGNORECASE)
_HEADING_CLOSE = re.compile(r"</h[1-6]\s*>", re.IGNORECASE)


def _keep(_tag: str, attribute: str, value: str) -> str | None:
    if attribute != "class":
        return value
    kept = [name for name in value.split() if name in _CLASSES or _MICROFORMAT.match(name)]
    return " ".join(kept) or None


_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "svg", "math"},
    attributes={
        "*": {"lang"},
        "a": {"href", "class"},
        "span": {"class"},
        "ol": {"start", "reversed"},
        "li": {"value"},
    },
    attribute_filter=_keep,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",  # it would point into our own pages
    link_rel="nofollow ugc noopener",
    strip_comments=True,
)
_PLAIN = nh3.Cleaner(tags=set(), clean_content_tags={"script", "style"})


def clean_html(foreign: str) -> str:
    """Foreign HTML with nothing left that runs, loads or styles: the allow-list of federation.md 2.11.

    Headings become bold paragraphs, as Mastodon shows them: a page keeps its own order of headings.
    """
    if "<h" in foreign or "<H" in foreign:
        foreign = _HEADING_CLOSE.sub("</strong></p>", _HEADING_OPEN.sub("<p><strong>", foreign))
    return _CLEANER.clean(foreign)


_BREAK = re.compile(r"<br\s*/?>|</p>|</li>|</blockquote>|</pre>", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_MARKED = re.compile("[<&\x00\ufeff]")


def plain_text(markup: str) -> str:
    """HTML as one line of text, its entities read."""
    if not _MARKED.search(markup):  # as most titles and names
        return _SPACE.sub(" ", markup).strip()
    bare = _PLAIN.clean(_BREAK.sub(" ", markup))
    return _SPACE.sub(" ", html.unescape(bare)).strip()


def excerpt(markup: str, length: int) -> str:
    """The first `length` characters of the plain text, cut at a word, with an ellipsis where cut."""
    text = plain_text(markup)
    if len(text) <= length:
        return text
    return text[:length].rsplit(" ", 1)[0].rstrip(",.;:–-") + "…"


_LONGEST_HASHTAG = 500
"""Characters that are looked at: whoever keeps a key keeps fewer of it."""

_FOLDS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})


def hashtag_key(name: str) -> str:
    """`#Żegluga` and `zegluga` are one tag: lower case and without accents, as Mastodon folds them."""
    return _hashtag_key(name[:_LONGEST_HASHTAG])


@lru_cache(maxsize=512)  # few hashtags are new
def _hashtag_key(name: str) -> str:
    # Letters come apart before they are folded and some only after: once more finds nothing left to do.
    return _fold(_fold(name)).lstrip("#")


def _fold(name: str) -> str:
    apart = unicodedata.normalize("NFKD", name)
    bare = "".join(sign for sign in apart if not unicodedata.combining(sign))
    return bare.lower().translate(_FOLDS)


@dataclass(frozen=True, slots=True)
class Composed:
    """Plain text as our HTML, with the hashtags (as written) and the handles that it mentions."""

    html: str
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]


_TOKEN = re.compile(
    r"(?P<url>https?://[^\s<>\"]+[^\s<>\".,;:!?)\]'’”])"
    r"|(?<![\w/@&])@(?P<mention>\w+(?:[\w.-]*\w)?(?:@[\w-]+(?:\.[\w-]+)*(?::\d+)?)?)"
    r"|(?<![\w/#&])#(?P<tag>\w*[^\W\d_]\w*)"
)


def find_mentions(text: str) -> tuple[str, ...]:
    """The handles in a plain text as written, without the leading @, each once."""
    found = (match.group("mention") for match in _TOKEN.finditer(text))
    return tuple(dict.fromkeys(handle for handle in found if handle))


def compose(text: str, mentions: Mapping[str, str], tag_address: Callable[[str], str]) -> Composed:
    """Plain text as the HTML that we publish (product.md 4.1, 7): paragraphs, links, mentions, hashtags.

    `mentions` maps the handles that are known (as written, without @) to the page of the actor; an unknown
    handle stays text. `tag_address` gives the page of a hashtag by its folded key.
    """
    tags: dict[str, None] = {}
    named: dict[str, None] = {}

    def link(match: re.Match[str]) -> str:
        url, handle, tag = match.group("url"), match.group("mention"), match.group("tag")
        if url:
            return f'<a href="{html.escape(url)}" rel="nofollow noopener">{html.escape(url, quote=False)}</a>'
        if tag:
            tags[tag] = None
            address = html.escape(tag_address(hashtag_key(tag)))
            return (
                f'<a href="{address}" class="mention hashtag" rel="tag">#<span>{html.escape(tag)}</span></a>'
            )
        if handle not in mentions:
            return html.escape(match.group(0), quote=False)
        named[handle] = None
        short = html.escape(handle.split("@")[0])
        page = html.escape(mentions[handle])
        return f'<span class="h-card"><a href="{page}" class="u-url mention">@<span>{short}</span></a></span>'

    def line(part: str) -> str:
        out, end = [], 0
        for match in _TOKEN.finditer(part):
            out += [html.escape(part[end : match.start()], quote=False), link(match)]
            end = match.end()
        return "".join([*out, html.escape(part[end:], quote=False)])

    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text.replace("\r\n", "\n"))]
    markup = "".join(
        f"<p>{'<br>'.join(line(row) for row in part.split(chr(10)))}</p>" for part in paragraphs if part
    )
    return Composed(markup, tuple(tags), tuple(named))
