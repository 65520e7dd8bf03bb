"""What machines of the host ask: does it live, is it ready, what has it counted; nothing of the community.

`/health` says that the process answers, and asks nobody: whoever starts it anew when it fails must not do so
because a database is away. `/ready` says that requests can be served now. `/metrics` is not for the public.
"""

import asyncio
import secrets
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.requests import Request
from starlette.responses import Response

from fedi_cluster.http.gauges import gauges
from fedi_cluster.http.route import Access, Route
from fedi_cluster.kernel.errors import NotFound, Unavailable
from fedi_cluster.kernel.json import Json, dumps
from fedi_cluster.kernel.lru import bytes_in_all
from fedi_cluster.settings import Settings
from fedi_cluster.storage import migrate
from fedi_cluster.storage.apsw_dbapi import memory_used
from fedi_cluster.storage.database import Database
from fedi_cluster.telemetry import metrics
from fedi_cluster.telemetry.metrics import Gauge
from fedi_cluster.telemetry.readiness import Readiness

PATIENCE = 3.0
"""Seconds that the database has to answer."""

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True, slots=True)
class Operation:
    """What these answers need; `revision` is the schema that this process was started for."""

    settings: Settings
    db: Database
    readiness: Readiness
    revision: str | None


async def health(_request: Request, _operation: Operation) -> Response:
    """GET /health: the process lives."""
    return _answer({"status": "ok"})


async def ready(_request: Request, operation: Operation) -> Response:
    """GET /ready: 200, or 503 with the reason in one sentence."""
    reason = await _why_not(operation)
    if reason is None:
        return _answer({"status": "ready"})
    answer = _answer({"status": "not ready", "reason": reason}, 503)
    answer.headers["Retry-After"] = "5"
    return answer


async def counted(request: Request, operation: Operation) -> Response:
    """GET /metrics in Prometheus' text format; `NotFound` for who may not read it."""
    if not _may_read(request, operation.settings):
        raise NotFound("There is no such address here.")
    present: list[Gauge] = []
    answers = 1.0
    try:
        async with asyncio.timeout(PATIENCE):
            present = await operation.db.read(gauges, operation.settings.host)
    except (Unavailable, TimeoutError):  # what was counted is worth telling all the same
        answers = 0.0
    present.append(Gauge("database_up", "Whether the database answers.", (), {(): answers}))
    present.append(_caches())
    draining = float(operation.readiness.draining)
    present.append(Gauge("draining", "Whether this process is about to end.", (), {(): draining}))
    return Response(metrics.exposition(present), headers={"Content-Type": metrics.CONTENT_TYPE, **_UNKEPT})


OPERATION_ROUTES: tuple[Route[Operation], ...] = (
    Route("GET", "/health", health, Access.PUBLIC),
    Route("GET", "/ready", ready, Access.PUBLIC),
    Route("GET", "/metrics", counted, Access.LOCAL),
)

_UNKEPT = {"Cache-Control": "no-store"}


def _caches() -> Gauge:
    held: dict[tuple[str, ...], float] = {("answers",): bytes_in_all(), ("database",): memory_used()}
    return Gauge("cache_bytes", "What this process keeps to be quicker; each has a bound.", ("of",), held)


def _answer(document: Json, status: int = 200) -> Response:
    return Response(dumps(document), status, headers=_UNKEPT, media_type="application/json")


async def _why_not(operation: Operation) -> str | None:
    if operation.readiness.draining:
        return "The server is stopping and takes no new requests."
    try:
        async with asyncio.timeout(PATIENCE):
            found = await operation.db.read(migrate.revision_of)
    except TimeoutError:
        return f"The database has not answered for {PATIENCE:g} seconds."
    except Unavailable:
        return "The database does not answer."
    if found != operation.revision:
        return "The database has another schema than this version needs; run “fedi-cluster migrate”."
    return None


def _may_read(request: Request, settings: Settings) -> bool:
    """Whoever knows the token; else only a neighbour who asks directly: a proxy asks for the whole world."""
    scheme, _, word = request.headers.get("authorization", "").partition(" ")
    if settings.metrics_token and scheme.lower() == "bearer":
        return secrets.compare_digest(word.strip().encode(), settings.metrics_token.encode())
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
