"""The public timelines and the pages of hashtags: lists of posts with links to older and newer ones."""

from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.http.frame import FeedLink, PageFrame
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.kernel.text import hashtag_key
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.web.answers import elsewhere, frame_of, page
from fedi_cluster.web.cards import Cards
from fedi_cluster.web.regions import Regions, read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.homes import TimelineView, timeline_tabs, timeline_title
from fedi_cluster.web.viewmodels.parts import Link
from fedi_cluster.web.visit import Visit, asked_part, links_of, part_path, visit_of


async def public_cluster(request: Request, desk: WebDesk) -> Response:
    """GET /public/cluster: what all regions announced."""
    return await desk.db.read(_public, desk, visit_of(request, desk), asked_part(request), "cluster")


async def public_local(request: Request, desk: WebDesk) -> Response:
    """GET /public/local: what the accounts of this instance publish."""
    return await desk.db.read(_public, desk, visit_of(request, desk), asked_part(request), "local")


def _public(reader: Reader, desk: WebDesk, visit: Visit, ask: PageRequest, which: str) -> Response:
    regions = read_regions(reader, desk)
    wide = which == "cluster"
    found = timelines.cluster_spots(reader, ask) if wide else timelines.local_spots(reader, ask)
    home = regions.home.chip
    title, stand = timeline_title(visit.words, home, which)
    path = f"/public/{which}"
    view = TimelineView(
        title=title,
        stand=stand,
        tabs=timeline_tabs(visit.words, home, which),
        cards=Cards(desk, visit, regions).listed(reader, found.items),
        pages=links_of(path, found),
        feed_url="/feed.atom" if wide else f"{path}/feed.atom",
        way_on=None if wide else Link(visit.words.gettext("All regions"), "/public/cluster"),
    )
    frame = _frame(desk, visit, regions, view, part_path(path, ask))
    frame = replace(frame, cluster_wide=wide, region=None if wide else home.slug)
    return page(desk, visit, "timelines/public.html", view, frame)


def _frame(desk: WebDesk, visit: Visit, regions: Regions, view: TimelineView, path: str) -> PageFrame:
    return replace(frame_of(desk, visit, regions, view.title, view.stand), path=path)


async def tag(request: Request, desk: WebDesk) -> Response:
    """GET /tags/TAG: public posts of a hashtag; another spelling of the same tag leads to its page."""
    visit = visit_of(request, desk)
    given = request.path_params["tag"]
    key = hashtag_key(given)[:100]
    if given != key:
        return elsewhere(visit, f"/tags/{quote(key, safe='')}")
    return await desk.db.read(_tag, desk, visit, asked_part(request), key)


def _tag(reader: Reader, desk: WebDesk, visit: Visit, ask: PageRequest, key: str) -> Response:
    regions = read_regions(reader, desk)
    found = timelines.tagged_spots(reader, key, ask)
    path = f"/tags/{quote(key, safe='')}"
    feed = f"{path}/feed.atom"
    view = TimelineView(
        title=f"#{key}",
        stand=visit.words.gettext("Public posts with this hashtag."),
        cards=Cards(desk, visit, regions).listed(reader, found.items, parents=True),
        pages=links_of(path, found),
        feed_url=feed,
        way_on=Link(visit.words.gettext("All regions"), "/public/cluster"),
    )
    frame = _frame(desk, visit, regions, view, part_path(path, ask))
    # A page that anybody can name into being is nothing for search engines.
    frame = replace(frame, cluster_wide=True, indexed=bool(found.items), feeds=(FeedLink(view.title, feed),))
    return page(desk, visit, "timelines/public.html", view, frame)
