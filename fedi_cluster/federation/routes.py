"""Every address that other servers use, on one screen."""

from fedi_cluster.federation import wellknown
from fedi_cluster.federation.cluster import documents as cluster
from fedi_cluster.federation.cluster import ledgers
from fedi_cluster.federation.documents import collections, items
from fedi_cluster.federation.inbox import receive
from fedi_cluster.federation.remote.context import Federation
from fedi_cluster.http.route import Access, Route

SHARED_INBOX: Route[Federation] = Route("POST", "/inbox", receive.shared_inbox, Access.SIGNED)
"""By itself, since other servers ask for it most of all."""

ROUTES: tuple[Route[Federation], ...] = (
    Route("GET", "/.well-known/webfinger", wellknown.webfinger, Access.PUBLIC),
    Route("GET", "/.well-known/host-meta", wellknown.host_meta, Access.PUBLIC),
    Route("GET", "/.well-known/host-meta.json", wellknown.host_meta_json, Access.PUBLIC),
    Route("GET", "/.well-known/nodeinfo", wellknown.nodeinfo_links, Access.PUBLIC),
    Route("GET", "/nodeinfo/{version}", wellknown.nodeinfo, Access.PUBLIC),
    SHARED_INBOX,
    Route("POST", "/actor/inbox", receive.personal_inbox, Access.SIGNED),
    Route("POST", "/actors/{name}/inbox", receive.personal_inbox, Access.SIGNED),
    Route("GET", "/actor", items.own_actor, Access.PUBLIC),
    Route("GET", "/actor/outbox", collections.outbox, Access.PUBLIC),
    Route("GET", "/actor/followers", collections.followers, Access.PUBLIC),
    Route("GET", "/actor/following", collections.following, Access.PUBLIC),
    Route("GET", "/actors/{name}", items.actor, Access.PUBLIC),
    Route("GET", "/actors/{name}/outbox", collections.outbox, Access.PUBLIC),
    Route("GET", "/actors/{name}/followers", collections.followers, Access.PUBLIC),
    Route("GET", "/actors/{name}/following", collections.following, Access.PUBLIC),
    Route("GET", "/actors/{name}/featured", collections.featured, Access.PUBLIC),
    Route("GET", "/actors/{name}/tags", collections.tags, Access.PUBLIC),
    Route("GET", "/actors/{name}/moderators", collections.moderators, Access.PUBLIC),
    Route("GET", "/objects/{id}", items.post, Access.PUBLIC),
    Route("GET", "/objects/{id}/replies", collections.replies, Access.PUBLIC),
    Route("GET", "/objects/{id}/context", collections.context, Access.PUBLIC),
    Route("GET", "/objects/{id}/likes", collections.likes, Access.PUBLIC),
    Route("GET", "/objects/{id}/shares", collections.shares, Access.PUBLIC),
    Route("GET", "/activities/{id}", items.activity, Access.PUBLIC),
    Route("GET", "/cluster/members", cluster.members, Access.PUBLIC),
    Route("GET", "/cluster/invitations/{token}", cluster.invitation, Access.SIGNED),
    Route("GET", "/cluster/digest", ledgers.own, Access.SIGNED),
    Route("GET", "/cluster/digest/{period}", ledgers.own, Access.SIGNED),
    Route("GET", "/cluster/copies/{host}/digest", ledgers.held, Access.SIGNED),
    Route("GET", "/cluster/copies/{host}/digest/{period}", ledgers.held, Access.SIGNED),
    Route("GET", "/cluster/copy", ledgers.copy, Access.SIGNED),
    # The same things as pages have, where they are asked for as ActivityStreams.
    Route("GET", "/@{name}", items.actor, Access.PUBLIC),
    Route("GET", "/@{name}/{id}", items.post, Access.PUBLIC),
    Route("GET", "/r/{slug}", items.region_page, Access.PUBLIC),
)

# A browser at an id is sent to its page.
BROWSER_ROUTES: tuple[Route[Federation], ...] = (
    Route("GET", "/actor", items.to_page, Access.PUBLIC),
    Route("GET", "/actors/{name}", items.to_page, Access.PUBLIC),
    Route("GET", "/objects/{id}", items.to_page, Access.PUBLIC),
)
