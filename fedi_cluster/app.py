"""Mounts the interfaces as one ASGI application; which of them answers is decided here and nowhere else."""

import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from fedi_cluster.federation.routes import BROWSER_ROUTES
from fedi_cluster.federation.routes import ROUTES as FEDERATION_ROUTES
from fedi_cluster.http.locale import split_language
from fedi_cluster.http.problems import log_error, problem, problem_of
from fedi_cluster.http.route import starlette_routes
from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.web import errors as web_errors
from fedi_cluster.web.routes import ROUTES as WEB_ROUTES
from fedi_cluster.web.site import open_site
from fedi_cluster.wiring import House


_MACHINE_TYPES = ("application/activity+json", "application/ld+json", "application/json")

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def build_app(house: House) -> Asgi:
    """The application of one instance."""
    site = open_site(house.settings, house.at, house.db, house.federation.actors.by_handle)
    machines = _machines(starlette_routes(FEDERATION_ROUTES, house.federation))
    browsers = _browsers(
        [*starlette_routes(WEB_ROUTES, site), *starlette_routes(BROWSER_ROUTES, house.federation)],
        lambda request, error: web_errors.page(request, site, error),
    )
    return _Choice(machines, browsers)


class _Choice:
    """Between the machines' and the browsers' application, by path and `Accept`."""

    def __init__(self, machines: Starlette, browsers: Starlette) -> None:
        self._machines = machines
        self._browsers = browsers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; what is no HTTP is left to end by itself."""
        if scope["type"] != "http":
            return
        tag, rest = split_language(scope["path"])
        if tag is not None:
            scope = dict(scope, path=rest, fedi_cluster_language=tag)
            await self._browsers(scope, receive, send)
            return
        for_machines, for_browsers = _serves(self._machines, scope), _serves(self._browsers, scope)
        if for_machines and for_browsers:
            chosen = self._machines if wants_machine_form(scope) else self._browsers
        elif for_machines or (not for_browsers and wants_machine_form(scope)):
            chosen = self._machines
        else:
            chosen = self._browsers
        await chosen(scope, receive, send)


def _serves(app: Starlette, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is not Match.NONE for route in app.routes)


def wants_machine_form(scope: Scope) -> bool:
    """Whether a request prefers ActivityStreams or JSON to a page.

    The first type that we can serve wins, as others do it: quality values are not used by any client that
    asks for both.
    """
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1").lower()
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
    routes: Sequence[Route], page: Callable[[Request, ClusterError | int], Awaitable[Response]]
) -> Starlette:
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, ClusterError)
        log_error(request, error)
        return await page(request, error)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await page(request, error.status_code)

    async def failed(request: Request, _error: Exception) -> Response:
        return await page(request, 500)

    return Starlette(
        routes=routes,
        exception_handlers={ClusterError: refused, HTTPException: unknown, Exception: failed},
    )


