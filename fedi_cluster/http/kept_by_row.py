"""Documents as signed bytes, sent again as long as the row that they were made from is the same.

The row is asked each time, by one point read: who edits, likes, deletes or changes a key sees it at once, in
whatever process. What not everybody may read is never here, because only public routes keep their answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from fedi_cluster.http.kept import KeptAnswer, Sent, kept_answer
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.kernel.lru import ByteLru
from fedi_cluster.storage.database import Database
from fedi_cluster.storage.glance import RowStamp
from fedi_cluster.storage.unit import Reader

MOST_BYTES = 6 << 20
_LONGEST_KEY = 300


@dataclass(frozen=True, slots=True)
class Made:
    """A document, its status, and the row that it was made from: `stamp` names the columns."""

    document: Json
    stamp: RowStamp
    row_id: int
    status: int = 200


@dataclass(frozen=True, slots=True)
class _Held:
    answer: KeptAnswer
    stamp: RowStamp
    row_id: int
    seen: tuple[object, ...]


def _key(scope: Scope) -> str:
    """The address; parameters belong to it, since WebFinger's say whom it is about."""
    query = scope["query_string"]
    path: str = scope["path"]
    return path if not query else f"{path}?{query.decode('latin-1')}"


class KeptByRow:
    """The documents of one instance that were asked for last."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._held: ByteLru[str, _Held] = ByteLru(MOST_BYTES)

    async def ready(self, scope: Scope) -> KeptAnswer | None:
        """The answer to a request for a document, where it was made before and still holds."""
        held = self._held.get(_key(scope))
        if held is None or await self._db.glance.row(held.stamp, held.row_id) != held.seen:
            return None
        return held.answer

    async def serve(
        self,
        request: Request,
        make: Callable[[Reader], Made],
        media_type: str,
        headers: Mapping[str, str],
    ) -> Response:
        """Makes the document, keeps it and answers with it; errors of `make` come through."""

        def read(reader: Reader) -> tuple[Made, tuple[object, ...] | None]:
            made = make(reader)
            return made, made.stamp.read(reader, made.row_id)

        made, seen = await self._db.read(read)
        response = Response(dumps(made.document), made.status, headers, media_type)
        answer = kept_answer(request, response)
        key = _key(request.scope)
        if seen is not None and len(key) <= _LONGEST_KEY:
            # The stamp of an actor is about as long as its document.
            size = answer.size + len(key) + len(repr(seen))
            self._held.put(key, _Held(answer, made.stamp, made.row_id, seen), size)
        return Sent(answer)
