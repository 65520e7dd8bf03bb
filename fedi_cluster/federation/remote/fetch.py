"""Signed reading of one document at its id; what comes from another place than its id is refused."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from fedi_cluster.community.instances import queries as instance_queries
from fedi_cluster.community.instances.rules import may_deliver
from fedi_cluster.federation.remote.signing import Form, OwnSigners, form_for, signer
from fedi_cluster.federation.vocab.media_types import ACCEPT, is_activity_type
from fedi_cluster.federation.vocab.uris import same_origin
from fedi_cluster.federation.vocab.webfinger import self_link
from fedi_cluster.kernel.addresses import Addresses, host_of
from fedi_cluster.kernel.clock import Clock
from fedi_cluster.kernel.errors import Forbidden, Gone, NotFound, Unreachable
from fedi_cluster.kernel.json import Json, parse_object
from fedi_cluster.outbound.client import Outbound
from fedi_cluster.outbound.transport import Answer
from fedi_cluster.storage.database import Database

_NOT_UNDERSTOOD = (400, 401, 403)


class Fetcher:
    """Reads documents as the instance actor."""

    def __init__(
        self, at: Addresses, db: Database, clock: Clock, outbound: Outbound, signers: OwnSigners
    ) -> None:
        self._at = at
        self._db = db
        self._clock = clock
        self._outbound = outbound
        self._signers = signers

    async def document(self, uri: str) -> Json:
        """The document at `uri` whose `id` is `uri` itself.

        A document that names another id of the same origin (an address of a page was given) is read once
        more at that id. Raises `NotFound` (404), `Gone` (410), `Unreachable` for everything else that is
        not such a document (federation.md 2.4, fetching rules).
        """
        wanted = uri.partition("#")[0]
        for _attempt in range(2):
            document, where = await self._read(wanted)
            found = document.get("id")
            if not isinstance(found, str) or not same_origin(where, found):
                raise Unreachable(
                    "The document is not the one that was asked for.", permanent=True, detail=wanted
                )
            if found in (wanted, uri):
                return document
            wanted = found
        raise Unreachable("The document names another id each time.", permanent=True, detail=uri)

    async def unless(self, uri: str, etag: str) -> Json | None:
        """The document at `uri` as in `document`; None where its ETag is still `etag` (RFC 9110, 304)."""
        answer = await self._get(uri, {"If-None-Match": f'"{etag}"'})
        if answer.status == 304:
            return None
        document = _document(answer, uri)
        if answer.url != uri or document.get("id") != uri:
            raise Unreachable("The document is not the one that was asked for.", permanent=True, detail=uri)
        return document

    async def buried(self, uri: str) -> Json:
        """What answers with 410 at the id of a deleted thing, empty where it is no document of that id.

        Raises `NotFound` and `Unreachable` where the answer is another.
        """
        answer = await self._get(uri)
        if answer.status == 404:
            raise NotFound("The other server does not have this.", detail=uri)
        if answer.status != 410:
            raise _refused(answer, uri)
        if answer.url != uri or not is_activity_type(answer.headers.get("content-type", "")):
            return {}
        document = parse_object(answer.body)
        return document if document.get("id") == uri else {}

    async def part(self, uri: str) -> Json:
        """A document that need not carry its own id, such as a page of a collection."""
        document, where = await self._read(uri)
        if not same_origin(where, uri):
            raise Unreachable("The document lies elsewhere.", permanent=True, detail=uri)
        return document

    async def webfinger(self, resource: str, host: str) -> str:
        """The actor id that `host` names for an `acct:` (RFC 7033); raises `NotFound`, `Unreachable`."""
        scheme = urlsplit(self._at.base).scheme
        answer = await self._outbound.get(
            f"{scheme}://{host}/.well-known/webfinger?resource={quote(resource, safe=':@')}",
            accept="application/jrd+json, application/json",
        )
        if answer.status in (404, 410):
            raise NotFound("The other server does not know this account.", detail=resource)
        if answer.status != 200:
            raise Unreachable("The other server does not answer.", detail=f"{answer.status} for {resource}")
        found = self_link(parse_object(answer.body))
        if found is None:
            raise NotFound("The other server names no account of this protocol.", detail=resource)
        return found

    async def _read(self, uri: str) -> tuple[Json, str]:
        answer = await self._get(uri)
        return _document(answer, uri), answer.url

    async def _get(self, uri: str, headers: Mapping[str, str] | None = None) -> Answer:
        if not may_deliver(await self._db.read(instance_queries.instance, host_of(uri))):
            raise Forbidden("This instance does not talk with yours.", detail=uri)
        form = await self._db.read(form_for, self._at, host_of(uri))
        answer = await self._knock(uri, form, headers)
        if answer.status in _NOT_UNDERSTOOD and form.other:
            answer = await self._knock(uri, form.other, headers)
        return answer

    async def _knock(self, uri: str, form: Form, headers: Mapping[str, str] | None) -> Answer:
        sign = signer(self._signers.of_instance(), form, self._clock.now())
        return await self._outbound.get(uri, accept=ACCEPT, headers=headers, signer=sign)


def _document(answer: Answer, uri: str) -> Json:
    if answer.status == 404:
        raise NotFound("The other server does not have this.", detail=uri)
    if answer.status == 410:
        raise Gone("The other server has deleted this.", detail=uri)
    if answer.status != 200:
        raise _refused(answer, uri)
    if not is_activity_type(answer.headers.get("content-type", "")):
        raise Unreachable("The other server gave something else.", permanent=True, detail=uri)
    return parse_object(answer.body)


def _refused(answer: Answer, uri: str) -> Unreachable:
    again = answer.status in (408, 425, 429) or answer.status >= 500
    detail = f"{answer.status} at {uri}"
    return Unreachable("The other server does not give this document.", permanent=not again, detail=detail)
