"""One row of an interface's table: what answers where, and who may enter; silence means nobody."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from fedi_cluster.http.kept import Sent, kept_answer
from fedi_cluster.http.watch import name_route

Desk = TypeVar("Desk")
"""What the handlers of an interface work with: federation's parts, or the site's."""


class Access(Enum):
    """Who may enter; `SIGNED` is another server that proves its name, `USER` somebody who signed in,
    `LOCAL` the host's own machines."""

    PUBLIC = "public"
    SIGNED = "signed"
    USER = "user"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Route(Generic[Desk]):
    """`path` as Starlette writes it; a GET answers HEAD too. `access` has no default."""

    method: str
    path: str
    handler: Callable[[Request, Desk], Awaitable[Response]]
    access: Access


def starlette_routes(table: Sequence[Route[Desk]], desk: Desk) -> list[StarletteRoute]:
    """The table as Starlette serves it."""
    return [StarletteRoute(row.path, _endpoint(row, desk), methods=[row.method]) for row in table]


def _known_again(request: Request, response: Response, row: Route[Desk]) -> Response:
    """What everybody may read gets its ETag, unless it has its own or says how long it holds."""
    if row.access is not Access.PUBLIC or row.method != "GET" or response.status_code != 200:
        return response
    if isinstance(response, Sent) or {"cache-control", "etag"} & set(response.headers):
        return response
    return Sent(kept_answer(request, response))


def _endpoint(row: Route[Desk], desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        name_route(request.scope, row.path)
        return _known_again(request, await row.handler(request, desk), row)

    return endpoint
