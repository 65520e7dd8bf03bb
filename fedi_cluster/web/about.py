"""Who runs this instance and which others it belongs with: only what the database and the settings say."""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster import __version__
from fedi_cluster.community.actors import queries as actor_queries
from fedi_cluster.community.instances.shapes import Member
from fedi_cluster.http.locale import Words
from fedi_cluster.kernel.languages import choose
from fedi_cluster.kernel.text import plain_text
from fedi_cluster.storage.unit import Reader
from fedi_cluster.web.answers import frame_of, page
from fedi_cluster.web.cards import Cards
from fedi_cluster.web.regions import read_regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.about import AboutView, Sister
from fedi_cluster.web.viewmodels.parts import Link, When
from fedi_cluster.web.visit import Visit, visit_of


async def about(request: Request, desk: WebDesk) -> Response:
    """GET /about."""
    return await desk.db.read(_about, desk, visit_of(request, desk))


def _about(reader: Reader, desk: WebDesk, visit: Visit) -> Response:
    regions = read_regions(reader, desk)
    cards = Cards(desk, visit, regions)
    group = regions.home.actor
    lang, stand = None, desk.settings.description
    if group is not None:
        liked = [tag for tag in (visit.language, group.language) if tag]
        lang, summary = choose(group.summary_map, liked) or (group.language, group.summary)
        stand = plain_text(summary)
    editors = [
        cards.author(one)
        for one in actor_queries.locals_of_type(reader, "Organization")
        if one.kind == "Editorial"
    ]
    scheme = desk.at.base.partition("://")[0]
    view = AboutView(
        region=regions.home.chip,
        stand=stand,
        stand_lang=lang,
        host=desk.at.host,
        version=__version__,
        editors=editors,
        sisters=[
            Sister(
                Link(one.entry.name, f"{scheme}://{one.host}/"),
                one.host,
                _state(visit.words, one, cards.when(one.entry.updated_at)),
            )
            for one in regions.members
            if one.host != desk.at.host and one.entry.state in ("member", "left", "removed")
        ],
        member_list="/cluster/members" if regions.members else None,
    )
    title = visit.words.gettext("About this server")
    frame = frame_of(desk, visit, regions, title, stand or title)
    return page(desk, visit, "about/about.html", view, replace(frame, region=desk.settings.region))


def _state(words: Words, member: Member, since: When) -> str:
    _ = words.gettext
    return {
        "member": _("member since %(date)s", date=since.text),
        "left": _("left on %(date)s", date=since.text),
    }.get(member.entry.state, _("removed on %(date)s", date=since.text))
