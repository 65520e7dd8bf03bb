"""Spans for an OpenTelemetry collector where one is configured; else nothing is imported and nothing is kept.

    with span("job", job=job.id, kind=job.kind):
        ...

Spans inside a span of the same task are its children. Attributes are ids, kinds and hosts, as in logs.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from fedi_cluster.kernel.errors import ClusterError
from fedi_cluster.telemetry.doing import Field

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

PREFIX = "fedi_cluster."
_PATIENCE = 2.0  # seconds for a batch, repetitions included: the process may wait for the last one at its end
_NO_SPAN: AbstractContextManager[Any] = nullcontext()
_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None


def span(name: str, **attributes: Field) -> AbstractContextManager[Any]:
    """Measures what the block does under `name`; without a collector it costs a function call."""
    if _tracer is None:
        return _NO_SPAN
    return _tracer.start_as_current_span(
        name, attributes={PREFIX + key: value for key, value in attributes.items()}
    )


def begin_traces(endpoint: str, instance: str) -> None:
    """Sends spans to `endpoint` (OTLP over HTTP, the whole URL) under the name of the `instance`, a host.

    They are sent in the background, in batches; a collector that is away loses them and harms nobody. Call it
    once in each process, after it was forked. Raises `ClusterError` where the extra `otel` is not installed.
    """
    global _provider, _tracer  # noqa: PLW0603 - one collector for a process, as there is one log
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ClusterError(
            "The setting otel_endpoint needs OpenTelemetry, which is not installed: "
            "pip install 'fedi-cluster[otel]', or remove the setting.",
            detail=str(error),
        ) from error
    end_traces()
    resource = Resource.create({"service.name": "fedi-cluster", "service.instance.id": instance})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=_PATIENCE)))
    _tracer = _provider.get_tracer("fedi_cluster")


def end_traces() -> None:
    """Sends what waits, then ends; harmless where nothing was begun."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()
