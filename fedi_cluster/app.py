"""Mounts the interfaces as one ASGI application; which of them answers is decided here and nowhere else."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from fedi_cluster.federation.remote.subscribe import SubscribeTemplates
from fedi_cluster.federation.routes import BROWSER_ROUTES
from fedi_cluster.federation.routes import ROUTES as FEDERATION_ROUTES
from fedi_cluster.http.locale import split_language
from fedi_cluster.http.problems import log_error, problem, problem_of
from fedi_cluster.http.route import starlette_routes
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.web.answers import guarded
from fedi_cluster.web.errors import error_page
from fedi_cluster.web.routes import ROUTES as WEB_ROUTES
from fedi_cluster.web.site import open_site
from fedi_cluster.wiring import House

_MACHINE_TYPES = ("application/activity+json", "application/ld+json", "application/json")

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def build_app(house: House) -> Asgi:
    """The application of one instance."""
    templates = SubscribeTemplates(house.at, house.clock, house.federation.outbound)
    desk = open_site(house.settings, house.at, house.db, templates.of_handle)
    machines = _machines(starlette_routes(FEDERATION_ROUTES, house.federation))
    browsers = _browsers(
        [*starlette_routes(WEB_ROUTES, desk), *starlette_routes(BROWSER_ROUTES, house.federation)],
        lambda request, error, headers: error_page(request, desk, error, headers),
    )
    return _Choice(machines, browsers, guarded(browsers, house.settings))


class _Choice:
    """Between the machines' and the browsers' application, by path and `Accept`."""

    def __init__(self, machines: Starlette, browsers: Starlette, pages: Asgi) -> None:
        self._machines = machines
        self._browsers = browsers
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; what is no HTTP is left to end by itself."""
        if scope["type"] != "http":
            return
        # No text that we store or look for has a NUL, and PostgreSQL refuses to be asked with it.
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await problem(404, "There is no such address here.")(scope, receive, send)
            return
        tag, _ = split_language(scope["path"])
        if tag is not None:
            # As ASGI says it: the path stays whole, and routes see what follows the root path.
            scope = dict(scope, root_path=f"{scope.get('root_path', '')}/{tag}", fedi_cluster_language=tag)
        await (self._machines if tag is None and self._is_for_machines(scope) else self._pages)(
            scope, receive, send
        )

    def _is_for_machines(self, scope: Scope) -> bool:
        if scope["path"].endswith(".atom"):
            return False
        for_machines, for_browsers = _serves(self._machines, scope), _serves(self._browsers, scope)
        return wants_machine_form(scope) if for_machines == for_browsers else for_machines


def _serves(app: Starlette, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is not Match.NONE for route in app.routes)


def wants_machine_form(scope: Scope) -> bool:
    """Whether a request prefers ActivityStreams or JSON to a page.

    The first type that we can serve wins, as others do it: quality values are not used by any client that
    asks for both.
    """
    accept = (
        b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1").lower()
    )
    for part in accept.split(","):
        kind = part.partition(";")[0].strip()
        if kind in _MACHINE_TYPES:
            return True
        if kind in ("text/html", "application/xhtml+xml"):
            return False
    return scope["method"] not in ("GET", "HEAD")


def _machines(routes: Sequence[Route]) -> Starlette:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ClusterError)
        log_error(request, error)
        return problem_of(error)

    async def unknown(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, error.detail)

    async def failed(_request: Request, _error: Exception) -> Response:
        return problem(500, "Something went wrong here; it is logged. Try again later.")

    return Starlette(
        routes=routes,
        exception_handlers={ClusterError: refused, HTTPException: unknown, Exception: failed},
    )


def _browsers(
    routes: Sequence[Route],
    page: Callable[[Request, ClusterError | int, Mapping[str, str] | None], Awaitable[Response]],
) -> Starlette:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ClusterError)
        log_error(request, error)
        return await page(request, error, None)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await page(request, error.status_code, error.headers)

    async def failed(request: Request, _error: Exception) -> Response:
        return await page(request, 500, None)

    return Starlette(
        routes=routes,
        exception_handlers={ClusterError: refused, HTTPException: unknown, Exception: failed},
    )
