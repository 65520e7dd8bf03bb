"""The headers that every page carries: what it may load, who may frame it, and that it stays encrypted."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from fedi_cluster.settings import Settings

_YEAR = 365 * 24 * 3600
CSP = (
    "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'"
)
"""What a page may load: itself only (limits.md, CSP of pages)."""

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


def standing_headers(settings: Settings) -> dict[str, str]:
    """The headers that every answer of the pages carries, unless it says otherwise itself."""
    standing = {
        "Content-Security-Policy": CSP,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if settings.secure:
        standing["Strict-Transport-Security"] = f"max-age={_YEAR}"
    return standing


def guarded(app: Asgi, settings: Settings) -> Asgi:
    """The application with its standing headers."""
    standing = standing_headers(settings)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in standing.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, send_guarded)

    return answer
