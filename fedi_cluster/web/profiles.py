"""The page of an account, ours or a stranger's that we know."""

from dataclasses import dataclass, replace
from urllib.parse import quote

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.relationships import queries as relationship_queries
from fedi_cluster.http.frame import FeedLink
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.errors import Gone, NotFound
from fedi_cluster.kernel.languages import choose
from fedi_cluster.kernel.paging import PageRequest
from fedi_cluster.kernel.text import excerpt
from fedi_cluster.storage.unit import Reader
from fedi_cluster.timelines import queries as timelines
from fedi_cluster.web.answers import elsewhere, frame_of, page
from fedi_cluster.web.cards import Cards, actor_path, interact_path, web_address
from fedi_cluster.web.regions import read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.parts import Link
from fedi_cluster.web.viewmodels.profiles import ProfileField, ProfileView, actor_label
from fedi_cluster.web.visit import Visit, asked_part, links_of, part_path, visit_of

_DESCRIPTION = 200


async def profile(request: Request, desk: WebDesk) -> Response:
    """GET /@NAME and /@NAME@HOST; 410 where the account was deleted."""
    return await desk.db.read(
        _profile, desk, visit_of(request, desk), request.path_params["name"], asked_part(request)
    )


def need_actor(reader: Reader, at: Addresses, name: str) -> Actor:
    """The actor of `name` (ours) or `name@host`; raises `NotFound`, and `Gone` for a deleted one."""
    username, _, host = name.partition("@")
    if host and host.lower() not in (at.handle_domain.lower(), at.host):
        found = actor_queries.by_handle(reader, username, host)
    else:
        found = actor_queries.local(reader, username.lower())
    if found is None:
        raise NotFound("There is no such account here.", detail=name)
    if found.deleted_at:
        raise Gone("This account was deleted.", detail=name)
    return found


@dataclass(frozen=True, slots=True)
class _Counts:
    """What an account of ours shows; of strangers we know too little to count."""

    posts: int | None = None
    followers: int | None = None
    following: int | None = None


def _counts(reader: Reader, actor: Actor) -> _Counts:
    if not actor.local:
        return _Counts()
    return _Counts(
        post_queries.count_of_author(reader, actor.id),
        relationship_queries.count_followers(reader, actor.id),
        relationship_queries.count_following(reader, actor.id),
    )


def _profile(reader: Reader, desk: WebDesk, visit: Visit, name: str, ask: PageRequest) -> Response:
    actor = need_actor(reader, desk.at, name)
    regions = read_regions(reader, desk)
    path = actor_path(actor, regions)
    if path != f"/@{quote(name, safe='@:')}":
        return elsewhere(visit, path)
    cards = Cards(desk, visit, regions)
    view = _view(reader, visit, cards, actor, ask)
    frame = frame_of(desk, visit, regions, f"{view.who.name} ({view.who.handle})", "")
    feeds = (FeedLink(view.who.name, view.feed_url),) if view.feed_url else ()
    frame = replace(
        frame,
        description=excerpt(view.bio or "", _DESCRIPTION) or frame.title,
        path=part_path(path, ask),
        region=view.region.slug if view.region else None,
        cluster_wide=not actor.local,
        feeds=feeds,
        activity_url=actor.uri,
        canonical=None if actor.local else web_address(actor.url, actor.uri),
        og_type="profile",
        creator=view.who.handle,
        indexed=actor.local and actor.indexable,
    )
    return page(desk, visit, "profiles/profile.html", view, frame)


def _view(reader: Reader, visit: Visit, cards: Cards, actor: Actor, ask: PageRequest) -> ProfileView:
    found = timelines.profile_spots(reader, actor, ask)
    counts = _counts(reader, actor)
    liked = [tag for tag in (visit.language, actor.language) if tag]
    lang, bio = choose(actor.summary_map, liked) or (actor.language, actor.summary)
    region = cards.regions.of(actor)
    path = actor_path(actor, cards.regions)
    moved_to = web_address(actor.moved_to, "") if actor.moved_to else None
    return ProfileView(
        who=cards.author(actor),
        follow_url=interact_path(actor.uri),
        kind_label=actor_label(visit.words, actor.type),
        region=region.chip if region else None,
        bio=Markup(bio) if bio else None,  # noqa: S704 - cleaned when it was stored
        lang=lang,
        fields=[ProfileField(one.name, Markup(one.value)) for one in actor.fields],  # noqa: S704 - as above
        posts=counts.posts,
        followers=counts.followers,
        following=counts.following,
        joined=cards.when(actor.published_at) if actor.local else None,
        origin_url=None if actor.local else web_address(actor.url, actor.uri),
        moved_to=Link(moved_to, moved_to) if moved_to else None,
        feed_url=f"{path}/feed.atom" if actor.local else None,
        cards=cards.listed(reader, found.items, booster=actor),
        pages=links_of(path, found),
    )
