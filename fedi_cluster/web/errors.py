"""An error as a page; it reads no database, so that it can be shown when that is what failed."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.kernel.errors import ClusterError, TooMany
from fedi_cluster.web.answers import frame_of, page
from fedi_cluster.web.site import WebDesk
from fedi_cluster.web.viewmodels.errors import error_view
from fedi_cluster.web.visit import visit_of


async def error_page(
    request: Request, desk: WebDesk, error: ClusterError | int, headers: Mapping[str, str] | None = None
) -> Response:
    """The page of an error of the family, or of an HTTP status of 400 and above."""
    visit = visit_of(request, desk)
    status, detail = (error, None) if isinstance(error, int) else (error.status, error.public)
    view = error_view(visit.words, status, detail=detail)
    more = dict(headers or {})
    if isinstance(error, TooMany):
        more["Retry-After"] = str(error.retry_after)
    elif status == 503:
        more["Retry-After"] = "30"
    frame = replace(frame_of(desk, visit, None, view.title, view.text), path="/", indexed=False)
    return page(desk, visit, "errors/error.html", view, frame, status=status, headers=more)
