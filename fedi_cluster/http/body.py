"""The body of a request, read once and under a limit."""

from starlette.requests import Request

from fedi_cluster.kernel.errors import TooLarge


async def read_body(request: Request, limit: int) -> bytes:
    """The raw bytes, read once; raises `TooLarge` as soon as there are more than `limit`."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes.")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"The body may have at most {limit} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)
