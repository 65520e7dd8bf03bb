"""Reading from and delivering to strangers: guarded hop by hop, signed anew on each; it keeps no state."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from urllib.parse import urljoin

from fedi_cluster import __version__
from fedi_cluster.kernel.errors import Unreachable
from fedi_cluster.outbound.guard import NOT_READABLE, Target, check_url
from fedi_cluster.outbound.patience import Patience
from fedi_cluster.outbound.transport import Answer, Bounds, Transport
from fedi_cluster.settings import Settings
from fedi_cluster.telemetry.metrics import observe
from fedi_cluster.telemetry.traces import span

# method, URL and body of one request -> the headers that sign it
Signer = Callable[[str, str, bytes], Mapping[str, str]]

_REDIRECTS = {301, 302, 303, 307, 308}
# What was meant for one server alone is not shown to the next.
_FOR_ONE_SERVER = {"authorization", "cookie", "proxy-authorization"}
_DELIVERY_ANSWER = 64 * 1024
_MOST_CHECKED = 1024
_MOST_SLOW_READ, _MOST_SLOW_DELIVERED = 16, 128
"""Half of the jobs that read, and of those that deliver, at once; the rest is for those who answer soon."""

_log = logging.getLogger(__name__)


class Outbound:
    """All HTTP to strangers. Errors look alike to visitors; `detail` tells the log what happened."""

    def __init__(self, settings: Settings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport
        self._checked: dict[str, Target] = {}
        self._slow_read = Patience(settings.limits.slow, _MOST_SLOW_READ)
        self._slow_delivered = Patience(settings.limits.slow, _MOST_SLOW_DELIVERED)
        self.user_agent = f"fedi-cluster/{__version__} (+{settings.base_url}/)"

    async def get(
        self,
        url: str,
        *,
        accept: str = "*/*",
        headers: Mapping[str, str] | None = None,
        signer: Signer | None = None,
        max_bytes: int | None = None,
        total: float | None = None,
    ) -> Answer:
        """The answer of the last hop, whatever its status: the caller judges status and media type.

        Follows at most `limits.redirects` redirects, of the same scheme and never to a URL a second time;
        `Answer.url` is where it ended, and the caller compares its origin with the id that it wanted.
        `max_bytes` (decoded; default `limits.remote_document`) and `total` (seconds over all hops; default
        `limits.total`) bound it, and `limits.slow` where too many are slow at once. Raises Unreachable and
        TooLarge.
        """
        limits = self._settings.limits
        clock = asyncio.get_running_loop().time
        deadline = clock() + (limits.total if total is None else total)
        wanted = {"Accept": accept, "Accept-Encoding": "gzip", **(headers or {})}
        bounds = Bounds(max_bytes or limits.remote_document, limits.connect, limits.read, limits.total)
        target = self._check(url)
        seen = {target.url}
        while True:
            left = deadline - clock()
            if left <= 0:
                raise Unreachable(NOT_READABLE, detail="no answer in time, after redirects")
            sent = self._headers("GET", target, b"", wanted, signer)
            exchange = self._transport.exchange("GET", target.url, sent, b"", replace(bounds, total=left))
            answer = await _patiently(self._slow_read, target, exchange)
            where = answer.headers.get("location")
            if answer.status not in _REDIRECTS or where is None:
                return answer
            if len(seen) > limits.redirects:
                raise _astray("too many redirects", target)
            following = self._follow(target, where)
            if following.url in seen:
                raise _astray("a redirect in a circle", target)
            if following.origin != target.origin:
                wanted = {
                    name: value for name, value in wanted.items() if name.lower() not in _FOR_ONE_SERVER
                }
            seen.add(following.url)
            target = following

    def _follow(self, target: Target, where: str) -> Target:
        try:
            following = self._check(urljoin(target.url, where))
        except ValueError as error:
            raise _astray("a redirect to no URL", target) from error
        if following.scheme != target.scheme:
            raise _astray("a redirect to another scheme", target)
        return following

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        content_type: str = "application/activity+json",
        headers: Mapping[str, str] | None = None,
        signer: Signer | None = None,
    ) -> Answer:
        """The answer to a delivery, whatever its status; a redirect is an answer too and is not followed.

        Its body is cut at 64 KiB, or where it stops coming. Takes at most `limits.delivery_total` seconds,
        and `limits.slow` where too many are slow at once. Raises Unreachable.
        """
        limits = self._settings.limits
        target = self._check(url)
        wanted = {
            "Content-Type": content_type,
            "Accept": "*/*",
            **(headers or {}),
            "Accept-Encoding": "identity",
        }
        sent = self._headers("POST", target, body, wanted, signer)
        bounds = Bounds(_DELIVERY_ANSWER, limits.connect, limits.read, limits.delivery_total, cut=True)
        began, ended = time.perf_counter(), "unreachable"
        try:
            with span("delivery", host=target.authority):
                exchange = self._transport.exchange("POST", target.url, sent, body, bounds)
                answer = await _patiently(self._slow_delivered, target, exchange)
            ended = f"{answer.status // 100}xx"
        finally:
            seconds = time.perf_counter() - began
            observe("delivery", seconds, outcome=ended)
            if _log.isEnabledFor(logging.INFO):
                _log.info("delivery to %s: %s after %.1f ms", target.authority, ended, seconds * 1000)
        return answer

    async def close(self) -> None:
        """Lets go of all connections."""
        await self._transport.close()

    def _check(self, url: str) -> Target:
        known = self._checked.get(url)
        if known is not None:
            return known  # the address behind it is checked anew with each connection
        target = check_url(url, self._settings)
        if target.authority == self._settings.host:
            # Our own documents are in the database; by the network they would wait for ourselves.
            raise Unreachable(NOT_READABLE, permanent=True, detail=f"our own server: {target.url[:200]}")
        if len(self._checked) >= _MOST_CHECKED:
            self._checked.clear()
        self._checked[url] = target
        return target

    def _headers(
        self, method: str, target: Target, body: bytes, wanted: Mapping[str, str], signer: Signer | None
    ) -> dict[str, str]:
        signed = {} if signer is None else dict(signer(method, target.url, body))
        return {**wanted, **signed, "Host": target.authority, "User-Agent": self.user_agent}


async def _patiently(patience: Patience, target: Target, exchange: Awaitable[Answer]) -> Answer:
    try:
        async with patience.wait_for(target.authority):
            return await exchange
    except TimeoutError as error:
        raise Unreachable(NOT_READABLE, detail="no answer soon, and too many are slow") from error


def _astray(what: str, target: Target) -> Unreachable:
    return Unreachable(NOT_READABLE, permanent=True, detail=f"{what} at {target.url[:200]}")
