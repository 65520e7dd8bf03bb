"""Mounts the interfaces as one ASGI application; which of them answers is decided here and nowhere else."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from fedi_cluster.federation.remote.subscribe import SubscribeTemplates
from fedi_cluster.federation.routes import BROWSER_ROUTES, SHARED_INBOX
from fedi_cluster.federation.routes import ROUTES as FEDERATION_ROUTES
from fedi_cluster.http.kept_by_row import KeptByRow
from fedi_cluster.http.locale import split_language
from fedi_cluster.http.operation import OPERATION_ROUTES, Operation
from fedi_cluster.http.problems import log_error, problem, problem_of
from fedi_cluster.http.route import starlette_routes
from fedi_cluster.http.watch import Watch
from fedi_cluster.kernel.errors import ClusterError, Unavailable
from fedi_cluster.storage import migrate
from fedi_cluster.web.errors import error_page
from fedi_cluster.web.kept import KeptPages
from fedi_cluster.web.routes import ROUTES as WEB_ROUTES
from fedi_cluster.web.site import open_site
from fedi_cluster.web.standing import guarded
from fedi_cluster.wiring import House

_MACHINE_TYPES = ("application/activity+json", "application/ld+json", "application/json")

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def build_app(house: House) -> Asgi:
    """The application of one instance."""
    templates = SubscribeTemplates(house.at, house.clock, house.federation.outbound)
    desk = open_site(house.settings, house.at, house.db, templates.of_handle)
    operation = Operation(house.settings, house.db, house.readiness, migrate.newest())
    machines = _machines(
        [
            *starlette_routes(FEDERATION_ROUTES, house.federation),
            *starlette_routes(OPERATION_ROUTES, operation),
        ]
    )
    browsers = _browsers(
        [*starlette_routes(WEB_ROUTES, desk), *starlette_routes(BROWSER_ROUTES, house.federation)],
        lambda request, error, headers: error_page(request, desk, error, headers),
    )
    choice = _Choice(
        _Side(machines, machines, house.federation.documents),
        _Side(browsers, guarded(browsers, house.settings), desk.pages),
        starlette_routes([SHARED_INBOX], house.federation)[0],
    )
    return Watch(choice, house.settings.trusted_proxies)


class _Choice:
    """Between the machines' and the browsers' application, by path and `Accept`."""

    def __init__(self, machines: "_Side", browsers: "_Side", inbox: Route) -> None:
        self._machines = machines
        self._browsers = browsers
        self._inbox_path = inbox.path
        self._inbox = _straight(inbox)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; what is no HTTP is left to end by itself."""
        if scope["type"] != "http":
            return
        if scope["path"] == self._inbox_path and scope["method"] == "POST":
            await self._inbox(scope, receive, send)
            return
        # No text that we store or look for has a NUL, and PostgreSQL refuses to be asked with it.
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await problem(404, "There is no such address here.")(scope, receive, send)
            return
        tag, _ = split_language(scope["path"])
        if tag is not None:
            # As ASGI says it: the path stays whole, and routes see what follows the root path.
            scope = dict(scope, root_path=f"{scope.get('root_path', '')}/{tag}", fedi_cluster_language=tag)
        side = self._machines if tag is None and self._is_for_machines(scope) else self._browsers
        await side.answer(scope, receive, send)

    def _is_for_machines(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if path.endswith(".atom"):
            return False
        path = path.removeprefix(scope.get("root_path", ""))
        for_machines, for_browsers = self._machines.serves(path), self._browsers.serves(path)
        return wants_machine_form(scope) if for_machines == for_browsers else for_machines


class _Side:
    """One of the two applications, and what it has answered before.

    A kept answer is sent before any route is asked: only routes for everybody keep theirs, so that the table
    of routes stays the only list of who may enter.
    """

    def __init__(self, routed: Starlette, app: Asgi, kept: KeptByRow | KeptPages) -> None:
        self._app = app
        self._kept = kept
        # All paths in one expression: asking each route for each request costs more than a kept answer.
        each = {re.sub(r"\?P<\w+>", "?:", route.path_regex.pattern) for route in routed.routes}  # type: ignore[attr-defined]
        self._paths = re.compile("|".join(sorted(each)))

    def serves(self, path: str) -> bool:
        """Whether a route has this path, whatever the method."""
        return self._paths.match(path) is not None

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request that is for this side."""
        if scope["method"] in ("GET", "HEAD"):
            try:
                known = await self._kept.ready(scope)
            except Unavailable:
                known = None  # the route says so, in the form of this side
            if known is not None:
                await known.send(scope, send)
                return
        await self._app(scope, receive, send)


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


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClusterError)
    log_error(request, error)
    return problem_of(error)


async def _failed(_request: Request, _error: Exception) -> Response:
    return problem(500, "Something went wrong here; it is logged. Try again later.")


def _machines(routes: Sequence[Route]) -> Starlette:
    async def unknown(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem(error.status_code, error.detail)

    return Starlette(
        routes=routes,
        exception_handlers={ClusterError: _refused, HTTPException: unknown, Exception: _failed},
    )


def _straight(route: Route) -> Asgi:
    """One route without the way through Starlette, which costs a delivery an eighth of all that it takes.

    It answers as `_machines` does; who may enter stands in the same table.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response: Response = await route.endpoint(request)
        except ClientDisconnect:
            return  # who went away half way is told nothing
        except ClusterError as error:
            response = await _refused(request, error)
        except Exception as error:
            log_error(request, error)
            response = await _failed(request, error)
        await response(scope, receive, send)

    return answer


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
