"""Errors as machines read them: problem details (RFC 9457, FEP-c180) with the member `error` of Mastodon."""

import logging
import time

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.http.watch import count_refusal, route_of
from fedi_cluster.kernel.errors import ClusterError, Invalid, TooMany
from fedi_cluster.kernel.json import Json, dumps

_QUIET = 10.0
"""Seconds between two warnings of the same lack: a full disk refuses everybody."""

_log = logging.getLogger(__name__)

_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid",
    429: "Too many requests",
    500: "Internal error",
    502: "Bad gateway",
    503: "Unavailable",
}


def title_of(status: int) -> str:
    """The short English name of a status."""
    return _TITLES.get(status, "Error")


def problem(status: int, public: str, **more: object) -> Response:
    """A problem document; `public` says what to do about it."""
    document: Json = {
        "type": "about:blank",
        "title": title_of(status),
        "status": status,
        "detail": public,
        "error": public,
        **more,
    }
    return Response(dumps(document), status, media_type="application/problem+json")


def problem_of(error: ClusterError) -> Response:
    """The answer to an error of the family."""
    answer = problem(
        error.status, error.public, **({"fields": error.fields} if isinstance(error, Invalid) else {})
    )
    if isinstance(error, TooMany):
        answer.headers["Retry-After"] = str(error.retry_after)
    elif error.status == 503:
        answer.headers["Retry-After"] = "30"
    return answer


def log_error(request: Request, error: Exception) -> None:
    """Counts and logs: a refusal in a line, what we lack as a warning, the unforeseen with its trace.

    It names the template of the route: a path may hold a token.
    """
    count_refusal(request.scope, type(error).__name__)
    where = f"{request.method} {route_of(request.scope)}"
    if isinstance(error, ClusterError):
        _log.log(_weight(error), "%s: %s %s", where, error.status, error.detail)
    else:
        _log.error("%s failed", where, exc_info=error)


# What was said -> when it was last logged as a warning; our own sentences, so they are few.
_warned: dict[str, float] = {}


def _weight(error: ClusterError) -> int:
    now = time.monotonic()
    if error.status != 503 or now - _warned.get(error.public, -_QUIET) < _QUIET:
        return logging.INFO
    _warned[error.public] = now
    return logging.WARNING
