"""A page as an HTTP answer, in its frame and with its headers; it decides nothing about its matter."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from fedi_cluster.http.frame import (
    REGIONS_WITH_LOOK,
    FeedLink,
    PageFrame,
    RegionChip,
    Site,
    south_baltic_funding,
)
from fedi_cluster.http.locale import LANGUAGE_COOKIE, Words, with_language
from fedi_cluster.http.render import render
from fedi_cluster.web.regions import Regions
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.static_files import static_url
from fedi_cluster.web.visit import Visit

_YEAR = 365 * 24 * 3600
_OTHER_NAME = "Creative Cluster"
_SOUTH_BALTIC = "South Baltic Creative Cluster"
VARY = "Accept, Accept-Language, Cookie"


def site_of(desk: WebDesk, words: Words, regions: Regions | None) -> Site:
    """What all pages share; without `regions` (an error page, which reads no database) it names no neighbour.

    The funding is shown by instances of the regions that it was given to.
    """
    settings = desk.settings
    chips = tuple(one.chip for one in regions.present) if regions else ()
    slugs = {settings.region, *(chip.slug for chip in chips)}
    name = _SOUTH_BALTIC if slugs & set(REGIONS_WITH_LOOK) else _OTHER_NAME
    own = FeedLink(words.gettext("From %(region)s", region=settings.region_name), "/public/local/feed.atom")
    return Site(
        base_url=desk.at.base,
        cluster_name=name,
        home=RegionChip(settings.region, settings.region_name, f"/r/{settings.region}"),
        stylesheet=static_url("style.css"),
        icon=static_url("icon.svg"),
        regions=chips,
        feeds=(FeedLink(words.gettext("From all regions"), "/feed.atom"), own) if regions else (),
        funding=south_baltic_funding(words) if settings.region in REGIONS_WITH_LOOK else None,
        follow_uri=f"acct:{regions.home.handle.removeprefix('@')}" if regions else None,
        demo=bool(regions and regions.demo),
    )


def frame_of(desk: WebDesk, visit: Visit, regions: Regions | None, title: str, description: str) -> PageFrame:
    """The frame of a page of this visit; the handler replaces what is particular to it."""
    return PageFrame(
        site=site_of(desk, visit.words, regions),
        title=title,
        description=description,
        language=visit.language,
        path=visit.path,
        prefix=visit.prefix,
    )


def page(
    desk: WebDesk,
    visit: Visit,
    template: str,
    view: object,
    frame: PageFrame,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The printed page. A visitor who came by a language keeps it in a cookie for her next plain address."""
    answer = Response(
        render(template, view, frame),
        status,
        headers={"Vary": VARY, "Content-Language": visit.language, **(headers or {})},
        media_type="text/html",
    )
    if frame.activity_url:
        target = quote(frame.activity_url, safe=_URI_SIGNS)
        answer.headers["Link"] = f'<{target}>; rel="alternate"; type="application/activity+json"'
    if visit.prefix and visit.prefix != visit.remembered:
        answer.set_cookie(
            LANGUAGE_COOKIE,
            visit.prefix,
            max_age=_YEAR,
            path="/",
            secure=desk.settings.secure,
            httponly=True,
            samesite="lax",
        )
    return answer


# An id is an ASCII URI in nearly every case; what is none must not break a header.
_URI_SIGNS = "!#$%&'()*+,/:;=?@[]~"


def elsewhere(visit: Visit, path: str) -> Response:
    """Sends the visitor to another page of ours, in her language."""
    return RedirectResponse(with_language(path, visit.prefix), 302, headers={"Vary": VARY})
