"""Pages and feeds as bytes, sent again as long as nobody has written anything into the database.

A page that is kept may depend on nothing but its address, the visitor's language and the database.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from fedi_cluster.http.kept import KeptAnswer, Sent, kept_answer
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.storage.glance import Glance
from fedi_cluster.web.language import language_of

MOST_BYTES = 6 << 20
_LONGEST_ADDRESS = 300
_VERSION = "fedi_cluster_version"

_Key = tuple[str, bytes, str, bool]


class KeptPages:
    """The pages and feeds of one instance that were asked for last; `standing` are headers of them all."""

    def __init__(self, glance: Glance, own_language: str, standing: dict[str, str]) -> None:
        self._glance = glance
        self._own_language = own_language
        self._standing = standing
        self._held: ByteLru[_Key, tuple[KeptAnswer, object]] = ByteLru(MOST_BYTES)

    async def ready(self, scope: Scope) -> KeptAnswer | None:
        """The answer to a request for a page, where it was made before and nothing was written since."""
        held = self._held.get(self._key(scope))
        if held is None:
            return None
        version = scope[_VERSION] = await self._glance.version()
        return held[0] if version is not None and held[1] == version else None

    async def begin(self, scope: Scope) -> None:
        """Before a page is made: notes of what state of the database it will be."""
        if _VERSION not in scope:
            scope[_VERSION] = await self._glance.version()

    def keep(self, request: Request, response: Response) -> Response:
        """The answer as bytes; it is kept where it is a page."""
        if response.status_code != 200:
            return response
        answer = kept_answer(request, response, self._standing)
        # Asked before the page was made: it holds while this is so, and never a moment longer.
        version = request.scope.get(_VERSION)
        key = self._key(request.scope)
        if version is not None and len(key[0]) + len(key[1]) <= _LONGEST_ADDRESS:
            self._held.put(key, (answer, version), answer.size + _LONGEST_ADDRESS)
        return Sent(answer)

    def _key(self, scope: Scope) -> _Key:
        prefix, tag, remembered = language_of(scope, self._own_language)
        return scope["path"], scope["query_string"], tag, bool(prefix and prefix != remembered)
