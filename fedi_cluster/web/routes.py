"""Every address of the public pages, on one screen."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.http.route import Access, Route
from fedi_cluster.web import about, assets, feeds, homes, interact, posts, profiles, timelines
from fedi_cluster.web.site import WebDesk

_Handler = Callable[[Request, WebDesk], Awaitable[Response]]


def _kept(handler: _Handler) -> _Handler:
    """A page or feed that is the same for all as long as nothing is written (`web.kept`)."""

    async def answer(request: Request, desk: WebDesk) -> Response:
        await desk.pages.begin(request.scope)
        return desk.pages.keep(request, await handler(request, desk))

    return answer


ROUTES: tuple[Route[WebDesk], ...] = (
    Route("GET", "/", _kept(homes.cluster_home), Access.PUBLIC),
    Route("GET", "/feed.atom", _kept(feeds.cluster), Access.PUBLIC),
    Route("GET", "/r/{slug}", _kept(homes.region_home), Access.PUBLIC),
    Route("GET", "/r/{slug}/feed.atom", _kept(feeds.region), Access.PUBLIC),
    Route("GET", "/public/cluster", _kept(timelines.public_cluster), Access.PUBLIC),
    Route("GET", "/public/local", _kept(timelines.public_local), Access.PUBLIC),
    Route("GET", "/public/local/feed.atom", _kept(feeds.public_local), Access.PUBLIC),
    Route("GET", "/tags/{tag}", _kept(timelines.tag), Access.PUBLIC),
    Route("GET", "/tags/{tag}/feed.atom", _kept(feeds.tag), Access.PUBLIC),
    # The name of a stranger has her server behind a second @.
    Route("GET", "/@{name}", _kept(profiles.profile), Access.PUBLIC),
    Route("GET", "/@{name}/feed.atom", _kept(feeds.profile), Access.PUBLIC),
    Route("GET", "/@{name}/{id}", _kept(posts.post), Access.PUBLIC),
    Route("GET", "/interact", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/follow", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/like", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/announce", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/object", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/create", interact.writing, Access.PUBLIC),
    Route("GET", "/about", _kept(about.about), Access.PUBLIC),
    Route("GET", "/static/{path:path}", assets.static, Access.PUBLIC),
    Route("GET", "/favicon.ico", assets.favicon, Access.PUBLIC),
    Route("GET", "/robots.txt", assets.robots, Access.PUBLIC),
)
