"""Lists of posts as Atom (RFC 4287), written as text: what goes in is escaped, what XML forbids is left out.

It reads no feeds; the tests check what it writes against the schema of the standard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from fedi_cluster import __version__

MEDIA_TYPE = "application/atom+xml"
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


def atom(feed: Feed) -> bytes:
    """The document; entries with the same id appear once."""
    entries = {one.id: one for one in feed.entries}.values()
    updated = max((one.updated for one in entries), default=feed.began)
    parts = [
        '<?xml version="1.0" encoding="UTF-8"?>\n',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={_attribute(feed.lang)}>',
        _element("id", feed.address),
        _element("title", feed.title),
        _element("updated", updated.isoformat()),
        f'<link rel="self" type={_attribute(MEDIA_TYPE)} href={_attribute(feed.address)}/>',
        f'<link rel="alternate" type="text/html" href={_attribute(feed.page)}/>',
        f"<generator version={_attribute(__version__)}>fedi-cluster</generator>",
        *(_entry(one) for one in entries),
        "</feed>\n",
    ]
    return "".join(parts).encode()


def _entry(one: FeedEntry) -> str:
    lang = f" xml:lang={_attribute(one.lang)}" if one.lang else ""
    parts = (
        f"\n<entry{lang}>",
        _element("id", one.id),
        _element("title", one.title),
        _element("updated", one.updated.isoformat()),
        _element("published", one.published.isoformat()),
        f"<author>{_element('name', one.author)}{_element('uri', one.author_page)}</author>",
        f'<link rel="alternate" type="text/html" href={_attribute(one.link)}/>',
        _element("summary", one.summary) if one.summary else "",
        f'<content type="html">{_text(one.content)}</content>',
        "</entry>",
    )
    return "".join(parts)


def _element(name: str, text: str) -> str:
    return f"<{name}>{_text(text)}</{name}>"


def _text(text: str) -> str:
    # A reader of XML makes a line feed of a bare carriage return; as a reference it stays one.
    return escape(text.translate(_NO_XML), quote=False).replace("\r", "&#13;")


def _attribute(text: str) -> str:
    return f'"{escape(text.translate(_NO_XML))}"'
