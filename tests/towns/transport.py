"""HTTP between whole servers in one process, without sockets; it guards nothing: the client does that."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from httpx._transports.asgi import _ASGIApp

from fedi_cluster.kernel.errors import TooLarge, Unreachable
from fedi_cluster.outbound import Answer, Bounds
from fedi_cluster.outbound.body import Body
from fedi_cluster.outbound.guard import NOT_READABLE


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that travelled: `status` None where it did not arrive."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None


@dataclass(slots=True)
class _Town:
    carrier: httpx.ASGITransport
    down: bool = False
    seconds: float = 0.0
    answers: list[int] = field(default_factory=list)


class TownTransport:
    """Reaches applications by their authority (`host` or `host:port`); `log` keeps every request in order."""

    def __init__(self) -> None:
        self._towns: dict[str, _Town] = {}
        self._refused: dict[str, int] = {}
        self.log: list[Sent] = []

    def add(self, host: str, app: _ASGIApp) -> None:
        """Puts an ASGI application under an authority; again replaces it (a server that restarted)."""
        self._towns[host] = _Town(httpx.ASGITransport(app))

    def down(self, host: str, down: bool = True) -> None:
        """From now on the host refuses connections, or answers again."""
        self._towns[host].down = down

    def slow(self, host: str, seconds: float) -> None:
        """From now on the host takes so long to answer: over a request's bounds it is as if it never did.

        Nobody waits in truth; 0 makes it quick again.
        """
        self._towns[host].seconds = seconds

    def answer(self, host: str, status: int, times: int = 1) -> None:
        """The next `times` requests get `status` and an empty body; the application does not see them."""
        self._towns[host].answers.extend([status] * times)

    def refuse(self, url: str, status: int | None) -> None:
        """From now on this one address answers `status` and nothing else; None opens it again."""
        if status is None:
            self._refused.pop(url, None)
        else:
            self._refused[url] = status

    def sent_to(self, host: str, method: str | None = None) -> list[Sent]:
        """What travelled, or tried to, to one host."""
        return [
            sent for sent in self.log if urlsplit(sent.url).netloc == host and method in {None, sent.method}
        ]

    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, bounds: Bounds
    ) -> Answer:
        """One request, as `fedi_cluster.outbound.Transport` has it."""
        town = self._towns.get(urlsplit(url).netloc)
        if town is None or town.down:
            self.log.append(Sent(method, url, dict(headers), body, None))
            raise Unreachable(NOT_READABLE, detail="no such town" if town is None else "the town is down")
        if town.seconds >= min(bounds.read, bounds.total):
            self.log.append(Sent(method, url, dict(headers), body, None))
            raise Unreachable(NOT_READABLE, detail="no answer in time")
        if town.answers or url in self._refused:
            status = self._refused[url] if url in self._refused else town.answers.pop(0)
            self.log.append(Sent(method, url, dict(headers), body, status))
            return Answer(status, {}, b"", url)
        request = httpx.Request(method, url, headers=dict(headers), content=body)
        response = await town.carrier.handle_async_request(request)
        raw = b"".join([chunk async for chunk in response.aiter_raw()])
        await asyncio.sleep(0)  # others get their turn, as with a real network
        self.log.append(Sent(method, url, dict(headers), body, response.status_code))
        named = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, named, _decoded(raw, named, bounds), url)

    async def close(self) -> None:
        """Nothing to let go of."""


def _decoded(raw: bytes, headers: Mapping[str, str], bounds: Bounds) -> bytes:
    body = Body(headers.get("content-encoding", ""), bounds.max_bytes)
    try:
        body.feed(raw)
        return body.end()
    except TooLarge:
        if not bounds.cut:
            raise
        return body.so_far()
