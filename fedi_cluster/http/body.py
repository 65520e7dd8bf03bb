"""The body of a request, read once and under a limit."""

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from fedi_cluster.kernel.errors import TooLarge


def first_lines(request: Request) -> Mapping[bytes, bytes]:
    """The headers as they came, of repeated ones the first; for who asks for several of them."""
    return dict(reversed(request.scope["headers"]))


async def read_body(request: Request, limit: int, declared: bytes) -> bytes:
    """The raw bytes, read once; `declared` is what `Content-Length` says, or empty.

    Raises `TooLarge` as soon as there are more than `limit`, and `ClientDisconnect` where the sender goes
    away half way.
    """
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        more = message.get("more_body", False)
    return b"".join(chunks)
