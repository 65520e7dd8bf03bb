"""What a request for a page says: language, path and which part of a list; it reads no database."""

from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from fedi_cluster.http.locale import Words, split_language, words_for
from fedi_cluster.kernel.errors import Malformed
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.kernel.paging import Page, PageRequest
from fedi_cluster.web.language import language_of
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.parts import PageLinks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visitor's wish.

    `path` is local, without language prefix and query; `prefix` the language that the address began with;
    `remembered` what her cookie says.
    """

    path: str
    prefix: str | None
    words: Words
    remembered: str | None

    @property
    def language(self) -> str:
        """The page language."""
        return self.words.tag


def visit_of(request: Request, desk: WebDesk) -> Visit:
    """What a request says of its visitor."""
    prefix, tag, remembered = language_of(request.scope, desk.settings.language)
    path = request.scope["path"]
    return Visit(split_language(path)[1] if prefix else path, prefix, words_for(tag), remembered)


def asked_part(request: Request, limit: int = 20) -> PageRequest:
    """`?before=ID` or `?after=ID`; raises `Malformed` for both at once and for what is no id."""
    given = {name: request.query_params[name] for name in ("before", "after") if name in request.query_params}
    ids = {name: parse_id(text) for name, text in given.items()}
    if len(ids) > 1 or None in ids.values():
        raise Malformed("Use one of ?before=ID and ?after=ID, with a number from a link of this site.")
    return PageRequest(limit, ids.get("before"), ids.get("after"))


def part_path(path: str, ask: PageRequest) -> str:
    """The local path of this very part of a list: alternates and the canonical address keep it."""
    for name, value in (("before", ask.before), ("after", ask.after)):
        if value is not None:
            return f"{path}?{name}={value}"
    return path


def links_of(path: str, page: Page[T]) -> PageLinks:
    """The local paths of the neighbouring parts of a list that lives at `path`."""
    return PageLinks(
        newer=f"{path}?after={page.newer}" if page.newer is not None else None,
        older=f"{path}?before={page.older}" if page.older is not None else None,
    )
