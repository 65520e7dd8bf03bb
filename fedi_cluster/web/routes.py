"""Every address of the public pages, on one screen."""

from fedi_cluster.http.route import Access, Route
from fedi_cluster.web import about, assets, feeds, homes, interact, posts, profiles, timelines
from fedi_cluster.web.site import WebDesk

ROUTES: tuple[Route[WebDesk], ...] = (
    Route("GET", "/", homes.cluster_home, Access.PUBLIC),
    Route("GET", "/feed.atom", feeds.cluster, Access.PUBLIC),
    Route("GET", "/r/{slug}", homes.region_home, Access.PUBLIC),
    Route("GET", "/r/{slug}/feed.atom", feeds.region, Access.PUBLIC),
    Route("GET", "/public/cluster", timelines.public_cluster, Access.PUBLIC),
    Route("GET", "/public/local", timelines.public_local, Access.PUBLIC),
    Route("GET", "/public/local/feed.atom", feeds.public_local, Access.PUBLIC),
    Route("GET", "/tags/{tag}", timelines.tag, Access.PUBLIC),
    Route("GET", "/tags/{tag}/feed.atom", feeds.tag, Access.PUBLIC),
    # The name of a stranger has her server behind a second @.
    Route("GET", "/@{name}", profiles.profile, Access.PUBLIC),
    Route("GET", "/@{name}/feed.atom", feeds.profile, Access.PUBLIC),
    Route("GET", "/@{name}/{id}", posts.post, Access.PUBLIC),
    Route("GET", "/interact", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/follow", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/like", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/announce", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/object", interact.interact, Access.PUBLIC),
    Route("GET", "/intents/create", interact.writing, Access.PUBLIC),
    Route("GET", "/about", about.about, Access.PUBLIC),
    Route("GET", "/static/{path:path}", assets.static, Access.PUBLIC),
    Route("GET", "/favicon.ico", assets.favicon, Access.PUBLIC),
    Route("GET", "/robots.txt", assets.robots, Access.PUBLIC),
    Route("GET", "/health", assets.health, Access.PUBLIC),
)
