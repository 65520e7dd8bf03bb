"""Asks other servers where their people go to follow from home; it keeps short what it learnt and no more."""

from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from fedi_cluster.federation.vocab.webfinger import subscribe_link
from fedi_cluster.kernel.addresses import Addresses
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import NotFound, Unreachable
from fedi_cluster.kernel.json import parse_object
from fedi_cluster.outbound.client import Outbound

_HELD_FOR = timedelta(minutes=10)
_MOST_HELD = 500
_MOST_BYTES = 64 * 1024
_SECONDS = 5.0  # a person waits for it


class SubscribeTemplates:
    """Templates by host: a server has the same for all its people, so one answer serves many visitors."""

    def __init__(self, at: Addresses, clock: Clock, outbound: Outbound) -> None:
        self._at = at
        self._clock = clock
        self._outbound = outbound
        self._held: dict[str, tuple[datetime, str | None]] = {}

    async def of_handle(self, handle: str) -> str | None:
        """As `community.actors.ports.SubscribeTemplate` has it; `handle` is `name@host`."""
        host = handle.rpartition("@")[2].lower()
        held = self._held.get(host)
        if held and held[0] + _HELD_FOR > self._clock.now():
            return held[1]
        found = await self._ask(handle, host)
        if len(self._held) >= _MOST_HELD:
            self._held.clear()
        self._held[host] = (self._clock.now(), found)
        return found

    async def _ask(self, handle: str, host: str) -> str | None:
        scheme = urlsplit(self._at.base).scheme
        answer = await self._outbound.get(
            f"{scheme}://{host}/.well-known/webfinger?resource={quote(f'acct:{handle}', safe=':@')}",
            accept="application/jrd+json, application/json",
            max_bytes=_MOST_BYTES,
            total=_SECONDS,
        )
        if answer.status in (400, 404, 410):
            raise NotFound("The other server does not know this account.", detail=handle)
        if answer.status != 200:
            raise Unreachable("The other server does not answer.", detail=f"{answer.status} for {handle}")
        template = subscribe_link(parse_object(answer.body))
        return template if template and template.startswith(f"{scheme}://") else None
