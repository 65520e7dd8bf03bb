"""Begins logs, metrics and traces of a process as the settings want them; it does none of the work itself."""

import logging
from typing import TYPE_CHECKING

from fedi_cluster.telemetry import logs

if TYPE_CHECKING:
    from fedi_cluster.settings import Settings

_log = logging.getLogger(__name__)


def begin_telling(settings: "Settings", log_level: str | None = None) -> None:
    """Logs to standard error; and where several processes may serve one database they count together.

    `log_level` wins over the setting. Before processes are forked, and before anything is counted.
    """
    logs.begin_log(log_level or settings.log_level, settings.log_format)
    if settings.database_url.startswith("sqlite"):
        return
    from fedi_cluster.telemetry import metrics

    try:
        metrics.share(settings.data_dir / "metrics")
    except OSError as error:  # a folder that cannot be written is no reason not to serve
        _log.warning("each process counts for itself alone: %s", error)


def begin_tracing(settings: "Settings") -> None:
    """Sends traces where the settings say so; in each process, after it was forked.

    Raises `ClusterError` where OpenTelemetry is not installed.
    """
    if settings.otel_endpoint:
        from fedi_cluster.telemetry.traces import begin_traces

        begin_traces(settings.otel_endpoint, settings.host)
