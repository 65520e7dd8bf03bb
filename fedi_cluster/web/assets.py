"""What pages load, and the small files that programs look for: style, pictures, robots.txt."""

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.kernel.errors import NotFound
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.static_files import PREFIX, StaticFile, static_file, static_files

_FOREVER = "public, max-age=31536000, immutable"
_A_DAY = "public, max-age=86400"
_DRAWING = "default-src 'none'; style-src 'unsafe-inline'"
_ROBOTS = "User-agent: *\nDisallow: /interact\nDisallow: /intents/\n"


async def static(request: Request, _desk: WebDesk) -> Response:
    """GET /static/PATH: a file under an address with its hash, so that it may be kept for a year."""
    found = static_file(PREFIX + request.path_params["path"])
    if found is None:
        raise NotFound("There is no such file.")
    return _file(found, _FOREVER)


async def favicon(_request: Request, _desk: WebDesk) -> Response:
    """GET /favicon.ico, which browsers ask for where no page told them better."""
    return _file(static_files()["icon.svg"], _A_DAY)


def _file(found: StaticFile, kept: str) -> Response:
    headers = {"Cache-Control": kept, "Content-Type": found.media_type}
    if found.media_type == "image/svg+xml":
        # A drawing has its style inside; nothing else in it may run or load.
        headers["Content-Security-Policy"] = _DRAWING
    return Response(found.body, headers=headers)


async def robots(_request: Request, _desk: WebDesk) -> Response:
    """GET /robots.txt: forms are nothing to crawl."""
    return Response(_ROBOTS, media_type="text/plain", headers={"Cache-Control": _A_DAY})
