"""A profile, ours or a stranger's, as it is printed; followers' names are never part of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fedi_cluster.http.frame import RegionChip
from fedi_cluster.http.locale import Words
from fedi_cluster.web.viewmodels.parts import NO_PAGES, Author, Link, PageLinks, When
from fedi_cluster.web.viewmodels.posts import PostCard


@dataclass(frozen=True, slots=True)
class ProfileField:
    """A line of facts: `value` is sanitised HTML; `verified` when the linked page links back (rel=me)."""

    name: str
    value: Markup
    verified: bool = False


@dataclass(frozen=True, slots=True)
class ProfileView:
    """`/@NAME` and `/@NAME@HOST`.

    `bio` is sanitised HTML in the language `lang`. A count is None where the account does not show it.
    `origin_url` leads to the profile on its own server, None for ours; `moved_to` to where the account went.
    """

    who: Author
    follow_url: str
    kind_label: str | None = None
    region: RegionChip | None = None
    bio: Markup | None = None
    lang: str | None = None
    fields: Sequence[ProfileField] = ()
    posts: int | None = None
    followers: int | None = None
    following: int | None = None
    joined: When | None = None
    origin_url: str | None = None
    moved_to: Link | None = None
    feed_url: str | None = None
    cards: Sequence[PostCard] = ()
    pages: PageLinks = NO_PAGES

    @property
    def look(self) -> str:
        """The look of the account's region."""
        return self.region.look if self.region else "cluster"


def actor_label(words: Words, actor_type: str) -> str | None:
    """The word for an ActivityStreams actor type; None for a type that needs no word."""
    _ = words.gettext
    return {
        "Group": _("Region"),
        "Organization": _("Organisation"),
        "Person": _("Person"),
        "Service": _("Automatic account"),
        "Application": _("Server"),
    }.get(actor_type)
