"""The first pages: the cluster's home and the home of each region."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.http.frame import REGIONS_WITH_LOOK, FeedLink
from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.kernel.languages import choose
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.kernel.text import plain_text
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.web.answers import frame_of, page
from fedi_cluster.web.away import notice_of
from fedi_cluster.web.cards import Cards, interact_path
from fedi_cluster.web.regions import KnownRegion, Regions, read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.static_files import static_url
from fedi_cluster.web.viewmodels import homes
from fedi_cluster.web.viewmodels.parts import Author
from fedi_cluster.web.visit import Visit, asked_part, links_of, part_path, visit_of

_FIRST = 12
_OTHERS = 3
_ORGANISATIONS = 24
_EDITORIAL = "Editorial"


async def cluster_home(request: Request, desk: WebDesk) -> Response:
    """GET /: the newest of all regions; an instance that is alone shows its own."""
    return await desk.db.read(_cluster_home, desk, visit_of(request, desk))


def _cluster_home(reader: Reader, desk: WebDesk, visit: Visit) -> Response:
    regions = read_regions(reader, desk)
    cards = Cards(desk, visit, regions)
    found = timelines.cluster_spots(reader, PageRequest(_FIRST))
    on_the_map = any(one.chip.slug in REGIONS_WITH_LOOK for one in regions.present)
    view = homes.ClusterHomeView(
        stand=homes.cluster_home_stand(visit.words),
        towns=_towns(reader, cards, regions),
        cards=cards.listed(reader, found.items),
        map_url=static_url("map.svg") if on_the_map else None,
        feed_url="/feed.atom",
        older_url=links_of("/public/cluster", found).older,
        follow=[
            homes.FollowOffer(one.chip, one.handle, interact_path(f"acct:{one.handle.removeprefix('@')}"))
            for one in regions.present
        ],
    )
    frame = frame_of(desk, visit, regions, "", homes.cluster_home_stand(visit.words))
    frame = replace(frame, title=frame.site.cluster_name, cluster_wide=True)
    return page(desk, visit, "homes/cluster.html", view, frame)


def _towns(reader: Reader, cards: Cards, regions: Regions) -> list[homes.Town]:
    known = [one.actor.id for one in regions.present if one.actor]
    spots = timelines.newest_of_each(reader, known)
    newest = {spot.actor_id: card for spot, card in zip(spots, cards.listed(reader, spots), strict=True)}
    return [homes.Town(one.chip, newest.get(one.actor.id) if one.actor else None) for one in regions.present]


async def region_home(request: Request, desk: WebDesk) -> Response:
    """GET /r/SLUG: our own region or a sister's; `?before` and `?after` lead through its older news."""
    return await desk.db.read(
        _region_home, desk, visit_of(request, desk), request.path_params["slug"], asked_part(request)
    )


def need_region(regions: Regions, slug: str) -> KnownRegion:
    """The present region of a short name; raises `NotFound`."""
    found = regions.of_slug(slug)
    if found is None:
        raise NotFound("There is no such region in this cluster.", detail=slug)
    return found


def _region_home(reader: Reader, desk: WebDesk, visit: Visit, slug: str, ask: PageRequest) -> Response:
    regions = read_regions(reader, desk)
    region = need_region(regions, slug)
    cards = Cards(desk, visit, regions)
    path = f"/r/{slug}"
    feed = f"{path}/feed.atom"
    first = ask.before is None and ask.after is None
    view = homes.RegionHomeView(
        region=region.chip,
        handle=region.handle,
        follow_url=interact_path(f"acct:{region.handle.removeprefix('@')}"),
        map_url=f"{static_url('map.svg')}#{slug}" if slug in REGIONS_WITH_LOOK else None,
        feed_url=feed,
        notice=notice_of(reader, desk, visit, regions, (region.host, None)),
    )
    if region.actor is not None:
        view = _with_news(reader, cards, view, region.actor, ask)
        view = _with_words(view, region.actor, visit.language)
    if first:
        view = _with_neighbours(reader, cards, view, region)
    frame = frame_of(
        desk, visit, regions, region.chip.name, homes.region_description(visit.words, region.chip)
    )
    title = visit.words.gettext("News from %(region)s", region=region.chip.name)
    frame = replace(
        frame, path=part_path(path, ask), region=slug, feeds=(FeedLink(title, feed),),
        activity_url=region.actor.uri if region.actor and region.actor.local else None,
    )  # fmt: skip
    return page(desk, visit, "homes/region.html", view, frame)


def _with_news(
    reader: Reader, cards: Cards, view: homes.RegionHomeView, actor: Actor, ask: PageRequest
) -> homes.RegionHomeView:
    """The first part opens with the newest and sorts projects apart; the others are one list."""
    found = timelines.cluster_spots(reader, ask, actor.id)
    links = links_of(view.region.url, found)
    view = replace(view, older_url=links.older, newer_url=links.newer)
    shown = cards.listed(reader, found.items)
    if ask.before is not None or ask.after is not None:
        return replace(view, news=shown)
    news = [card for card in shown if card.kind != "project"]
    projects = [card for card in shown if card.kind == "project"]
    lead = (news or projects)[:1]
    return replace(
        view,
        lead=lead[0] if lead else None,
        news=news[1:],
        projects=projects if news else projects[1:],
    )


def _with_words(view: homes.RegionHomeView, actor: Actor, language: str) -> homes.RegionHomeView:
    liked = [tag for tag in (language, actor.language) if tag]
    lang, summary = choose(actor.summary_map, liked) or (actor.language, actor.summary)
    return replace(
        view, stand=plain_text(summary), stand_lang=lang, origin_url=None if actor.local else actor.url
    )


def _with_neighbours(
    reader: Reader, cards: Cards, view: homes.RegionHomeView, region: KnownRegion
) -> homes.RegionHomeView:
    here = actor_queries.listed_at(reader, region.host, _ORGANISATIONS, "Organization")
    editorial = [cards.author(one) for one in here if one.kind == _EDITORIAL]
    newest = timelines.cluster_spots(reader, PageRequest(_FIRST)).items
    away = [one for one in newest if region.actor is None or one.actor_id != region.actor.id]
    return replace(
        view,
        organisations=_authors(cards, here),
        editorial=editorial[0] if editorial else None,
        others=cards.listed(reader, away[:_OTHERS]),
    )


def _authors(cards: Cards, actors: Sequence[Actor]) -> list[Author]:
    return [cards.author(one) for one in actors if one.kind != _EDITORIAL]
