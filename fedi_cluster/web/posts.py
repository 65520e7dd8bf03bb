"""The page of a post with what it answers and what answers it."""

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.errors import Gone, Malformed, NotFound
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.timelines.queries import Thread
from fedi_cluster.web.answers import elsewhere, frame_of, page
from fedi_cluster.web.away import notice_of
from fedi_cluster.web.cards import Cards, post_path, web_address
from fedi_cluster.web.regions import read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.posts import DEEPEST_THREAD, PostCard, ThreadView, nest
from fedi_cluster.web.visit import Visit, visit_of

MOST_ANSWERS = 60
"""Answers on one page; fewer where they are long."""
_MOST_SIGNS = 24_000
_MOST_ANCESTORS = 20


async def post(request: Request, desk: WebDesk) -> Response:
    """GET /@NAME/ID and /@NAME@HOST/ID: 404 for what is not for everybody, 410 for what was deleted.

    The id decides; under another name the visitor is sent to the right page. `?after=ID` shows later answers.
    """
    after = request.query_params.get("after")
    first = parse_id(after) if after is not None else 0
    if first is None:
        raise Malformed("Use ?after=ID with a number from a link of this site.")
    post_id = parse_id(request.path_params["id"])
    return await desk.db.read(_post, desk, visit_of(request, desk), post_id, first)


def open_post(reader: Reader, post_id: int | None) -> Post:
    """The post that anybody may read; raises `NotFound` (hidden ones too) and `Gone`."""
    found = post_queries.by_id(reader, post_id) if post_id is not None else None
    if found is None or found.visibility not in ("public", "unlisted"):
        raise NotFound("There is no such post here.", detail=str(post_id))
    if not is_open(found):
        raise Gone("This post was deleted.", detail=found.uri)
    return found


def _post(reader: Reader, desk: WebDesk, visit: Visit, post_id: int | None, after: int) -> Response:
    found = open_post(reader, post_id)
    path = post_path(found)
    if visit.path != unquote(path):
        return elsewhere(visit, path)
    regions = read_regions(reader, desk)
    cards = Cards(desk, visit, regions)
    thread = timelines.thread(reader, found)
    main = cards.card(found, parent=thread.ancestors[-1] if thread.ancestors else None)
    view = _view(cards, main, thread, after)
    if not found.author.local:
        view = replace(view, notice=notice_of(reader, desk, visit, regions, (found.author.host, found.uri)))
    local = found.author.local
    title = main.title or f"{main.author.name}: {main.excerpt[:60]}"
    frame = replace(
        frame_of(desk, visit, regions, title, (main.warning or main.excerpt)[:200]),
        path=path if not after else f"{path}?after={after}",
        region=main.region.slug if main.region else None,
        cluster_wide=not local,
        activity_url=found.uri,
        canonical=None if local else web_address(found.url, found.uri),
        og_type="article",
        creator=main.author.handle,
        indexed=local and found.author.indexable,
    )
    return page(desk, visit, "posts/thread.html", view, frame)


def _view(cards: Cards, main: PostCard, thread: Thread, after: int) -> ThreadView:
    later = [one for one in thread.descendants if one.id > after]
    rows, more = _rows(cards, thread, later)
    return ThreadView(
        main=main,
        ancestors=[cards.card(one) for one in thread.ancestors[-_MOST_ANCESTORS:]],
        replies=nest(thread.post.id, rows),
        more_url=f"{main.url}?after={rows[-1][0]}" if more else None,
        demo_note=any(one.author.demo for one in later if one.deleted_at is None),
    )


def _rows(
    cards: Cards, thread: Thread, later: Sequence[Post]
) -> tuple[list[tuple[int, int, PostCard | None]], bool]:
    """As many answers as fit, and whether there are more."""
    by_id = {one.id: one for one in (thread.post, *thread.descendants)}
    rows: list[tuple[int, int, PostCard | None]] = []
    levels = {thread.post.id: 0}
    signs = 0
    for one in later:
        parent = by_id.get(one.parent_id or 0)
        on_page = parent is not None and parent.id in levels
        levels[one.id] = levels[parent.id] + 1 if parent and on_page else 1
        # Where its place does not show it, the answer says whom it answers.
        told = parent if not on_page or levels[one.id] > DEEPEST_THREAD else None
        card = cards.answer(one, told if told and is_open(told) else None) if is_open(one) else None
        signs += len(card.content) if card else 0
        if rows and (len(rows) >= MOST_ANSWERS or signs > _MOST_SIGNS):
            return rows, True
        rows.append((one.id, parent.id if parent else thread.post.id, card))
    return rows, False
