"""A post as a card, and a post with its thread; texts are sanitised by whoever makes them, not here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from fedi_cluster.http.frame import RegionChip
from fedi_cluster.http.locale import Words
from fedi_cluster.web.viewmodels.parts import Author, Link, When

LONGEST_IN_LIST = 1500
"""Characters of HTML that a list prints in full: twenty such posts stay far below the limit of a page."""
DEEPEST_THREAD = 6
"""Levels of a thread; deeper answers stand at the deepest level and say whom they answer."""

_Below = dict[int, list[tuple[int, "PostCard | None"]]]


@dataclass(frozen=True, slots=True)
class PostCard:
    """One post, ready to print.

    `content` is sanitised HTML without headings (`kernel.text.clean_html`), `excerpt` its first words;
    `lede` the sentence that opens news or a project, which its own page prints above the content.
    `url` is the local path of its page. `lang` is the BCP 47 tag of title and content, `language_note` says
    it in words where it is not the page's language. `origin_url` leads to the server of its author, None for
    our own. `answer_url` is the local path of "answer from your server". `foreign`: from outside the cluster.
    `printed` is what lists have printed of it, by the way in which they did (`card_item` in parts/post.html).
    """

    author: Author
    url: str
    published: When
    content: Markup
    excerpt: str = ""
    lede: str | None = None
    title: str | None = None
    lang: str | None = None
    language_note: str | None = None
    region: RegionChip | None = None
    kind_label: str | None = None
    edited: When | None = None
    warning: str | None = None
    in_reply_to: Link | None = None
    boosted_by: Author | None = None
    source: Link | None = None
    origin_url: str | None = None
    answer_url: str | None = None
    replies: int = 0
    likes: int = 0
    boosts: int = 0
    foreign: bool = False
    kind: str = "note"
    printed: dict[tuple[str | int | bool | None, ...], Markup] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def look(self) -> str:
        """The look of the post's region: `cluster` where it belongs to none."""
        return self.region.look if self.region else "cluster"

    @property
    def short(self) -> bool:
        """Whether a list prints the whole content; a titled or long post shows its excerpt there."""
        return self.title is None and len(self.content) <= LONGEST_IN_LIST


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and the answers to it; `card` is None where its author took it back."""

    card: PostCard | None
    answers: Sequence["Reply"] = ()


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A post with what it answers (oldest first) and what answers it.

    `more_url` leads to further answers that this page does not print; `demo_note` marks answers of the
    demonstration; `notice` says that the author's server is away.
    """

    main: PostCard
    ancestors: Sequence[PostCard] = ()
    replies: Sequence[Reply] = ()
    more_url: str | None = None
    demo_note: bool = False
    notice: str | None = None


def nest(main_id: int, found: Iterable[tuple[int, int, PostCard | None]]) -> tuple[Reply, ...]:
    """A tree from (id, id of the answered post, card) rows, in their order, at most `DEEPEST_THREAD` levels.

    An answer whose parent is not among the rows hangs on the main post, so that nothing is lost. A ring of
    answers, which only a broken server makes, is left out.
    """
    rows = [row for row in found if row[0] != main_id]
    known = {row[0] for row in rows}
    below: _Below = {}
    for own, parent, card in rows:
        below.setdefault(parent if parent in known else main_id, []).append((own, card))
    return _branch(below, main_id, 1)


def _branch(below: _Below, parent: int, level: int) -> tuple[Reply, ...]:
    if level < DEEPEST_THREAD:
        return tuple(Reply(card, _branch(below, own, level + 1)) for own, card in below.get(parent, ()))
    flat: list[Reply] = []
    waiting = list(reversed(below.get(parent, ())))
    while waiting:
        own, card = waiting.pop()
        flat.append(Reply(card))
        waiting.extend(reversed(below.get(own, ())))
    return tuple(flat)


def kind_label(words: Words, kind: str) -> str:
    """The word for a kind of post: `news`, `project`, anything else is a post."""
    _ = words.gettext
    return {"news": _("News"), "project": _("Project")}.get(kind, _("Post"))


def language_note(words: Words, tag: str | None) -> str | None:
    """`in Polish`, in the reader's language; None for her own language and for one that nobody told."""
    _ = words.gettext
    primary = (tag or "").split("-", maxsplit=1)[0].lower()
    if primary in ("", "und", words.tag):
        return None
    said = {
        "en": _("in English"),
        "pl": _("in Polish"),
        "de": _("in German"),
        "lt": _("in Lithuanian"),
        "sv": _("in Swedish"),
    }
    name = words.language_name(primary)
    return said.get(primary) or (_("language: %(name)s", name=name) if name else None)
