"""Following and answering from the visitor's own server; it sends her nowhere, it shows the way."""

from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.actors.rules import REGION
from fedi_cluster.community.actors.shapes import Actor
from fedi_cluster.community.posts import queries as post_queries
from fedi_cluster.community.posts.rules import is_open
from fedi_cluster.community.posts.shapes import Post
from fedi_cluster.kernel.errors import ClusterError, NotFound
from fedi_cluster.kernel.hosts import read_authority, show_authority
from fedi_cluster.kernel.ids import parse_id
from fedi_cluster.storage.unit import Reader
from fedi_cluster.web.answers import frame_of, page
from fedi_cluster.web.cards import Cards
from fedi_cluster.web.regions import Regions, read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.interact import InteractView, WritingView, no_server_found
from fedi_cluster.web.viewmodels.parts import Link
from fedi_cluster.web.visit import Visit, visit_of

_LONGEST = 2_000
_LONGEST_TEXT = 10_000


async def interact(request: Request, desk: WebDesk) -> Response:
    """GET /interact?uri=&server= and the intents of FEP-3b86, whose parameter is `object`.

    Only a server that the visitor names is asked, and nothing is written.
    """
    visit = visit_of(request, desk)
    asked = request.query_params
    uri = (asked.get("uri") or asked.get("object") or "").strip()[:_LONGEST]
    server = asked.get("server", "").strip()[:_LONGEST]
    regions, view = await desk.db.read(_find, desk, visit, uri)
    if server:
        view = await _onward(desk, visit, replace(view, server=server))
    _ = visit.words.gettext
    title = _("Answer from your server") if view.answer else _("Follow from your server")
    frame = frame_of(desk, visit, regions, title, title)
    frame = replace(frame, path=f"/interact?uri={quote(uri, safe='')}" if uri else "/interact", indexed=False)
    return page(desk, visit, "interact/interact.html", view, frame)


async def writing(request: Request, desk: WebDesk) -> Response:
    """GET /intents/create: somebody's server offers a text to publish here, which needs an app."""
    visit = visit_of(request, desk)
    text = request.query_params.get("content", "")[:_LONGEST_TEXT]
    regions = await desk.db.read(read_regions, desk)
    title = visit.words.gettext("Write from your app")
    frame = replace(frame_of(desk, visit, regions, title, title), indexed=False)
    return page(desk, visit, "interact/writing.html", WritingView(text), frame)


def _find(reader: Reader, desk: WebDesk, visit: Visit, uri: str) -> tuple[Regions, InteractView]:
    regions = read_regions(reader, desk)
    cards = Cards(desk, visit, regions)
    found = _named(reader, desk, uri) if uri else None
    if isinstance(found, Actor):
        who = cards.author(found)
        return regions, InteractView(found.uri, Link(who.name, who.url), who.lang, who.handle)
    if isinstance(found, Post):
        card = cards.card(found)
        return regions, InteractView(
            found.uri, Link(card.title or card.excerpt, card.url), card.lang, answer=True
        )
    return regions, InteractView(uri, handle=uri.removeprefix("acct:") or None)


def _named(reader: Reader, desk: WebDesk, uri: str) -> Actor | Post | None:
    """The actor or open post of an id, an `acct:`, a handle or one of our pages, as far as we know it."""
    if not uri.startswith(("https://", "http://")):
        name, _, host = uri.removeprefix("acct:").removeprefix("@").partition("@")
        return _living(actor_queries.by_handle(reader, name, host or desk.at.handle_domain))
    post = post_queries.by_uri(reader, uri)
    if post is not None:
        return post if is_open(post) else None
    actor = actor_queries.by_uri(reader, uri)
    if actor is not None or not desk.at.is_ours(uri):
        return _living(actor)
    parts = unquote(urlsplit(uri).path).strip("/").split("/")
    if parts == ["r", desk.settings.region]:
        return _living(actor_queries.local(reader, REGION))
    if not parts[0].startswith("@"):
        return None
    if len(parts) == 1:
        return _living(actor_queries.local(reader, parts[0][1:]))
    post_id = parse_id(parts[1])
    post = post_queries.by_id(reader, post_id) if post_id is not None else None
    return post if post is not None and is_open(post) else None


def _living(actor: Actor | None) -> Actor | None:
    return actor if actor is not None and actor.deleted_at is None else None


@dataclass(frozen=True, slots=True)
class _Entered:
    """What the visitor entered: `name` is empty where it was a server alone."""

    name: str
    host: str


def _read_entry(text: str) -> _Entered | None:
    """`you@host`, `@you@host`, `acct:you@host`, `host` or an address there; None for anything else."""
    if "://" in text:
        text = text.partition("://")[2].partition("/")[0]
    name, _, host = text.removeprefix("acct:").removeprefix("@").rpartition("@")
    try:
        authority = show_authority(*read_authority(host.strip().rstrip("/")))
    except (ValueError, UnicodeError):
        return None
    return _Entered(name, authority) if "." in authority or ":" in authority else None


async def _onward(desk: WebDesk, visit: Visit, view: InteractView) -> InteractView:
    entered = _read_entry(view.server)
    if entered is None:
        return replace(view, error=no_server_found(visit.words, "unreadable"))
    handle = f"{entered.name}@{entered.host}" if entered.name else None
    handle = handle or await desk.db.read(actor_queries.any_handle_at, entered.host)
    if handle is None:
        return replace(view, error=no_server_found(visit.words, "nameless"))
    try:
        template = await desk.subscribe_template(handle)
    except NotFound:
        template = None
    except ClusterError:
        return replace(view, error=no_server_found(visit.words, "silent"))
    if template is None:
        return replace(view, error=no_server_found(visit.words, "unknown"))
    return replace(view, onward=Link(entered.host, template.replace("{uri}", quote(view.uri, safe=""))))
