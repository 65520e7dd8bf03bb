"""Answers that were made once, as bytes: with a strong ETag, and sent again without making them anew.

It decides neither what may be kept nor whether it still holds: documents and pages know that themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fedi_cluster.http.watch import name_route, route_of

Headers = list[tuple[bytes, bytes]]

# RFC 9110, 15.4.5: what a 304 repeats of the answer that it stands for.
_ON_304 = frozenset((b"cache-control", b"content-language", b"etag", b"link", b"set-cookie", b"vary"))


def etag_of(body: bytes) -> str:
    """The strong validator of a body."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def _is_known(etag: bytes, wanted: bytes) -> bool:
    """Whether an If-None-Match names this ETag; compared weakly, as RFC 9110 (13.1.2) says."""
    return wanted.strip() == b"*" or any(
        one.strip().removeprefix(b"W/") == etag for one in wanted.split(b",")
    )


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer whole; `route` is the template of the route that made it, for the log and the figures."""

    status: int
    headers: Headers
    short: Headers
    body: bytes
    etag: bytes
    route: str

    async def send(self, scope: Scope, send: Send) -> None:
        """Sends it, or a 304 where the visitor has it; to HEAD without the body."""
        name_route(scope, self.route)
        wanted = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
        if wanted is not None and self.status == 200 and _is_known(self.etag, wanted):
            await send({"type": "http.response.start", "status": 304, "headers": self.short})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self.body})

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.body) + 60 * len(self.headers)


class Sent(Response):
    """A kept answer where Starlette wants a response."""

    def __init__(self, kept: KeptAnswer) -> None:
        super().__init__(status_code=kept.status)
        self.kept = kept
        self.raw_headers = list(kept.headers)
        self.body = kept.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        await self.kept.send(scope, send)


def kept_answer(
    request: Request, response: Response, standing: Mapping[str, str] | None = None
) -> KeptAnswer:
    """A response as bytes, with its ETag; `standing` are headers that it gets where it has none of its own.

    Nobody keeps it without asking again (`no-cache`): an edit is seen at once.
    """
    body = bytes(response.body)
    for name, value in (standing or {}).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-cache")
    response.headers["ETag"] = etag_of(body)
    headers = list(response.raw_headers)
    return KeptAnswer(
        response.status_code,
        headers,
        [header for header in headers if header[0] in _ON_304],
        body,
        response.headers["ETag"].encode("ascii"),
        route_of(request.scope),
    )
