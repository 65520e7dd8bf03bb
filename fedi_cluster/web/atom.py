"""Lists of posts as Atom (RFC 4287); it is loaded with the first feed that somebody asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from feedgen.feed import FeedGenerator
from lxml import etree

from fedi_cluster import __version__

MEDIA_TYPE = "application/atom+xml"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
# XML 1.0 has no place for these, not even as references; strangers' texts may hold them.
_NO_XML = dict.fromkeys((*range(32), 65534, 65535, *range(55296, 57344)))
for _allowed in (0x09, 0x0A, 0x0D):
    del _NO_XML[_allowed]


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One post: `id` is its ActivityPub id, `link` its page here, `content` safe HTML in `lang`.

    Times are aware.
    """

    id: str
    title: str
    link: str
    author: str
    author_page: str
    content: str
    published: datetime
    updated: datetime
    lang: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """A list newest first; `address` is the feed itself and its id, `page` the same as HTML.

    `began` is the time of a feed that has no entry yet.
    """

    title: str
    address: str
    page: str
    lang: str
    began: datetime
    entries: Sequence[FeedEntry]


class _Language:
    """What feedgen has no word for: the language of an entry."""

    tag: str | None = None

    def extend_atom(self, entry: "etree._Element") -> "etree._Element":
        """Marks the entry; feedgen calls it."""
        if self.tag:
            entry.set(_LANG, self.tag)
        return entry


def atom(feed: Feed) -> bytes:
    """The document; entries with the same id appear once."""
    made = FeedGenerator()
    made.id(feed.address)
    made.title(_xml(feed.title))
    made.language(feed.lang)
    made.link(href=feed.address, rel="self", type=MEDIA_TYPE)
    made.link(href=feed.page, rel="alternate", type="text/html")
    made.generator("fedi-cluster", version=__version__)
    made.updated(max((one.updated for one in feed.entries), default=feed.began))
    for one in {one.id: one for one in feed.entries}.values():
        _add(made, one)
    document: bytes = made.atom_str()
    return document


def _add(made: FeedGenerator, one: FeedEntry) -> None:
    entry = made.add_entry(order="append")
    entry.id(one.id)
    entry.title(_xml(one.title))
    entry.author(name=_xml(one.author), uri=one.author_page)
    entry.link(href=one.link, rel="alternate", type="text/html")
    entry.published(one.published)
    entry.updated(one.updated)
    if one.summary:
        entry.summary(_xml(one.summary))
    entry.content(_xml(one.content) or " ", type="html")
    entry.register_extension("language", _Language, rss=False)
    entry.language.tag = one.lang


def _xml(text: str) -> str:
    return text.translate(_NO_XML)
