"""Each request gets an id, is timed, counted and logged by its route; it never looks at what was asked for.

What is counted and logged is the template of the route (`/r/{slug}`), not the path: paths hold names and
tokens.
"""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.types import Message, Receive, Scope, Send

from fedi_cluster.telemetry.doing import as_before, now_doing
from fedi_cluster.telemetry.metrics import count, observe
from fedi_cluster.telemetry.traces import span

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

NO_ROUTE = "none"
_KEY = "fedi_cluster_watched"
_GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_log = logging.getLogger(__name__)


class _Watched:
    """What is known of one request: the template of its route, once one was found."""

    __slots__ = ("route",)

    def __init__(self) -> None:
        self.route = NO_ROUTE


def name_route(scope: Scope, template: str) -> None:
    """Says which route answers: by the table's endpoints, and by whoever answers without them."""
    watched = scope.get(_KEY)
    if watched is not None:
        watched.route = template


def route_of(scope: Scope) -> str:
    """The template of the route that answers, NO_ROUTE where none was found."""
    watched = scope.get(_KEY)
    return NO_ROUTE if watched is None else watched.route


def count_refusal(scope: Scope, reason: str) -> None:
    """Counts that this request was refused; `reason` is the class of the error."""
    count("refusals", route=route_of(scope), reason=reason)


class Watch:
    """Around the whole application; `proxies` are the networks whose X-Request-Id is taken over."""

    def __init__(self, app: Asgi, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, and tells its id in `X-Request-Id`."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        identifier = self._identifier(scope)
        watched = scope[_KEY] = _Watched()
        status = 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", identifier.encode())]
            await send(message)

        before = now_doing(request=identifier)
        began = time.perf_counter()
        try:
            with span("request", method=scope["method"], request=identifier) as opened:
                await self._app(scope, receive, tell)
                if opened is not None:
                    opened.set_attribute("http.route", watched.route)
                    opened.set_attribute("http.response.status_code", status)
        finally:
            _told(scope["method"], watched.route, status, time.perf_counter() - began)
        # Not after an error: the server around us logs its trace, and then the id stands beside it.
        return as_before(before)

    def _identifier(self, scope: Scope) -> str:
        if self._proxies and self._is_from_proxy(scope.get("client")):
            for name, value in scope["headers"]:
                if name == b"x-request-id" and _GIVEN_ID.fullmatch(value):
                    return str(value, "ascii")
        return f"{random.getrandbits(64):016x}"

    def _is_from_proxy(self, client: tuple[str, int] | None) -> bool:
        if client is None:
            return False
        host, port = client
        # The server has put the visitor's address in the proxy's place, where it believed X-Forwarded-For:
        # then there is no port, and no connection comes from port 0.
        if port == 0:
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def _told(method: str, route: str, status: int, seconds: float) -> None:
    """Counts and logs a request that ended; status 0: the visitor was gone, or nothing was answered."""
    known = method if method in _METHODS else "other"
    observe("http_request", seconds, method=known, route=route, status=str(status))
    if _log.isEnabledFor(logging.INFO):
        _log.info("%s %s answered %d in %.1f ms", known, route, status, seconds * 1000)
