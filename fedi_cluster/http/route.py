"""One row of an interface's table: what answers where, and who may enter; silence means nobody."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

Desk = TypeVar("Desk")
"""What the handlers of an interface work with: federation's parts, or the site's."""


class Access(Enum):
    """Who may enter; `SIGNED` is another server that proves its name, `USER` somebody who signed in."""

    PUBLIC = "public"
    SIGNED = "signed"
    USER = "user"


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


def _endpoint(row: Route[Desk], desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await row.handler(request, desk)

    return endpoint
