"""One page of a list that is ordered by id; it knows neither addresses nor SQL."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part: at most `limit` items, older than id `before` or newer than id `after` (exclusive)."""

    limit: int = 20
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items, newest first; `older` and `newer` are ids to ask the next page with, None at an end."""

    items: Sequence[T]
    older: int | None
    newer: int | None


def page_of(found: Sequence[T], ask: PageRequest, id_of: Callable[[T], int]) -> Page[T]:
    """A page from up to `limit + 1` rows: newest first, or oldest first where `after` was asked."""
    more = len(found) > ask.limit
    items = list(found[: ask.limit])
    if ask.after is not None:
        items.reverse()
    if not items:
        return Page((), None, None)
    older = more if ask.after is None else True
    newer = more if ask.after is not None else ask.before is not None
    return Page(
        items,
        id_of(items[-1]) if older else None,
        id_of(items[0]) if newer else None,
    )
