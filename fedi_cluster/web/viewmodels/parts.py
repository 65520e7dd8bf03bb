"""The small parts that view models share: a moment, an author, page links; they decide nothing."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from fedi_cluster.http.locale import Words


@dataclass(frozen=True, slots=True)
class When:
    """A moment as a reader reads it, and as `datetime` attribute (RFC 3339 with the zone's offset)."""

    text: str
    iso: str


def when(words: Words, moment: datetime, zone: tzinfo, *, clock: bool = False) -> When:
    """An aware datetime in the reader's language and the instance's zone; with the hour where `clock`."""
    local = moment.astimezone(zone)
    text = words.moment(moment, zone) if clock else words.date(local.date())
    return When(text, local.isoformat(timespec="seconds"))


@dataclass(frozen=True, slots=True)
class Link:
    """A labelled address; a local path keeps the visitor's language, a foreign one stays as it is."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the lists that a page can show."""

    label: str
    url: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class PageLinks:
    """Local paths of the pages beside this one; None at an end."""

    newer: str | None = None
    older: str | None = None


NO_PAGES = PageLinks()
"""A list that fits on one page."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote: `handle` is `@name@host`, `url` the local profile path, `lang` the tag of the name if known.

    `demo` says that the account belongs to the demonstration and not to the organisation that it names.
    """

    name: str
    handle: str
    url: str
    lang: str | None = None
    demo: bool = False

    @property
    def initials(self) -> str:
        """One or two letters for the place of a picture."""
        return initials(self.name)


def initials(name: str) -> str:
    """The first letters of the first two words, upper case; `?` for a name without letters or digits."""
    words = ("".join(sign for sign in word if sign.isalnum()) for word in name.split())
    return "".join(word[0] for word in list(filter(None, words))[:2]).upper() or "?"
